"""How a run, or a process that watches one, learns of pause and abort: by refused permits and by polling."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from orchestrator.core.journal.control import OPEN, ControlCommand, ControlState
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import JournalWriteError, LedgerError
from orchestrator.model import Stop, StopReason
from orchestrator.ports import Observer

POLL_SECONDS: Final = 2.0
"""Permits are refused at once; polling is for everything that waits: for a slot, a bake, an unpause."""

ReadState = Callable[[str], Awaitable[ControlState]]
"""Reads a launch's control state. Raises LedgerError or JournalWriteError, as `Journal.control_state`."""


def abort_stop(launch: str, state: ControlState) -> Stop:
    """The stop that an abort causes."""
    return Stop(StopReason.ABORTED, f"launch {launch} was {state.sentence}")


class ControlWatch:
    """A launch's control state as far as it is known here. An abort sets `stop_signal`."""

    def __init__(self, launch: str, read_state: ReadState, stop_signal: StopSignal, observer: Observer) -> None:
        self.state: ControlState = OPEN
        self.planned_under = OPEN.number
        """The number of the state in which the run's plan was made."""
        self._launch = launch
        self._read_state = read_state
        self._stop_signal = stop_signal
        self._observer = observer

    @property
    def is_paused(self) -> bool:
        """Whether starts are not permitted now, as far as is known."""
        return self.state.command is not None

    async def begin(self) -> None:
        """Read the state for the first time, right after the plan was made."""
        await self.poll()
        self.planned_under = self.state.number

    def update(self, state: ControlState) -> None:
        """Follow a state, unless a newer one is known. An abort ends the run."""
        if state.number <= self.state.number:
            return
        before, self.state = self.state, state
        if state.command is ControlCommand.PAUSE:
            self._observer.event("launch_paused", by=state.by, reason=state.reason, number=state.number)
        elif state.command is ControlCommand.ABORT:
            self._observer.event("launch_aborted", by=state.by, reason=state.reason, number=state.number)
        elif before.command is not None:
            self._observer.event("launch_unpaused", number=state.number)
        if state.command is ControlCommand.ABORT:
            self._stop_signal.set(abort_stop(self._launch, state))

    async def wait_until_open(self, stop_signal: StopSignal) -> None:
        """Return once starts are permitted. Raises StopRequested."""
        stop_signal.check()
        while self.is_paused:
            await stop_signal.sleep(POLL_SECONDS)

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.poll()

    async def poll(self) -> None:
        """Read the state now. A journal that is broken for good ends the run: nothing must wait for it to recover."""
        try:
            self.update(await self._read_state(self._launch))
        except LedgerError:
            return  # every permit reads it again
        except JournalWriteError as broken:
            self._stop_signal.journal_broke(broken)
