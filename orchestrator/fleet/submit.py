"""Submitting a launch to the fleet wave by wave, and watching it in the journal.

Nothing here is needed for the lanes to go on: whoever submits may be killed and started again, on any host.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from procrastinate import App
from sqlalchemy.exc import IntegrityError

from orchestrator.core.journal.control import ControlState
from orchestrator.core.journal.states import CampaignState, State, fold
from orchestrator.core.manifest.models import Wave
from orchestrator.core.plan.plan import Action, Decision
from orchestrator.core.result.build import CampaignResult, build, outcome_of, timestamp
from orchestrator.core.rules import waves
from orchestrator.engine.control_watch import ControlWatch
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import LedgerError
from orchestrator.fleet import queue
from orchestrator.fleet.orders import Job, Order
from orchestrator.fleet.tail import Tail
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey, Outcome, Reason, Record, Stop, StopReason
from orchestrator.ports import Checks, Clock, Observer

_LOOK_EVERY: Final = 0.5
_OF_ALL: Final = frozenset({StopReason.RULE, StopReason.ABORTED})
_Found = TypeVar("_Found")


@dataclass(slots=True)
class Submission:
    """An order on its way. `halt` ends the watching, never the lanes."""

    app: App
    store: Store
    order: Order
    clock: Clock
    observer: Observer
    stop_signal: StopSignal
    tail: Tail
    checks: Checks
    _waves: list[dict[str, Any]] = field(default_factory=list)
    _stops: dict[str, Stop] = field(default_factory=dict)  # by account: why its lane stays where it is
    _stop: Stop | None = None
    _aborted: StopSignal = field(default_factory=StopSignal)
    _listener: ControlWatch = field(init=False)

    def __post_init__(self) -> None:
        self._listener = ControlWatch(self.order.header.launch, self._ask, self._aborted, self.observer)

    async def _ask(self, launch: str) -> ControlState:
        return await self._in_thread(lambda: self.store.control_state(launch))

    async def carry_out(self) -> Stop | None:
        """Submit, watch, and journal the end. Returns why it came early, None where it did not.

        Raises Halted where the watching was ended early.
        """
        jobs = self.order.jobs()
        planned = {row.wave for row in self.order.rows}
        # Those without a job, too: a canary that failed in an earlier run must not let the next wave open in this one.
        names = [name for name in waves.order(self.order.manifest.waves) if name in planned]
        for place, name in enumerate(names):
            if self._stop is None:
                last = not any(job.wave in names[place + 1 :] for job in jobs)
                await self._wave(name, [job for job in jobs if job.wave == name], last=last)
        stop = self._stop or next(iter(self._stops.values()), None)
        await self._write("end", 0, {"stop": stop.as_json() if stop else None, "budget": {}, "waves": self._waves})
        return stop

    async def _wave(self, name: str, jobs: Sequence[Job], *, last: bool) -> None:
        due = [job for job in jobs if job.account not in self._stops]
        rows = [row for row in self.order.rows if row.wave == name]
        wave = {"name": name, "campaigns": len(rows), "passed": False, "message": "it was not finished"}
        self._waves.append(wave | {"opened_at": self.clock.now(), "closed_at": None})
        self.observer.event("wave_opened", wave=name, campaigns=len(rows))
        done = await self._lanes()
        missing = [job for job in due if job.number not in done]
        await self._patiently(lambda: queue.submit(self.app, missing, self.order.manifest))
        self._waves[-1]["closed_at"] = await self._watch(due)
        await self._close(name, self._waves[-1], last=last)

    async def _watch(self, jobs: Sequence[Job]) -> float:
        """Wait until every job is done. Returns when the last one was."""
        while True:
            done = await self._lanes()
            await self._in_thread(self.tail.look)
            await self._hear()  # after the lanes were looked at: they may all have ended for what was said
            if all(job.number in done for job in jobs):
                break
            await self._stop_where_due(done)
            await self.stop_signal.sleep(_LOOK_EVERY)
        await self._stop_where_due(done)
        accounts = {job.number: job.account for job in jobs}
        for number in sorted(accounts.keys() & done.keys()):
            if (stop := Stop.of(done[number].data["stop"])) is not None:
                self._stops.setdefault(accounts[number], stop)
        return max((done[job.number].at for job in jobs), default=self.clock.now())

    async def _stop_where_due(self, done: dict[int, Record]) -> None:
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
        await self._write("halt", 0, {"stop": stop.as_json()})

    async def _hear(self) -> None:
        """Follow what people say of the launch. An abort stops all lanes, and those that wait in the queue."""
        await self._listener.look()
        if self._aborted.stop is not None and self._stop is None:
            await self._stop_all(self._aborted.stop)

    async def _close(self, name: str, wave: dict[str, Any], *, last: bool) -> None:
        records = await self._in_thread(lambda: self.store.read(self.order.header.launch))
        own = [c for c in build(records, self.order.header.run_id).campaigns if c.wave == name]
        rule = next((one for one in self.order.manifest.waves if one.name == name), None)
        past = fold(records)
        short = waves.shortfall(rule, [self._outcome(c, past) for c in own]) if rule else None
        self.observer.event("wave_closed", wave=name, passed=short is None, message=short or "")
        if rule is not None and short is None and not last and self._stop is None:
            histories = (past.get(c.key) for c in own)
            times = (h.finished_at for h in histories if h and h.state is State.STARTED and h.finished_at is not None)
            short = await self._pass(rule, waves.baked_at(rule, times), wave)
        wave.update(passed=short is None, message=short or "")
        if short is not None and not last:
            self._stop = self._stop or Stop(StopReason.WAVE, short)

    def _outcome(self, campaign: CampaignResult, past: Mapping[CampaignKey, CampaignState]) -> Outcome:
        history = past.get(campaign.key)
        if campaign.reason is Reason.DESELECTED and history is not None:
            # Leaving it out of the selection must not open the next wave, either.
            return outcome_of(Decision(Action.SKIP), history, self._stop)[0]
        return campaign.outcome

    async def _pass(self, rule: Wave, baked: float, wave: dict[str, Any]) -> str | None:
        """Wait for the bake, then ask the user's command, here. Why the wave did not pass; None where it did."""
        if baked > self.clock.now():
            wave["message"] = "its bake was not finished"
            self.observer.event("wave_baking", wave=rule.name, until=timestamp(baked))
        while baked > self.clock.now():
            await self._hear()
            if self._stop is not None:
                return str(wave["message"])
            await self.stop_signal.sleep(min(4 * _LOOK_EVERY, max(0.0, baked - self.clock.now())))
        if rule.pass_ is None or rule.pass_.command is None:
            return None
        header = self.order.header
        facts = {"LAUNCH": header.launch, "RUN": header.run_id, "WAVE": rule.name}
        why = await self.stop_signal.guard(self.checks.run(rule.pass_, facts))
        short = f"wave {rule.name}: its check says no: {why}" if why is not None else None
        self.observer.event("wave_checked", wave=rule.name, passed=short is None, message=short or "")
        return short

    async def _lanes(self) -> dict[int, Record]:
        header = self.order.header
        read: Callable[[], list[Record]] = lambda: self.store.read(  # noqa: E731
            header.launch, campaign=header.campaign, kinds=("lane",)
        )
        return {record.attempt: record for record in await self._in_thread(read)}

    async def _write(self, kind: str, number: int, data: dict[str, Any]) -> None:
        header, now = self.order.header, self.clock.now()
        record = Record(header.launch, header.campaign, number, kind, header.run_id, now, "", data)

        def commit() -> None:
            try:
                self.store.commit([record], header.run_id, {}, now)
            except IntegrityError:
                return  # somebody else who watches said it already

        await self._in_thread(commit)

    async def _in_thread(self, call: Callable[[], _Found]) -> _Found:
        return await self._patiently(lambda: asyncio.to_thread(call))

    async def _patiently(self, call: Callable[[], Awaitable[_Found]]) -> _Found:
        """Wait for a database that is away: the lanes do so, too."""
        while True:
            try:
                return await call()
            except (LedgerError, *queue.AWAY) as error:
                self.observer.event("ledger_away", message=" ".join(str(error).split()))
            await self.stop_signal.sleep(2 * _LOOK_EVERY)
