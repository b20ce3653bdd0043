"""One account's rate limit as a true sliding window, and counts of what arrived. Pure."""

import math
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Final

_MESSAGE: Final = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."
_MODES: Final = ("seconds", "date", "none")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` in any `seconds` seconds."""

    calls: int
    seconds: float


DEFAULT_LIMIT: Final = Limit(60, 60.0)
"""The documented limit: 60 a minute, per account."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP reply that is not about a campaign."""

    http_status: int
    json: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


class Arrivals:
    """One account's arrivals: `total`, `peak` in any window, `throttled` by the limit, `refused` by a fault.

    `total` and `peak` count every arrival, throttled ones too. Only admitted ones use up the window.
    """

    def __init__(self, limit: Limit, retry_after: str = "seconds") -> None:
        if retry_after not in _MODES:
            raise ValueError(f"retry_after is one of {', '.join(_MODES)}, not {retry_after!r}")
        self.total = self.peak = self.throttled = self.refused = 0
        self._limit = limit
        self._retry_after = retry_after
        self._recent: deque[float] = deque()
        self._admitted: deque[float] = deque()

    def arrive(self, now: float) -> Reply | None:
        """Count an arrival; the 429 reply where it is over the limit."""
        self._forget(now)
        self.total += 1
        self._recent.append(now)
        # Before the limit is applied: the peak shows what the client sent, and not what was let through.
        self.peak = max(self.peak, len(self._recent))
        if len(self._admitted) >= self._limit.calls:
            self.throttled += 1
            return self._limited(now)
        self._admitted.append(now)
        return None

    def refuse(self, now: float) -> Reply:
        """A 429 for the arrival just admitted, which then does not use up the window."""
        # Somebody else used the slot that this call would have had, outside of this window's count.
        self._admitted.pop()
        self.refused += 1
        return self._limited(now)

    def record(self) -> dict[str, int]:
        """The counts as JSON."""
        return {"arrivals": self.total, "peak": self.peak, "throttled": self.throttled, "refused": self.refused}

    def _forget(self, now: float) -> None:
        for times in (self._recent, self._admitted):
            # Both ends cannot be inside: an arrival exactly one window later is free of the first.
            while times and times[0] + self._limit.seconds <= now:
                times.popleft()

    def _limited(self, now: float) -> Reply:
        # When the oldest admitted call leaves the window.
        free_at = self._admitted[0] + self._limit.seconds if self._admitted else now + 1
        body = {"errors": [{"msg": _MESSAGE, "code": 429}]}
        return Reply(429, body, self._headers(free_at, now))

    def _headers(self, free_at: float, now: float) -> dict[str, str]:
        if self._retry_after == "none":
            return {}
        if self._retry_after == "date":
            # Rounded up in both forms: a client that comes back a moment too early would be refused again.
            return {"Retry-After": formatdate(math.ceil(free_at), usegmt=True)}
        return {"Retry-After": str(max(1, math.ceil(free_at - now)))}
