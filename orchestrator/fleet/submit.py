"""Submitting a launch to the fleet wave by wave, and watching it in the journal.

Nothing here is needed for the lanes to go on: whoever submits may be killed and started again, on any host.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from procrastinate import App
from sqlalchemy.exc import IntegrityError

from orchestrator.core import waves
from orchestrator.core.result import build
from orchestrator.engine.halt import Halt
from orchestrator.errors import LedgerError
from orchestrator.fleet import queue
from orchestrator.fleet.orders import Job, Order, stop_data, stop_of
from orchestrator.fleet.tail import Tail
from orchestrator.ledger.store import Store
from orchestrator.model import Record, Stop, StopReason
from orchestrator.ports import Clock, Observer

_LOOK_EVERY: Final = 0.5
_Found = TypeVar("_Found")


@dataclass(slots=True)
class Submission:
    """An order on its way. `halt` ends the watching, never the lanes."""

    app: App
    store: Store
    order: Order
    clock: Clock
    observer: Observer
    halt: Halt
    tail: Tail
    _waves: list[dict[str, Any]] = field(default_factory=list)
    _stops: dict[str, Stop] = field(default_factory=dict)  # by account: why its lane stays where it is
    _stop: Stop | None = None

    async def carry_out(self) -> None:
        """Submit, watch, and journal the end. Raises Halted where the watching was ended early."""
        jobs = self.order.jobs()
        names = list(dict.fromkeys(job.wave for job in jobs))
        for name in names:
            if self._stop is None:
                await self._wave(name, [job for job in jobs if job.wave == name], last=name == names[-1])
        stop = self._stop or next(iter(self._stops.values()), None)
        await self._write("end", 0, {"stop": stop_data(stop), "budget": {}, "waves": self._waves})

    async def _wave(self, name: str, jobs: Sequence[Job], *, last: bool) -> None:
        due = [job for job in jobs if job.account not in self._stops]
        self.observer.event("wave_opened", wave=name, lanes=len(due))
        done = await self._lanes()
        missing = [job for job in due if job.number not in done]
        await self._patiently(lambda: queue.submit(self.app, missing, self.order.manifest))
        closed_at = await self._watch(due)
        await self._close(name, closed_at, last=last)

    async def _watch(self, jobs: Sequence[Job]) -> float:
        """Wait until every job is done. Returns when the last one was."""
        while True:
            done = await self._lanes()
            await self._in_thread(self.tail.look)
            if all(job.number in done for job in jobs):
                break
            await self._stop_where_due(done)
            await self.halt.sleep(_LOOK_EVERY)
        await self._stop_where_due(done)
        accounts = {job.number: job.account for job in jobs}
        for number in sorted(accounts.keys() & done.keys()):
            if (stop := stop_of(done[number].data["stop"])) is not None:
                self._stops.setdefault(accounts[number], stop)
        return max((done[job.number].at for job in jobs), default=self.clock.now())

    async def _stop_where_due(self, done: dict[int, Record]) -> None:
        """A rule that the whole launch breaks stops all lanes, wherever they run: they look for this record."""
        if self._stop is not None:
            return
        stops = [stop_of(record.data["stop"]) for record in done.values()]
        broken = next((stop for stop in stops if stop is not None and stop.reason is StopReason.RULE), None)
        if broken is None and (words := self.tail.broken_rule()) is not None:
            broken = Stop(StopReason.RULE, words)
        if broken is not None:
            self._stop = broken
            await self._write("halt", 0, {"stop": stop_data(broken)})

    async def _close(self, name: str, closed_at: float, *, last: bool) -> None:
        records = await self._in_thread(lambda: self.store.read(self.order.header.launch))
        own = [c.outcome for c in build(records, self.order.header.run_id).campaigns if c.wave == name]
        rule = next((wave for wave in self.order.manifest.waves if wave.name == name), None)
        short = waves.shortfall(rule, own) if rule else None
        self._waves.append({"name": name, "campaigns": len(own), "passed": short is None, "message": short or ""})
        self.observer.event("wave_closed", wave=name, passed=short is None, message=short or "")
        if short is not None and not last:
            self._stop = self._stop or Stop(StopReason.WAVE, short)
        elif rule is not None and rule.bake and not last and self._stop is None:
            await self.halt.sleep(max(0.0, closed_at + rule.bake - self.clock.now()))

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
            await self.halt.sleep(2 * _LOOK_EVERY)
