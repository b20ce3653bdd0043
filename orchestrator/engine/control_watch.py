"""How a run, or whoever watches one, hears what people say of its launch: at every refused permit, and by looking."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from orchestrator.core.journal.control import OPEN, ControlCommand, ControlState
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import JournalWriteError
from orchestrator.model import Stop, StopReason
from orchestrator.ports import Observer

LOOK_EVERY: Final = 2.0
"""Seconds. Permits are refused at once; this is for those who wait: for a slot, a bake, an unpause."""


Ask = Callable[[str], Awaitable[ControlState]]
"""Where a launch stands. Raises JournalWriteError where the ledger cannot be read."""


def aborted(launch: str, control_state: ControlState) -> Stop:
    """The stop that an abort is."""
    return Stop(StopReason.ABORTED, f"launch {launch} was {control_state.sentence}")


class ControlWatch:
    """Where the launch stands, as far as this run, or whoever watches one, has heard. An abort sets `halt`."""

    def __init__(self, launch: str, ask: Ask, stop_signal: StopSignal, observer: Observer) -> None:
        self.control_state: ControlState = OPEN
        self._launch = launch
        self._ask = ask
        self._stop_signal = stop_signal
        self._observer = observer

    def hear(self, control_state: ControlState) -> None:
        """Follow a word, unless a newer one was heard before. An abort ends the run."""
        if control_state.number <= self.control_state.number:
            return
        before, self.control_state = self.control_state, control_state
        if control_state.command is ControlCommand.PAUSE:
            self._observer.event("launch_paused", by=control_state.by, reason=control_state.reason)
        elif control_state.command is ControlCommand.ABORT:
            self._observer.event("launch_aborted", by=control_state.by, reason=control_state.reason)
        elif before.command is not None:
            self._observer.event("launch_unpaused")
        if control_state.command is ControlCommand.ABORT:
            self._stop_signal.set(aborted(self._launch, control_state))

    async def wait_until_open(self, stop_signal: StopSignal) -> None:
        """Return once starts are permitted. Raises Halted."""
        stop_signal.check()
        while self.control_state.command is not None:
            await stop_signal.sleep(LOOK_EVERY)

    async def listen(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.look()

    async def look(self) -> None:
        """Look now. What cannot be read is passed over: no permit comes without a look of its own."""
        with suppress(JournalWriteError):
            self.hear(await self._ask(self._launch))
