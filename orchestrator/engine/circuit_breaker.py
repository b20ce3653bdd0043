"""A lane's breaker at work: holds the starts, and looks with reads whether the platform answers again."""

import asyncio
from collections.abc import Callable

from orchestrator.core.attempt.verdict import VerdictKind
from orchestrator.core.rules.circuit_breaker import Breaker, BreakerState
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.engine.run_state import Context
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.model import CallTarget, Lane, StopReason


class CircuitBreaker:
    """Lets starts go, or not. `stop` ends the lane."""

    def __init__(
        self,
        context: Context,
        lane: Lane,
        reader: Reader,
        stop_signal: StopSignal,
        stop: Callable[[StopReason, str], None],
    ) -> None:
        self._context = context
        self._lane = lane
        self._reader = reader
        self._stop_signal = stop_signal
        self._stop = stop
        self.breaker = Breaker(context.manifest.breaker)
        self._out = 0
        self._target: CallTarget | None = None  # of the last start that got lost
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        stop_signal.watch(self._changed.set)

    def admits(self) -> bool:
        """Whether a start may leave now."""
        return self.breaker.admits(self._out)

    def left(self) -> None:
        """A start is on its way."""
        self._out += 1

    def back(self) -> None:
        """It is not any more."""
        self._out -= 1
        self._changed.set()

    def judged(self, target: CallTarget, kind: VerdictKind) -> None:
        """A start has its verdict."""
        before = self.breaker
        self.breaker = before.after_start(kind, self._context.clock.now())
        if self.breaker.trips > before.trips:
            self._target = target
            self._context.observer.event("breaker_opened", lane=self._lane, lost=self.breaker.lost)
            self._give_up()
        elif self.breaker.state is BreakerState.CLOSED and before.state is BreakerState.TRIAL:
            self._context.observer.event("breaker_closed", lane=self._lane)
        self._changed.set()

    async def wait(self) -> None:
        """Wait until a start may leave; somebody looks meanwhile. Raises Halted."""
        while not self.admits():
            if self.breaker.state is not BreakerState.OPEN:
                self._changed.clear()
                await self._changed.wait()
                self._stop_signal.check()
                continue
            async with self._turn:
                if self.breaker.state is BreakerState.OPEN:
                    await self._look()

    async def _look(self) -> None:
        await self._stop_signal.sleep(self._context.manifest.breaker.looks_every)
        worked = await self._reads()
        self.breaker = self.breaker.after_read(worked=worked)
        self._context.observer.event("breaker_looked", lane=self._lane, worked=worked)
        self._give_up()

    async def _reads(self) -> bool:
        if self._target is None:
            return True
        try:
            await self._reader.status(self._target)
        except ReadFailed:
            return False
        return True

    def _give_up(self) -> None:
        why = self.breaker.verdict(self._context.clock.now())
        if why is not None:
            self._stop(StopReason.BREAKER, why)
