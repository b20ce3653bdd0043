"""The real clock."""

import time
from pathlib import Path

from orchestrator.core.lease import Moment

# CLOCK_BOOTTIME also counts while the machine is suspended: a lease or a permit must not outlive a nap.
_SOURCE = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """POSIX seconds, read once and then advanced monotonically: a step of the system clock cannot shorten a window."""

    def __init__(self) -> None:
        self._anchor = time.time() - time.clock_gettime(_SOURCE)

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
