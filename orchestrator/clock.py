"""The real clock."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from orchestrator.core.journal.lease import Moment

# CLOCK_BOOTTIME also counts while the machine is suspended: a lease or a permit must not outlive a nap.
_SOURCE = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LOOKS: Final = 3


class SystemClock:
    """POSIX seconds, read once and then advanced monotonically: a step of the system clock cannot shorten a window.

    `source` says what time it is. Hosts that share a ledger all read the ledger's clock: leases, deadlines and the
    times of recent calls are then comparable between them, whatever their own clocks say. The quickest of three
    looks counts, so that the error is at most half of its round trip.
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        _, self._anchor = min(_look(source) for _ in range(_LOOKS))

    def now(self) -> float:
        """POSIX seconds."""
        return self._anchor + time.clock_gettime(_SOURCE)


def moment(now: float) -> Moment:
    """The instant of the call: `now` on the caller's calendar, on the steady clock of this boot."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return Moment(now, boot, time.clock_gettime(_SOURCE))


def _look(source: Callable[[], float]) -> tuple[float, float]:
    """How long the answer took, and what must be added to the monotonic clock."""
    asked = time.clock_gettime(_SOURCE)
    told = source()
    answered = time.clock_gettime(_SOURCE)
    return answered - asked, told - (asked + answered) / 2
