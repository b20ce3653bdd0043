"""How a run or a lane is told to stop, and how everybody who waits hears of it at once."""

import asyncio
from contextlib import suppress

from orchestrator.model import Stop


class Halted(Exception):  # noqa: N818 - a decision, not a malfunction
    """No further call is to be made here."""


class Halt:
    """Set once, never unset. A lane's halt also hears its parent, the run's."""

    def __init__(self, parent: "Halt | None" = None) -> None:
        self._stop: Stop | None = None
        self._parent = parent
        self._children: list[Halt] = []
        self._wakers: set[asyncio.Event] = set()
        if parent is not None:
            parent._children.append(self)

    @property
    def stop(self) -> Stop | None:
        """Why to stop; None while there is nothing to stop for."""
        return self._stop or (self._parent.stop if self._parent else None)

    def set(self, stop: Stop) -> None:
        """Stop. The first reason stays."""
        self._stop = self._stop or stop
        self._wake()

    def _wake(self) -> None:
        for waker in self._wakers:
            waker.set()
        for child in self._children:
            child._wake()

    def check(self) -> None:
        """Raise Halted once there is a stop."""
        if self.stop is not None:
            raise Halted(self.stop.detail)

    def objection(self) -> str | None:
        """Why nothing may be sent now, in words; None where nothing speaks against it."""
        return None if self.stop is None else f"not sent: {self.stop.detail}"

    def watch(self, waker: asyncio.Event) -> None:
        """Set `waker` whenever a stop comes, so that its owner looks again."""
        self._wakers.add(waker)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until a stop. Raises Halted then."""
        self.check()
        waker = asyncio.Event()
        self._wakers.add(waker)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waker.wait()
        finally:
            self._wakers.discard(waker)
        self.check()
