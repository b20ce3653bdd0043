"""The real clock."""

import time

# CLOCK_BOOTTIME also counts while the machine is suspended: a lease or a permit must not outlive a nap.
_SOURCE = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """POSIX seconds, read once and then advanced monotonically: a step of the system clock cannot shorten a window."""

    def __init__(self) -> None:
        self._anchor = time.time() - time.clock_gettime(_SOURCE)

    def now(self) -> float:
        """POSIX seconds."""
        return self._anchor + time.clock_gettime(_SOURCE)
