"""How a run, or whoever watches one, hears what people say of its launch: at every refused permit, and by looking."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from orchestrator.core.journal.control import OPEN, Standing, Word
from orchestrator.engine.stop_signal import Halt
from orchestrator.errors import JournalWriteError
from orchestrator.model import Stop, StopReason
from orchestrator.ports import Observer

LOOK_EVERY: Final = 2.0
"""Seconds. Permits are refused at once; this is for those who wait: for a slot, a bake, an unpause."""


Ask = Callable[[str], Awaitable[Standing]]
"""Where a launch stands. Raises JournalWriteError where the ledger cannot be read."""


def aborted(launch: str, standing: Standing) -> Stop:
    """The stop that an abort is."""
    return Stop(StopReason.ABORTED, f"launch {launch} was {standing.sentence}")


class Listener:
    """Where the launch stands, as far as this run, or whoever watches one, has heard. An abort sets `halt`."""

    def __init__(self, launch: str, ask: Ask, halt: Halt, observer: Observer) -> None:
        self.standing: Standing = OPEN
        self._launch = launch
        self._ask = ask
        self._halt = halt
        self._observer = observer

    def hear(self, standing: Standing) -> None:
        """Follow a word, unless a newer one was heard before. An abort ends the run."""
        if standing.said <= self.standing.said:
            return
        before, self.standing = self.standing, standing
        if standing.word is Word.PAUSE:
            self._observer.event("launch_paused", by=standing.by, reason=standing.reason)
        elif standing.word is Word.ABORT:
            self._observer.event("launch_aborted", by=standing.by, reason=standing.reason)
        elif before.word is not None:
            self._observer.event("launch_unpaused")
        if standing.word is Word.ABORT:
            self._halt.set(aborted(self._launch, standing))

    async def wait_until_open(self, halt: Halt) -> None:
        """Return once starts are permitted. Raises Halted."""
        halt.check()
        while self.standing.word is not None:
            await halt.sleep(LOOK_EVERY)

    async def listen(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.look()

    async def look(self) -> None:
        """Look now. What cannot be read is passed over: no permit comes without a look of its own."""
        with suppress(JournalWriteError):
            self.hear(await self._ask(self._launch))
