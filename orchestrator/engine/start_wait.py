"""The wait for the time at which a launch may start. It keeps nobody from anything: it holds no lease and no slot."""

from collections.abc import Awaitable, Callable
from typing import Final

from orchestrator.core.journal.control import check_not_aborted
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.text import timestamp
from orchestrator.engine.control_watch import ControlWatch, ReadState
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import LedgerError
from orchestrator.model import PosixSeconds
from orchestrator.ports import Observer

LOOK_SECONDS: Final = 2.0
"""Seconds between two looks at the time.

A machine that slept, or whose clock was set, is right again after that: a single long sleep would not be.
"""

AWAY_SECONDS: Final = 900.0
"""A ledger that is still away this many seconds after the start time ends the wait: somebody has to look."""


class StartWait:
    """Waits by the clock that `read_time` reads (POSIX seconds), and follows the launch's pauses meanwhile.

    `show` shows people that it waits: until when, and that it did so now.
    """

    def __init__(
        self,
        manifest: Manifest,
        read_state: ReadState,
        read_time: Callable[[], Awaitable[PosixSeconds]],
        stop_signal: StopSignal,
        observer: Observer,
        *,
        show: Callable[[StartTime, PosixSeconds], Awaitable[None]],
    ) -> None:
        self._manifest = manifest
        self._control = ControlWatch(manifest.launch, read_state, stop_signal, observer)
        self._read_state = read_state
        self._read_time = read_time
        self._show = show
        self._stop_signal = stop_signal
        self._observer = observer
        self._last_left = 0.0  # seconds until the start, when that could be read last
        self._away = 0.0  # seconds since then

    async def until(self, start: StartTime) -> None:
        """Return once it is `start`. Raises StopRequested, and Refused once the launch is aborted.

        A ledger that cannot be read does not end the wait, because it may be back in time. It raises LedgerError
        AWAY_SECONDS after the start time.
        """
        left = await self._left(start)
        if left > 0:
            self._observer.event("start_waiting", until=timestamp(start.at), zone=start.zone)
        while left > 0:
            await self._stop_signal.sleep(min(left, LOOK_SECONDS))
            left = await self._left(start)

    async def _left(self, start: StartTime) -> float:
        """Seconds until the start, as far as is known."""
        try:
            state = await self._read_state(self._manifest.launch)
            now = await self._read_time()
        except LedgerError as error:
            if not self._away:
                self._observer.event("ledger_away", message=error.message)
            if self._away > max(0.0, self._last_left) + AWAY_SECONDS:
                raise
            self._away += LOOK_SECONDS
            return LOOK_SECONDS
        self._away, self._last_left = 0.0, start.at - now
        check_not_aborted(state, self._manifest.launch, self._manifest.ledger)
        self._control.update(state)
        # Last: an abort that was read must not wait for a mark that cannot be written.
        if now < start.at:
            await self._show(start, now)
        return self._last_left
