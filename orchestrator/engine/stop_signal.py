"""How a run or a lane is told to stop, and how everything that waits learns of it at once."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from orchestrator.errors import JournalWriteError
from orchestrator.model import Lane, Stop, StopReason
from orchestrator.ports import Observer

_T = TypeVar("_T")


class StopRequested(Exception):  # noqa: N818 - a decision, not a malfunction
    """No further call is to be made here."""


class StopSignal:
    """Set once, never unset. A lane's signal also obeys its parent, the run's."""

    def __init__(self, parent: "StopSignal | None" = None) -> None:
        self._own: Stop | None = None
        self._parent = parent
        self._wakers: dict[Callable[[], None], None] = {}  # in order, so that a run can be repeated exactly
        self._waits: list[Callable[[], object]] = []
        if parent is not None:
            parent.watch(self._wake)

    @property
    def own(self) -> Stop | None:
        """Its own stop, without its parent's."""
        return self._own

    @property
    def stop(self) -> Stop | None:
        """Why to stop; None while there is nothing to stop for."""
        return self._own or (self._parent.stop if self._parent else None)

    def set(self, stop: Stop) -> None:
        """Stop. The first reason stays, except that a broken journal outweighs any other (design section 6)."""
        if self._own is None or stop.reason is StopReason.JOURNAL:
            self._own = stop
        self._wake()

    def journal_broke(self, error: JournalWriteError) -> None:
        """Stop for good: what cannot be journaled may not be sent."""
        self.set(Stop(StopReason.JOURNAL, f"{error.message}; sending has stopped"))

    def _wake(self) -> None:
        for wake in tuple(self._wakers):
            wake()

    def stop_waiting(self) -> None:
        """Wait no longer for calls in flight. The journal then does not know how they ended."""
        for give_up in tuple(self._waits):
            give_up()

    @property
    def can_stop_waiting(self) -> bool:
        """Whether somebody waits for calls in flight; `stop_waiting` would end that wait."""
        return bool(self._waits)

    def on_stop_waiting(self, give_up: Callable[[], object]) -> None:
        """Call `give_up`, which ends a wait for calls in flight, when nobody wants to wait any longer."""
        self._waits.append(give_up)

    def check(self) -> None:
        """Raise StopRequested once there is a stop."""
        if self.stop is not None:
            raise StopRequested(self.stop.detail)

    def watch(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever a stop comes, so that its owner looks again."""
        self._wakers[wake] = None

    async def run_until_stopped(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of `work`. A stop cancels the work and waits for its end, then StopRequested is raised."""
        task = asyncio.ensure_future(work)

        def end() -> None:
            task.cancel()

        self._wakers[end] = None
        try:
            self.check()
            return await task
        except asyncio.CancelledError:
            self.check()
            raise
        finally:
            del self._wakers[end]
            end()
            await asyncio.wait([task])

    async def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until a stop. Raises StopRequested then."""
        self.check()
        stopped = asyncio.Event()
        self._wakers[stopped.set] = None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await stopped.wait()
        finally:
            del self._wakers[stopped.set]
        self.check()


class LaneStop(StopSignal):
    """The stop signal of one lane, shared by all that may find that the lane has to stop."""

    def __init__(self, parent: StopSignal, lane: Lane, account: str, observer: Observer) -> None:
        super().__init__(parent)
        self._lane = lane
        self._account = account
        self._observer = observer

    def stop_lane(self, reason: StopReason, detail: str) -> None:
        """Stop only this lane. `detail` is for people; the account's name is put before it."""
        if self.stop is None:  # otherwise the run has stopped it, and a later reason holds nothing more
            self.set(Stop(reason, f"account {self._account}: {detail}"))
        self._observer.event("lane_stopped", lane=self._lane, reason=str(reason), message=detail)
