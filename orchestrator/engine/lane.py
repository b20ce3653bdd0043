"""One account's queue of starts with one rate budget."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tenacity import AsyncRetrying, retry_if_result

from orchestrator.core.attempt.verdict import Verdict, VerdictKind, backoff, classify
from orchestrator.core.journal.control import LaunchHeld
from orchestrator.core.journal.states import Event, State
from orchestrator.core.plan.plan import Action, Entry
from orchestrator.core.rules.circuit_breaker import BreakerState
from orchestrator.core.rules.pacing import Pacer, arrived_by
from orchestrator.engine.circuit_breaker import CircuitBreaker
from orchestrator.engine.open_windows import WindowClosed
from orchestrator.engine.probe import Probe
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.reader import Reader
from orchestrator.engine.run_state import Context
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.engine.throttle import Throttle
from orchestrator.engine.work_queue import Job, WorkQueue
from orchestrator.errors import JournalWriteError, LeaseLost
from orchestrator.model import Fault, Lane, Progress, Reply, Stop, StopReason

_NO_PERMIT = Fault(Progress.UNSENT, "there was no permit", None, 0.0)
_AGAIN = frozenset({VerdictKind.NOT_SENT, VerdictKind.LIMITED, VerdictKind.UNAUTHORIZED})


class LaneRunner:
    """Starts the campaigns of one account, wave by wave. Lanes know nothing of each other."""

    def __init__(self, context: Context, lane: Lane, account: str, pacer: Pacer) -> None:
        self._context = context
        self._in_flight = context.manifest.accounts[account].in_flight
        self.account = account
        self.lane = lane
        self.stop_signal = StopSignal(context.stop_signal)
        self.gate = RateLimiter(pacer, context.clock, self.stop_signal, self._holds)
        self._throttle = Throttle(context, lane, account, self.gate, self.stop_signal)
        self.reader = Reader(context, self.gate, self.stop_signal, self._throttle)
        self._probe = Probe(context, self.reader, self.stop_signal)
        self._guard = CircuitBreaker(context, lane, self.reader, self.stop_signal, self._stop)
        context.stoppers[lane] = self._stop

    async def run(self, entries: Sequence[Entry], *, is_late: bool = False) -> None:
        """Start, or judge, every entry; returns when each has its outcome, is held, or the lane stops.

        `is_late`: so much time has passed since the plan that the live states are looked at again.
        """
        turns = WorkQueue(self._context, self.stop_signal, self.reader, entries, is_late=is_late)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._in_flight, len(entries))):
                group.create_task(self._work(turns, group))

    @contextmanager
    def _until_stopped(self) -> Iterator[None]:
        """Ends a piece of work when the lane or the run has to stop, and sees to it that they do."""
        try:
            yield
        except StopRequested:
            return
        except LeaseLost as lost:
            self._stop(StopReason.LEASE_LOST, lost.message)
        except JournalWriteError as broken:
            # Everybody else's journal is the same: the whole run stops, and what is in flight is awaited.
            self._context.stop_signal.set(Stop(StopReason.JOURNAL, broken.message))

    def _holds(self) -> bool:
        return self._context.journal.holds(self.lane)

    async def _work(self, turns: WorkQueue, group: asyncio.TaskGroup) -> None:
        with self._until_stopped():
            while (job := await turns.next()) is not None:
                if job.entry.decision.action is Action.JUDGE:
                    group.create_task(self._judge_leftover(job.entry))
                    continue
                try:
                    await self._start(job, group)
                except WindowClosed:
                    turns.put_back(job)

    async def _start(self, job: Job, group: asyncio.TaskGroup) -> None:
        verdict = await self._attempt(job)
        if verdict.kind in _AGAIN and not self._is_over(job):
            await self.stop_signal.sleep(self._pause(job))
            verdict = await self._again(job)
        if verdict.kind is VerdictKind.INDETERMINATE:
            group.create_task(self._judge(job.entry))
        elif verdict.kind in _AGAIN and self.stop_signal.stop is None:
            await self._give_up(job, verdict)

    async def _again(self, job: Job) -> Verdict:
        """Attempts until one is not to be repeated, or enough were made.

        Not the first attempt, which is nearly everybody's last: tenacity's loop costs half as much as a call.
        """
        verdict: Verdict = await AsyncRetrying(
            sleep=self.stop_signal.sleep,
            wait=lambda _: self._pause(job),
            stop=lambda _: self._is_over(job),
            retry=retry_if_result(lambda verdict: verdict.kind in _AGAIN),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )(self._attempt, job)
        return verdict

    def _is_over(self, job: Job) -> bool:
        retry = self._context.manifest.retry
        late = job.begun is not None and self._context.clock.now() - job.begun >= retry.max_elapsed
        is_over = (late or job.sends >= retry.attempts) and job.hindrance is None
        return is_over or self.stop_signal.stop is not None

    def _pause(self, job: Job) -> float:
        """Only a call that never arrived is waited for here; the gate holds back the others."""
        if job.sends == 0:
            return 0.0
        return backoff(job.sends, *self._context.manifest.retry.backoff, self._context.random)

    async def _slot(self, job: Job) -> None:
        """Wait until the job may leave, and take a slot. Raises WindowClosed, Halted or LeaseLost, taking nothing."""
        while True:
            await self._wait_until_open(job)  # first: a pause may outlast a window
            await self._guard.wait()
            if await self.gate.enter(lambda: self._guard.admits() and self._context.hours.is_open(job.window)):
                return
            if not self._context.hours.is_open(job.window):
                raise WindowClosed

    async def _wait_until_open(self, job: Job) -> None:
        asked = self._context.clock.now()
        await self._context.listener.wait_until_open(self.stop_signal)
        if job.begun is not None:
            job.begun += self._context.clock.now() - asked  # a pause is no failure: it must not use up max_elapsed

    async def _attempt(self, job: Job) -> Verdict:
        while True:
            await self._slot(job)
            self._guard.left()
            try:
                return await self._exchange(job)
            except LaunchHeld as held:
                self._context.listener.hear(held.control_state)
            finally:
                self._guard.back()

    async def _exchange(self, job: Job) -> Verdict:
        job.begun = job.begun or self._context.clock.now()
        answer: Reply | Fault | None = None
        try:
            answer = await self._send(job)
        except (LaunchHeld, LeaseLost, JournalWriteError):
            answer = _NO_PERMIT
            raise
        finally:
            self.gate.leave(arrived_by(answer, self._context.clock.now(), self._context.manifest.timeouts.total))
        verdict = classify(answer)
        if verdict.kind is VerdictKind.LIMITED:
            self._throttle.limited(answer)  # before anything is awaited: the next call must not slip through
        await asyncio.shield(self._context.write(self._verdict_record(job.entry, answer, verdict)))
        self._follow(job, verdict)
        return verdict

    async def _send(self, job: Job) -> Reply | Fault:
        context, entry, job.hindrance = self._context, job.entry, None
        attempt = context.history(entry.key).attempt + 1
        baseline = entry.live.as_json() if entry.live else None
        deadline = context.clock.now() + context.manifest.timeouts.total
        intent = context.line(entry.key, attempt, Event.INTENT, self.lane, {"deadline": deadline, "baseline": baseline})
        permit = await context.journal.permit(intent)
        context.moved(intent)
        return await context.api.start(entry.target, permit, check=lambda: self._objection(job))

    def _objection(self, job: Job) -> str | None:
        """Why nothing may be sent now, asked right before the first byte: connecting may take its time."""
        job.hindrance = self.gate.objection()
        if job.hindrance is None and not self._context.hours.is_open(job.window):
            job.hindrance = f"not sent: window {job.window} has closed"
        if job.hindrance is None and self._guard.breaker.state is BreakerState.OPEN:
            job.hindrance = "not sent: the starts before it got lost"
        return job.hindrance

    def _verdict_record(self, entry: Entry, answer: Reply | Fault, verdict: Verdict) -> Any:
        data = {
            "event": str(verdict.kind),
            "message": verdict.message,
            "http_status": answer.http_status,
            "sent_at": answer.sent_at,
            "elapsed_ms": round(answer.elapsed * 1000, 1),
            "updated_at": verdict.updated_at,
        }
        attempt = self._context.history(entry.key).attempt
        self._context.observer.event(
            "start_answered", campaign=entry.key, attempt=attempt, verdict=str(verdict.kind), lane=self.lane,
            http_status=answer.http_status, elapsed_ms=data["elapsed_ms"], message=verdict.message,
        )  # fmt: skip
        return self._context.line(entry.key, attempt, "verdict", self.lane, data)

    def _follow(self, job: Job, verdict: Verdict) -> None:
        """What a verdict means for the job's next attempt and for its lane."""
        job.message = verdict.message
        if job.hindrance is not None:
            return  # we did not send it ourselves: that is no attempt, and no sign of the platform
        self._guard.judged(job.entry.target, verdict.kind)
        if verdict.kind is VerdictKind.NOT_SENT:
            job.sends += 1
        elif verdict.kind is VerdictKind.UNAUTHORIZED:
            job.refused_tokens += 1
            if job.refused_tokens > 1:
                self._stop(StopReason.CREDENTIAL, f"a new token was rejected too ({verdict.message})")

    def _stop(self, reason: StopReason, detail: str) -> None:
        self.stop_signal.set(Stop(reason, f"account {self.account}: {detail}"))
        self._context.observer.event("lane_stopped", lane=self.lane, reason=str(reason), message=detail)

    async def _give_up(self, job: Job, verdict: Verdict) -> None:
        attempt = self._context.history(job.entry.key).attempt
        message = f"gave up after {attempt} attempts, none of which was carried out: {verdict.message}"
        record = self._context.line(job.entry.key, attempt, Event.GAVE_UP, self.lane, {"message": message})
        await asyncio.shield(self._context.write(record))

    async def _judge(self, entry: Entry) -> None:
        with self._until_stopped():
            await self._probe.judge(entry, since=self._context.clock.now())

    async def _judge_leftover(self, entry: Entry) -> None:
        """An open intent of an earlier run: its holder may send until the deadline, and wait for the timeout."""
        history = self._context.history(entry.key)
        over = float(history.intent.get("deadline", 0.0)) + self._context.manifest.timeouts.total
        with self._until_stopped():
            if history.state is State.INTENDED:
                await self.stop_signal.sleep(max(0.0, over - self._context.clock.now()))
            await self._probe.judge(entry, since=history.intent_at or 0.0)
