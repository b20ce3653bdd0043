"""An event loop whose clock jumps: when nothing is ready, the time of the next timer has come.

It reads no socket and waits for no thread; what runs on it talks only to parts on the same loop.
"""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from orchestrator.model import MonotonicSeconds, PosixSeconds

_T = TypeVar("_T")


class Deadlock(RuntimeError):  # noqa: N818 - it is what happened
    """Nothing is ready and no timer is set: the program would wait forever."""


class _JumpingSelector(selectors.BaseSelector):
    """Never blocks and never asks the system; its map keeps what asyncio registers for its own use."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._files: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._files[fileobj] = selectors.SelectorKey(fileobj, int(fileobj), events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._files.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # asyncio waits without a limit only where nothing is ready and no timer is set.
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        if timeout > 0:
            # Nothing is ready before the next timer, so its time comes now.
            self.passed += timeout
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._files


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time begins at 0 and passes only while nothing is ready."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> MonotonicSeconds:
        """Virtual seconds since the loop was made."""
        return MonotonicSeconds(self._jumping.passed)


class VirtualClock:
    """POSIX seconds that pass as fast as the loop's: `base` is the loop's zero."""

    def __init__(self, base: PosixSeconds, loop: asyncio.AbstractEventLoop) -> None:
        self._base = base
        self._time = loop.time

    def now(self) -> PosixSeconds:
        """POSIX seconds."""
        return PosixSeconds(self._base + self._time())


def run_virtually(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in virtual time. Raises Deadlock if it would wait forever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
