"""Submitting a launch to the fleet wave by wave, and watching it in the journal.

Nothing here is needed for the lanes to go on: the process that submits may be killed and started again, on any host.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from procrastinate import App
from sqlalchemy.exc import IntegrityError

from orchestrator.core.events import EVENTS_VERSION
from orchestrator.core.journal.control import ControlState
from orchestrator.core.journal.records import RunRecords
from orchestrator.core.journal.states import CampaignState, State, fold
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.result.build import build
from orchestrator.core.result.conclude import outcome_of
from orchestrator.core.result.types import CampaignResult
from orchestrator.core.rules import waves
from orchestrator.engine.control_watch import ControlWatch
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.engine.wave_gate import WaveGate
from orchestrator.errors import LedgerError
from orchestrator.fleet import queue
from orchestrator.fleet.orders import PROGRESS, Job, Order
from orchestrator.fleet.tail import Tail
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey, Outcome, PosixSeconds, Reason, Record, Stop, StopReason
from orchestrator.ports import Checks, Clock, Observer

_LOOK_EVERY: Final = 0.5
_OF_ALL: Final = frozenset({StopReason.RULE, StopReason.ABORTED})
_Found = TypeVar("_Found")


class _Ended(Exception):  # noqa: N818 - a decision, not a malfunction
    """Another process has ended the order, or given a new one in its place: no lane of it will be done any longer."""

    def __init__(self, stop: Stop | None) -> None:
        super().__init__()
        self.stop = stop


@dataclass(slots=True)
class Submission:
    """An order on its way. `stop_signal` ends the watching, never the lanes."""

    app: App
    store: Store
    order: Order
    clock: Clock
    observer: Observer
    stop_signal: StopSignal
    tail: Tail
    checks: Checks
    _gates: list[WaveGate] = field(default_factory=list)
    _stops: dict[str, Stop] = field(default_factory=dict)  # by account: why its lane stays where it is
    _stop: Stop | None = None
    _aborted: StopSignal = field(init=False)  # obeys `stop_signal`, too
    _control: ControlWatch = field(init=False)
    _records: RunRecords = field(init=False)

    def __post_init__(self) -> None:
        header = self.order.header
        self._aborted = StopSignal(self.stop_signal)
        self._control = ControlWatch(header.launch, self._read_control_state, self._aborted, self.observer)
        self._records = RunRecords(header.launch, header.run_id, self.clock.now)

    async def _read_control_state(self, launch: str) -> ControlState:
        return await self._in_thread(lambda: self.store.control_state(launch))

    async def carry_out(self) -> Stop | None:
        """Submit, watch, and journal the end. Returns why it came early, None if it did not.

        Raises StopRequested if the watching was ended early.
        """
        try:
            return await self._carry_out()
        except _Ended as ended:
            return ended.stop

    async def _carry_out(self) -> Stop | None:
        jobs = self.order.jobs()
        planned = {row.wave for row in self.order.rows}
        # Waves without a job, too: a canary that failed in an earlier run must not let the next wave open in this one.
        names = [name for name in waves.order(self.order.manifest.waves) if name in planned]
        for place, name in enumerate(names):
            if self._stop is None:
                is_last = not any(job.wave in names[place + 1 :] for job in jobs)
                await self._wave(name, [job for job in jobs if job.wave == name], is_last=is_last)
        stop = self._stop or next(iter(self._stops.values()), None)
        await self._write(self._records.end(stop, [gate.as_json() for gate in self._gates], {}, None, self._stops))
        return stop

    async def _wave(self, name: str, jobs: Sequence[Job], *, is_last: bool) -> None:
        header, manifest = self.order.header, self.order.manifest
        # 1. Open it.
        rule = next((wave for wave in manifest.waves if wave.name == name), None)
        size = sum(row.wave == name for row in self.order.rows)
        gate = WaveGate(
            name, size, rule, launch=header.launch, run_id=header.run_id,
            clock=self.clock, observer=self.observer, checks=self.checks,
        )  # fmt: skip
        self._gates.append(gate)
        gate.open()
        # 2. Have its lanes carried out.
        due = [job for job in jobs if job.account not in self._stops]
        done = await self._lanes()
        missing = [job for job in due if job.number not in done]
        await self._patiently(lambda: queue.submit(self.app, missing, manifest))
        closed_at = await self._watch(due)
        # 3. Judge it.
        await self._judge(gate, name, closed_at=closed_at, is_last=is_last or self._stop is not None)

    async def _watch(self, jobs: Sequence[Job]) -> PosixSeconds:
        """Wait until every job is done. Returns when the last one was."""
        while True:
            done = await self._lanes()
            await self._in_thread(self.tail.look)
            await self._follow_control()  # after the lanes: they may all have ended because of an abort
            if all(job.number in done for job in jobs):
                break
            await self._stop_where_due(done)
            await self.stop_signal.sleep(_LOOK_EVERY)
        # Once more: the last lane may have broken a rule as it ended.
        await self._stop_where_due(done)
        accounts = {job.number: job.account for job in jobs}
        for number in sorted(accounts.keys() & done.keys()):
            if (stop := Stop.of(done[number].data["stop"])) is not None:
                self._stops.setdefault(accounts[number], stop)
        return max((done[job.number].at for job in jobs), default=self.clock.now())

    async def _stop_where_due(self, done: Mapping[int, Record]) -> None:
        """A rule that the whole launch breaks stops all lanes, wherever they run: they look for this record."""
        if self._stop is not None:
            return
        stops = [Stop.of(r.data["stop"]) for r in done.values() if not r.data["alone"]]
        broken = next((stop for stop in stops if stop is not None and stop.reason in _OF_ALL), None)
        if broken is None and (words := self.tail.broken_rule()) is not None:
            broken = Stop(StopReason.RULE, words)
        if broken is not None:
            await self._stop_all(broken)

    async def _stop_all(self, stop: Stop) -> None:
        self._stop = stop
        await self._write(self._records.halt(stop))

    async def _follow_control(self) -> None:
        """Follow pauses and aborts. An abort stops all lanes, and those that wait in the queue."""
        await self._control.poll()
        await self._stop_if_aborted()

    async def _stop_if_aborted(self) -> None:
        self.stop_signal.check()
        if self._aborted.stop is not None and self._stop is None:
            await self._stop_all(self._aborted.stop)

    async def _judge(self, gate: WaveGate, name: str, *, closed_at: PosixSeconds, is_last: bool) -> None:
        """Let the gate decide whether the next wave may open. Raises StopRequested if the watching was ended."""
        outcomes, started_at = await self._in_thread(lambda: self._outcomes(name))
        watching = asyncio.create_task(self._control.run())
        try:
            shortfall = await gate.judge(
                outcomes, started_at, self._aborted,
                closed_at=closed_at, is_last=is_last, is_stopped=self._stop is not None,
            )  # fmt: skip
        except StopRequested:
            await self._stop_if_aborted()
            return
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)  # it may have ended with the watching
        if shortfall is not None and not is_last:
            self._stop = Stop(StopReason.WAVE, shortfall)

    def _outcomes(self, wave: str) -> tuple[list[Outcome], list[PosixSeconds]]:
        """The outcomes of a wave's campaigns, and when those that are started were."""
        records = self.store.read(self.order.header.launch)
        states = fold(records)
        own = [c for c in build(records, self.order.header.run_id).campaigns if c.wave == wave]
        known = [state for c in own if (state := states.get(c.key)) is not None]
        started = [s.finished_at for s in known if s.state is State.STARTED and s.finished_at is not None]
        return [self._outcome(c, states) for c in own], started

    def _outcome(self, campaign: CampaignResult, states: Mapping[CampaignKey, CampaignState]) -> Outcome:
        state = states.get(campaign.key)
        if campaign.reason is Reason.DESELECTED and state is not None:
            # Leaving it out of the selection must not open the next wave, either.
            return outcome_of(Decision(Action.SKIP), state, self._stop)[0]
        return campaign.outcome

    async def _lanes(self) -> Mapping[int, Record]:
        """The lanes that are done. Raises _Ended."""
        header = self.order.header
        read: Callable[[], list[Record]] = lambda: self.store.read(  # noqa: E731
            header.launch, campaign=header.campaign, kinds=PROGRESS
        )
        order = self.order.after(await self._in_thread(read))
        if order.is_ended:
            raise _Ended(order.stop)
        return order.lanes

    async def _write(self, record: Record) -> None:
        def commit() -> None:
            try:
                self.store.commit([record], record.run_id, {}, record.at)
            except IntegrityError:
                return  # another process that watches recorded it already

        await self._in_thread(commit)

    async def _in_thread(self, call: Callable[[], _Found]) -> _Found:
        return await self._patiently(lambda: asyncio.to_thread(call))

    async def _patiently(self, call: Callable[[], Awaitable[_Found]]) -> _Found:
        """Wait for a database that is away: the lanes do so, too."""
        while True:
            try:
                return await call()
            except (LedgerError, *queue.AWAY) as error:
                self.observer.event("ledger_away", message=queue.words_of(error))
            await self.stop_signal.sleep(2 * _LOOK_EVERY)


async def check_queue(url: str) -> None:
    """Make the queue's tables in the ledger's database where they are missing.

    To be called before an order: one that no worker can take would wait forever. Raises LedgerError if the tables
    do not fit, may not be used, or cannot be reached.
    """
    try:
        await queue.prepare(url)
    except queue.AWAY as error:
        raise LedgerError(f"ledger {url}: {queue.words_of(error)}", next_step="run again") from error


async def watch(
    store: Store, order: Order, clock: Clock, observer: Observer, *, stop_signal: StopSignal, checks: Checks
) -> Stop | None:
    """Submit an order's lanes and watch them to the end. Returns why it came early, None if it did not.

    Raises StopRequested if the watching was ended by `stop_signal`: the lanes go on.
    """

    async def no_jobs(_: Job) -> None:
        raise AssertionError("this process takes no job")

    actions = Counter(row.action for row in order.rows)
    observer.event(
        "run_started", events_version=EVENTS_VERSION, launch=order.header.launch, run_id=order.header.run_id,
        host=order.manifest.host, starts=actions[Action.START], judgements=actions[Action.JUDGE],
        skips=actions[Action.SKIP],
    )  # fmt: skip
    async with queue.open_queue(order.manifest.ledger, no_jobs) as app:
        tail = Tail(store, order, observer)
        stop = await Submission(app, store, order, clock, observer, stop_signal, tail, checks).carry_out()
    observer.event("run_finished", run_id=order.header.run_id, stop=stop.detail if stop else None)
    return stop
