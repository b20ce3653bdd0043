"""The real clock."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from orchestrator.core.journal.lease import Moment
from orchestrator.model import MonotonicSeconds, PosixSeconds

# CLOCK_BOOTTIME also counts while the machine is suspended: a lease or a permit must not outlast a sleep.
# macOS has another name for such a clock, and Windows has `time.monotonic` alone.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
_steady: Final[Callable[[], float]] = time.monotonic if _CLOCK is None else partial(time.clock_gettime, _CLOCK)
_READS: Final = 3


class SystemClock:
    """POSIX seconds, read once and then advanced monotonically: a step of the system clock cannot shorten a window.

    `source` returns POSIX seconds. Hosts that share a ledger all read the ledger's clock, so that leases, deadlines and
    the times of recent calls are comparable between them, whatever their own clocks show. The quickest of three reads
    counts; the error is at most half of its round trip.
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        # The shorter the round trip, the less the answer can be off.
        _, self._anchor = min(_read(source) for _ in range(_READS))

    def now(self) -> PosixSeconds:
        """POSIX seconds."""
        return PosixSeconds(self._anchor + _steady())


def moment(now: PosixSeconds) -> Moment:
    """The instant of the call: the caller's `now` (POSIX seconds), with the steady clock of this boot."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        # Not on Linux, or hidden in a container: steps of the clock cannot be measured.
        boot = ""
    return Moment(now, boot, MonotonicSeconds(_steady()))


def _read(source: Callable[[], float]) -> tuple[float, float]:
    """The round trip of one read, and what to add to the monotonic clock to get the source's time (seconds)."""
    asked = _steady()
    answer = source()
    answered = _steady()
    # The source answered at some time within the round trip: its middle is off by half of it at most.
    return answered - asked, answer - (asked + answered) / 2
