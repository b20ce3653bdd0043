"""Rolling windows that hold for any latency (design section 7).

A slot is held from the moment a call leaves until its reply plus the window. If the (n+1)-th call leaves at s, one of
the n before it had its reply by s - w, so it arrived by s - w; the new one arrives at s or later. No n+1 arrivals fit
into any w, rolling or fixed. A token bucket with burst = rate would admit almost 2n.
"""

import math
from bisect import bisect_right, insort
from dataclasses import dataclass
from statistics import median

from orchestrator.model import Fault, PosixSeconds, Progress, Reply, Window

_RATE_ERROR = 0.0005  # two disciplined clocks drift apart by at most 500 ppm (the most Linux ever slews)
_TICK = 0.001  # servers count in milliseconds, rounded down

_MINUTE = 60.0  # the platform's own window, where the manifest has none (kore-api.md section 4)
_RAISE = 0.1  # of the manifest's limit, for each of its longest windows without a limited call
_LEAST = 0.1
_ENOUGH = 3  # pauses; fewer may come from a short burst of another client, which is no reason to lower the rate


def arrived_by(answer: Reply | Fault | None, now: PosixSeconds, timeout: float) -> PosixSeconds:
    """The latest time at which a call can have arrived, by what is known of its answer at `now`. All in seconds.

    `answer` is None if nobody waits for it any longer.
    """
    if answer is None:
        return PosixSeconds(now + timeout)
    if isinstance(answer, Fault) and answer.progress is Progress.SENDING and answer.sent_at is not None:
        return PosixSeconds(answer.sent_at + timeout)
    return now


@dataclass(frozen=True, slots=True)
class PacerSnapshot:
    """Counts for the progress line, the result and the tests. `peak` is the fullest the tightest window ever was."""

    windows: tuple[Window, ...]
    calls: int
    open_calls: int
    peaks: tuple[int, ...]
    throttled: int
    paused_until: PosixSeconds
    suggested: Window | None


class Pacer:
    """Says when the next call of a lane may leave. Times are given by the caller, whose clock never goes back."""

    def __init__(self, windows: tuple[Window, ...]) -> None:
        self.windows = windows
        self.longest = max((w.seconds for w in windows), default=_MINUTE)
        """Seconds of the longest window."""
        self._spans = tuple(w.seconds * (1 + _RATE_ERROR) + _TICK for w in windows)
        self._limits = tuple(zip((w.limit for w in windows), self._spans, strict=True))
        self._open = 0
        self._ended: list[PosixSeconds] = []  # when each call was known to have arrived, ascending
        self._calls = 0
        self._throttled = 0
        self._paused_until = PosixSeconds(-math.inf)
        self._cut_to, self._cut_at = 1.0, PosixSeconds(0.0)
        self._limited_at: list[PosixSeconds] = []
        self._observed: list[int] = []
        self._peaks = [0] * len(windows)

    def wait(self, now: PosixSeconds) -> float:
        """Seconds until a call may leave: 0.0 means now, infinity means not before another call's release."""
        longest = max(0.0, self._paused_until - now)
        for limit, span in self._limits:
            longest = max(longest, self._wait_for(limit, span, now))
        return longest

    def _wait_for(self, limit: int, span: float, now: PosixSeconds) -> float:
        limit = max(1, int(limit * self._share(now)))
        first = self._first_held(span, now)
        missing = self._open + len(self._ended) - first - limit + 1
        if missing <= 0:
            return 0.0
        # Waiting alone does not help: a call that is still open has to end first.
        if first + missing > len(self._ended):
            return math.inf
        return self._ended[first + missing - 1] + span - now

    def _first_held(self, span: float, now: PosixSeconds) -> int:
        # The same sum as in `_wait_for`: `now - span` would round the other way, and count a slot that is free.
        return bisect_right(self._ended, now, key=lambda at: PosixSeconds(at + span))

    def _share(self, now: PosixSeconds) -> float:
        """The part of the manifest's limits in use: halved when the server limits, then raised step by step (AIMD).

        Source: Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989.
        """
        if self._cut_to == 1.0:
            return 1.0  # nothing was limited yet
        return min(1.0, self._cut_to + _RAISE * max(0.0, now - self._cut_at) / self.longest)

    def reserve(self, now: PosixSeconds) -> None:
        """Take a slot. Raises ValueError, and takes nothing, where `wait(now)` is not 0."""
        if self.wait(now) > 0:
            raise ValueError("no slot is free at this time")
        self._forget(now)
        self._open += 1
        self._calls += 1
        for i, span in enumerate(self._spans):
            held = self._open + len(self._ended) - self._first_held(span, now)
            self._peaks[i] = max(self._peaks[i], held)

    def release(self, at: PosixSeconds) -> None:
        """The call's reply came at `at`; without a reply, the latest time at which it can have arrived."""
        if self._open == 0:
            raise ValueError("no call is open")
        self._open -= 1
        if self.windows:
            insort(self._ended, at)

    def _forget(self, now: PosixSeconds) -> None:
        if not self._spans:
            return
        # By the caller's time, not by the newest entry: a lost call is released at a time that has not come yet.
        first = self._first_held(max(self._spans), now)
        if first > 64:  # in bulk: deleting from the front costs the length of the list
            del self._ended[:first]

    def limited(self, now: PosixSeconds, seconds: float) -> None:
        """The server limited a call: nothing leaves for `seconds`, then at half the rate for a start.

        Other clients share the account's rate limit; calls limited within one pause are one sign of it, not several.
        """
        self._throttled += 1
        self._limited_at.append(now)
        # Calls limited within the pause left before it, and show nothing new.
        if now >= self._paused_until:
            self._cut_to = max(_LEAST, self._share(now) / 2)
            self._observe(now)
        self._paused_until = max(self._paused_until, PosixSeconds(now + seconds))
        # The rate rises from the end of the pause on. While nothing is sent, nothing proves that more would pass.
        self._cut_at = self._paused_until

    def _observe(self, now: PosixSeconds) -> None:
        """Remember how many calls the server let through in its last window: what other clients left."""
        if self.windows:
            since = now - self.longest
            refused = len(self._limited_at) - bisect_right(self._limited_at, since)
            # Calls that are still open are left out: they may be refused, too.
            self._observed.append(len(self._ended) - bisect_right(self._ended, since) - refused)

    def suggested(self) -> Window | None:
        """The rate at which this account would not have been limited: None if the manifest's is no higher.

        The median of what was observed: a single window may show another client's burst as well as a lower limit.
        """
        if len(self._observed) < _ENOUGH:
            return None
        most = max(self.windows, key=lambda window: window.seconds)
        calls = max(1, math.floor(median(self._observed)))
        return Window(calls, most.seconds) if calls < most.limit else None

    def fill(self, at: PosixSeconds) -> None:
        """Take every window as full at `at`: what an earlier holder sent in its last moments is not known."""
        for _ in range(max((w.limit for w in self.windows), default=0)):
            insort(self._ended, at)

    def recall(self, ended: list[PosixSeconds]) -> None:
        """Calls that an earlier holder of this budget made: their slots are still held."""
        for at in ended:
            insort(self._ended, at)

    def recent(self, now: PosixSeconds) -> list[PosixSeconds]:
        """When the calls ended whose slots are still held at `now`: what the next holder must know."""
        span = max(self._spans, default=0.0)
        return [at for at in self._ended if at > now - span]

    def is_limited(self, now: PosixSeconds) -> bool:
        """Whether nothing leaves because the server limited a call."""
        return now < self._paused_until

    def in_use(self, now: PosixSeconds) -> tuple[int, int]:
        """The slots that are held, and all slots, of the window that is fullest; 0 and 0 without a limit."""
        held = self._open + len(self._ended)
        uses = ((held - self._first_held(span, now), limit) for limit, span in self._limits)
        return max(uses, key=lambda use: use[0] / use[1], default=(0, 0))

    def snapshot(self) -> PacerSnapshot:
        """The counts as they are now."""
        return PacerSnapshot(
            self.windows, self._calls, self._open, tuple(self._peaks), self._throttled, self._paused_until,
            self.suggested(),
        )  # fmt: skip
