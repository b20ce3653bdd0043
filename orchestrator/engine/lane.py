"""One account's queue of starts, with one rate limit."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tenacity import AsyncRetrying, retry_if_result

from orchestrator.core.attempt.permit import ended_by
from orchestrator.core.attempt.verdict import Verdict, VerdictKind, backoff, classify
from orchestrator.core.gauge import LaneGauge
from orchestrator.core.journal.control import LaunchHeld
from orchestrator.core.journal.states import State
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Entry
from orchestrator.core.rules.pacing import Pacer, arrived_by
from orchestrator.core.rules.stop_rules import tripped
from orchestrator.engine.circuit_breaker import BreakerOpen, CircuitBreaker
from orchestrator.engine.list_watch import ListWatch
from orchestrator.engine.open_windows import WindowClosed
from orchestrator.engine.probe import Probe
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.reader import Reader
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.stop_signal import LaneStop, StopRequested
from orchestrator.engine.work_queue import Job, Outdated, WorkQueue
from orchestrator.errors import JournalWriteError, LeaseLost
from orchestrator.model import (
    CampaignKey,
    Fault,
    Lane,
    Outcome,
    PosixSeconds,
    Progress,
    Record,
    Reply,
    Stop,
    StopReason,
)

_NO_PERMIT = Fault(Progress.UNSENT, "there was no permit", None, 0.0)
_RETRIED = frozenset({VerdictKind.NOT_SENT, VerdictKind.LIMITED, VerdictKind.UNAUTHORIZED})


class LaneRunner:
    """Starts the campaigns of one account, wave by wave. Lanes know nothing of each other."""

    def __init__(self, deps: RunDeps, lane: Lane, account: str, pacer: Pacer) -> None:
        self._deps = deps
        self._in_flight = deps.manifest.accounts[account].in_flight
        self.account = account
        self.lane = lane
        self.stop_signal = LaneStop(deps.stop_signal, lane, account, deps.observer)
        patience = deps.manifest.retry.max_elapsed
        self.limiter = RateLimiter(
            pacer, deps.clock, self.stop_signal,
            observer=deps.observer, lane=lane, patience=patience, door=deps.door,
        )  # fmt: skip
        self.lists = ListWatch(deps.states, is_on=deps.manifest.same_list != "warn")
        self.reader = Reader(deps, lane, self.limiter, self.stop_signal, self.lists.saw)
        self._probe = Probe(deps, self.reader, self.stop_signal)
        self._breaker = CircuitBreaker(deps, lane, self.reader, self.stop_signal)

    def gauge(self) -> LaneGauge:
        """How the lane stands now."""
        return self.limiter.gauge(self.reader.read)

    async def run(self, entries: Sequence[Entry], *, read_at: PosixSeconds | None = None) -> None:
        """Start, or probe, every entry; returns when each has its outcome, is held, or the lane stops.

        `read_at` is when their live states were read (POSIX seconds); None: just now.
        """
        read_at = self._deps.clock.now() if read_at is None else read_at
        queue = WorkQueue(self._deps, self.stop_signal, self.reader, self.lists, entries, read_at=read_at)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._in_flight, len(entries))):
                group.create_task(self._work(queue, group))

    @contextmanager
    def _until_stopped(self) -> Iterator[None]:
        """End a piece of work when the lane or the run has to stop, and make sure that they stop."""
        try:
            yield
        except StopRequested:
            return
        except LeaseLost as lost:
            self.stop_signal.stop_lane(StopReason.LEASE_LOST, lost.message)
        except JournalWriteError as broken:
            # All lanes share the journal: the whole run stops, and what is in flight is awaited.
            self._deps.stop_signal.journal_broke(broken)

    async def _work(self, queue: WorkQueue, group: asyncio.TaskGroup) -> None:
        with self._until_stopped():
            while (job := await queue.next()) is not None:
                if job.entry.decision.action is Action.JUDGE:
                    group.create_task(self._probe_leftover(job.entry))
                    continue
                try:
                    await self._start(job, group)
                except (WindowClosed, Outdated):
                    queue.requeue(job)

    # A start: attempts until one is final, then its outcome.

    async def _start(self, job: Job, group: asyncio.TaskGroup) -> None:
        # 1. Attempts, until one is final.
        verdict = await self._attempt(job)
        if verdict.kind in _RETRIED and not self._is_over(job):
            await self.stop_signal.sleep(self._pause(job))
            verdict = await self._retry(job)
        # 2. The outcome. An accepted or rejected start has its outcome already.
        if verdict.kind is VerdictKind.INDETERMINATE:
            group.create_task(self._probe_lost(job.entry))
        elif verdict.kind in _RETRIED and self.stop_signal.stop is None:
            attempt = self._deps.states.of(job.entry.key).attempt
            await self._commit(self._deps.records.gave_up(job.entry.key, attempt, self.lane, verdict.message))

    async def _retry(self, job: Job) -> Verdict:
        """Attempts until one is final, or enough were made.

        The first attempt is made without tenacity: it is nearly always the last, and the loop costs half as much as a
        call.
        """
        verdict: Verdict = await AsyncRetrying(
            sleep=self.stop_signal.sleep,
            wait=lambda _: self._pause(job),
            stop=lambda _: self._is_over(job),
            retry=retry_if_result(lambda verdict: verdict.kind in _RETRIED),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )(self._attempt, job)
        return verdict

    def _is_over(self, job: Job) -> bool:
        retry = self._deps.manifest.retry
        is_late = job.begun is not None and self._deps.clock.now() - job.begun >= retry.max_elapsed
        # An attempt that we did not send ourselves does not count: the platform never saw it.
        used_up = (is_late or job.sends >= retry.attempts) and not job.withheld
        return used_up or self.stop_signal.stop is not None

    def _pause(self, job: Job) -> float:
        """Seconds before the next attempt.

        Only a call that never arrived needs any: the limiter holds the others back.
        """
        if job.sends == 0:
            return 0.0
        return backoff(job.sends, *self._deps.manifest.retry.backoff, self._deps.draw)

    async def _attempt(self, job: Job) -> Verdict:
        """One attempt, from the wait for its turn to its journaled verdict."""
        while True:
            await self._acquire_slot(job)
            self._breaker.sent()
            try:
                return await self._exchange(job)
            except LaunchHeld as held:  # a pause or an abort was recorded meanwhile: nothing was sent
                self._deps.control.update(held.control_state)
            finally:
                self._breaker.done()

    async def _acquire_slot(self, job: Job) -> None:
        """Wait until the job may leave, then take a slot. Raises as `_check_may_leave`, but for BreakerOpen."""
        while True:
            if self._deps.control.is_paused:
                await self._wait_while_paused(job)  # first: a pause may outlast a window
            await self._breaker.wait()
            try:
                await self.limiter.acquire(lambda: self._check_may_leave(job))
            except BreakerOpen:
                continue
            return

    async def _wait_while_paused(self, job: Job) -> None:
        asked = self._deps.clock.now()
        await self._deps.control.wait_until_open(self.stop_signal)
        if job.begun is not None:
            # A pause is no failure: it must not use up max_elapsed.
            job.begun = PosixSeconds(job.begun + self._deps.clock.now() - asked)

    def _check_may_leave(self, job: Job, *, own: int = 0) -> None:
        """May this start leave now? Raises StopRequested, LeaseLost, WindowClosed, Outdated or BreakerOpen if not.

        Asked when there is a slot, and once more right before the first byte (then `own` is 1: the start is in
        flight).
        """
        self.reader.check()
        if not self._deps.windows.is_open(job.window):
            closed = "not_after has passed" if self._deps.windows.have_ended() else f"window {job.window} has closed"
            raise WindowClosed(closed)
        if job.is_outdated(self._deps.control):
            raise Outdated("the launch was paused since its live state was read")
        self._breaker.check(own=own)

    def _last_look(self, job: Job) -> str | None:
        """Why the start may not be sent now, asked right before its first byte: connecting may take a while."""
        try:
            self._check_may_leave(job, own=1)
        except (StopRequested, LeaseLost, WindowClosed, Outdated, BreakerOpen) as reason:
            return f"not sent: {reason}"
        return None

    async def _exchange(self, job: Job) -> Verdict:
        # 1. Send: intent, permit, call. Whatever happens, the slot's time is known then.
        job.begun = job.begun or self._deps.clock.now()
        answer: Reply | Fault | None = None
        try:
            answer = await self._send(job)
        except (LaunchHeld, LeaseLost, JournalWriteError):
            answer = _NO_PERMIT
            raise
        finally:
            self.limiter.release(arrived_by(answer, self._deps.clock.now(), self._deps.manifest.timeouts.total))
        # 2. Classify the answer, and slow down before anything is awaited: the next call must not slip through.
        self.limiter.on_shortage(answer)
        verdict = classify(answer)
        if verdict.kind is VerdictKind.LIMITED:
            self.limiter.on_limited(answer)
        # 3. Journal the verdict, then draw the lane's conclusions.
        await self._record_verdict(job.entry, answer, verdict)
        self._follow(job, answer, verdict)
        return verdict

    async def _send(self, job: Job) -> Reply | Fault:
        deps, entry, key = self._deps, job.entry, job.entry.key
        # The intent is on disk before the permit exists, and the permit is used up by the first byte (P1, P5).
        intent = deps.records.intent(
            key,
            deps.states.of(key).attempt + 1,
            self.lane,
            deadline=PosixSeconds(deps.clock.now() + deps.manifest.timeouts.total),
            baseline=entry.live.as_json() if entry.live else None,
            recipients=entry.recipients,
        )
        permit = await deps.states.permit(intent)
        return await deps.api.start(entry.target, permit, check=lambda: self._last_look(job))

    async def _record_verdict(self, entry: Entry, answer: Reply | Fault, verdict: Verdict) -> None:
        key = entry.key
        attempt = self._deps.states.of(key).attempt
        record = self._deps.records.verdict(key, attempt, self.lane, answer, verdict)
        self._deps.observer.event(
            "start_answered", campaign=key, attempt=attempt, verdict=str(verdict.kind), lane=self.lane,
            http_status=answer.http_status, elapsed_ms=record.data["elapsed_ms"], message=verdict.message,
        )  # fmt: skip
        await self._commit(record)

    def _follow(self, job: Job, answer: Reply | Fault, verdict: Verdict) -> None:
        """What a verdict means for the job's next attempt and for its lane."""
        job.withheld = isinstance(answer, Fault) and answer.withheld
        if job.withheld or (isinstance(answer, Fault) and answer.lacks):
            return  # we did not send it ourselves: that is not an attempt, and shows nothing about the platform
        self._breaker.record_verdict(job.entry, verdict.kind)
        if verdict.kind is VerdictKind.NOT_SENT:
            job.sends += 1
        elif verdict.kind is VerdictKind.UNAUTHORIZED:
            job.refused_tokens += 1
            if job.refused_tokens > 1:
                detail = f"a new token was rejected too ({verdict.message})"
                self.stop_signal.stop_lane(StopReason.CREDENTIAL, detail)

    # Starts whose answer was lost: look for evidence, in this run or for an earlier one.

    async def _probe_lost(self, entry: Entry) -> None:
        with self._until_stopped():
            self._deps.observer.event("probe_begun", campaign=entry.key, lane=self.lane)
            await self._record_evidence(entry, since=self._deps.clock.now())

    async def _probe_leftover(self, entry: Entry) -> None:
        """An open intent of an earlier run: its holder may send until the deadline, and wait for the timeout."""
        state, now = self._deps.states.of(entry.key), self._deps.clock.now()
        sent_at = state.intent_at or PosixSeconds(0.0)
        deadline = PosixSeconds(float(state.intent.get("deadline", 0.0)))
        over = ended_by(sent_at, deadline, now) + self._deps.manifest.timeouts.total
        with self._until_stopped():
            self._deps.observer.event("probe_begun", campaign=entry.key, lane=self.lane)
            if state.state is State.INTENDED:
                await self.stop_signal.sleep(max(0.0, over - self._deps.clock.now()))
            await self._record_evidence(entry, since=min(sent_at, now))

    async def _record_evidence(self, entry: Entry, *, since: PosixSeconds) -> None:
        evidence = await self._probe.find_evidence(entry, since=since)
        state = self._deps.states.of(entry.key)
        record = self._deps.records.probed(entry.key, state.attempt, self.lane, evidence)
        message = record.data["message"]
        self._deps.observer.event("probe_done", campaign=entry.key, found=evidence is not None, message=message)
        if evidence is None and state.state is State.UNKNOWN:
            return  # an earlier run looked for evidence: a person must look now
        await self._commit(record)

    async def _commit(self, record: Record) -> None:
        """Commit a record, then check the stop rules: they may stop the run, or this lane."""
        concluded = await self._deps.states.commit(record)
        if concluded is None:
            return
        if concluded.outcome is Outcome.FAILED:
            self.lists.let_go(CampaignKey(record.campaign))
        # The run's rules first, then those of this lane alone.
        rules = self._deps.manifest.stop_when
        broken = tripped(rules, concluded.counts)
        if broken is not None:
            self._deps.stop_signal.set(Stop(StopReason.RULE, broken))
        broken = tripped(rules.per_account if rules else None, concluded.lane_counts)
        if broken is not None:
            self.stop_signal.stop_lane(StopReason.RULE, broken)
