"""A lane's circuit breaker at work: it holds starts back, and makes reads to see whether the platform answers again."""

import asyncio

from orchestrator.core.attempt.verdict import VerdictKind
from orchestrator.core.plan.plan import Entry
from orchestrator.core.rules.circuit_breaker import Breaker, BreakerState
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.stop_signal import LaneStop
from orchestrator.model import CallTarget, Lane, StopReason


class BreakerOpen(Exception):  # noqa: N818 - a fact, not a malfunction
    """Starts are held back for now."""


class CircuitBreaker:
    """Decides whether starts may leave. If the platform does not answer for too long, it stops the lane."""

    def __init__(self, deps: RunDeps, lane: Lane, reader: Reader, stop: LaneStop) -> None:
        self._deps = deps
        self._lane = lane
        self._reader = reader
        self._stop = stop
        self._breaker = Breaker(deps.manifest.breaker)
        self._in_flight = 0
        self._target: CallTarget | None = None  # of the last start that got lost
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        stop.watch(self._changed.set)

    def check(self, *, own: int = 0) -> None:
        """Raise BreakerOpen if a start may not leave now.

        `own` is how many of the starts in flight belong to the caller.
        """
        if not self._breaker.admits(self._in_flight - own):
            raise BreakerOpen("the starts before it got lost")

    def sent(self) -> None:
        """A start has its slot and is on its way."""
        self._in_flight += 1

    def done(self) -> None:
        """It is no longer on its way."""
        self._in_flight -= 1
        self._changed.set()

    def record_verdict(self, entry: Entry, kind: VerdictKind) -> None:
        """A start has its verdict: open or close by it."""
        before = self._breaker
        self._breaker = before.after_start(kind, self._deps.clock.now())
        if self._breaker.trips > before.trips:
            self._target = entry.target
            self._deps.observer.event("breaker_opened", lane=self._lane, lost=self._breaker.lost)
            self._stop_if_hopeless()
        elif self._breaker.state is BreakerState.CLOSED and before.state is BreakerState.TRIAL:
            self._deps.observer.event("breaker_closed", lane=self._lane)
        self._changed.set()

    async def wait(self) -> None:
        """Wait until a start may leave; one of the waiting starts makes the reads. Raises StopRequested."""
        while not self._breaker.admits(self._in_flight):
            # A trial start is on its way: its answer decides.
            if self._breaker.state is not BreakerState.OPEN:
                self._changed.clear()
                await self._changed.wait()
                self._stop.check()
                continue
            # Only one of the waiting starts makes the reads.
            async with self._turn:
                if self._breaker.state is BreakerState.OPEN:
                    await self._try_read()

    async def _try_read(self) -> None:
        await self._stop.sleep(self._deps.manifest.breaker.looks_every)
        worked = await self._read()
        self._breaker = self._breaker.after_read(worked=worked)
        self._deps.observer.event("breaker_looked", lane=self._lane, worked=worked)
        self._stop_if_hopeless()

    async def _read(self) -> bool:
        if self._target is None:
            return True
        try:
            await self._reader.status(self._target)
        except ReadFailed:
            return False
        return True

    def _stop_if_hopeless(self) -> None:
        why = self._breaker.verdict(self._deps.clock.now())
        if why is not None:
            self._stop.stop_lane(StopReason.BREAKER, why)
