"""Where the calls of a lane wait for their slots."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import LeaseLost
from orchestrator.ports import Clock

_SHORTEST_PAUSE: Final = 1.0
"""Seconds. A server that limits and says "again in 0 s" would otherwise be asked as fast as the network allows."""


class RateLimiter:
    """Lets calls through in order of arrival, when the pacer says so."""

    def __init__(self, pacer: Pacer, clock: Clock, stop_signal: StopSignal, holds: Callable[[], bool]) -> None:
        self.pacer = pacer
        self._clock = clock
        self._stop_signal = stop_signal
        self._holds = holds
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._until = -math.inf  # when the one who waits looks again by itself
        stop_signal.watch(self._changed.set)

    async def enter(self, may_go: Callable[[], bool] = lambda: True) -> bool:
        """Wait for a slot and take it; `leave` gives it back. Raises Halted or LeaseLost, and takes nothing.

        `may_go` is asked when the slot is there, which may be an hour later. Where it says no, nothing is taken: False.
        """
        async with self._turn:
            self._stop_signal.check()
            while (delay := self.pacer.wait(self._clock.now())) > 0:
                await self._wait(delay)
                self._stop_signal.check()
            if not self._holds():
                # Whoever has the lane now counts on it that no call leaves here, be it a read.
                raise LeaseLost("this run's lease has ended, or another run has taken it")
            if not may_go():
                return False
            self.pacer.reserve(self._clock.now())
            return True

    def objection(self) -> str | None:
        """Why nothing may be sent now, in words; None where nothing speaks against it."""
        return self._stop_signal.objection() or (None if self._holds() else "not sent: this run's lease has ended")

    async def _wait(self, delay: float) -> None:
        self._changed.clear()
        self._until = self._clock.now() + delay
        with suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(delay) else delay):
                await self._changed.wait()

    def leave(self, at: float) -> None:
        """The call is known to have arrived by `at`, or never to arrive after it."""
        self.pacer.release(at)
        now = self._clock.now()
        # Nearly always its time stays as it is: to wake up for nothing costs as much as all the pacing of a start.
        if now + self.pacer.wait(now) < self._until:
            self._changed.set()

    def pause(self, seconds: float) -> None:
        """The server limited a call: nothing goes through for so long."""
        self.pacer.limited(self._clock.now(), max(seconds, _SHORTEST_PAUSE))
        self._changed.set()
