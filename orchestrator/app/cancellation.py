"""A launch that is stopped before its first start, and one whose task is cancelled (P8)."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from orchestrator.core.result.build import exit_code
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import OrchestratorError
from orchestrator.model import Stop, StopReason

_T = TypeVar("_T")
_CANCELLED: Final = Stop(StopReason.CANCELLED, "the launch was cancelled")


class Interrupted(OrchestratorError):  # noqa: N818 - a decision, not a malfunction
    """A stop was asked for before the first start: no start was sent. The exit code is the stop's own."""

    nothing_was_sent = True

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"{stop.detail} before the first start", next_step="run again")
        self.exit_code = exit_code((), stop)  # type: ignore[misc]


async def stop_on_cancel(work: Coroutine[Any, Any, _T], stop_signal: StopSignal) -> _T:
    """Do the work in a task of its own. When cancelled, set the stop signal, wait for its end, raise CancelledError.

    A second cancellation stops waiting for calls in flight: the journal then does not know how they ended.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task])  # not `await task`: a cancellation would reach a start in flight
    except asyncio.CancelledError:
        stop_signal.set(_CANCELLED)
        await _ended(task, stop_signal)
        raise
    return task.result()


async def _ended(task: "asyncio.Task[_T]", stop_signal: StopSignal) -> None:
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        # The second cancellation: do not wait for calls in flight.
        stop_signal.stop_waiting()
        await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # retrieved: asyncio must not report it, the journal has what happened
