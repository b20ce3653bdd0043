"""Hours in which campaigns may be started, in every zone they are for.

The local time in each zone decides, instant by instant. So an hour that a clock skips in spring is never open, and one
that it shows twice in autumn is open twice. The state of a window can change only where a zone's clock shows an
opening, a closing or midnight, or where its offset changes: time is walked from one such instant to the next.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from orchestrator.core.manifest.models import OpenHours
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.text import duration, timestamp
from orchestrator.model import PosixSeconds

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = 86400
_AHEAD: Final = 32.0 * _DAY
_LONGEST: Final = 9 * _DAY  # more than a week and a last_start: no need to look further ahead


@dataclass(frozen=True, slots=True)
class Span:
    """Starts may leave from `opens` on and before `closes`, in POSIX seconds."""

    opens: PosixSeconds
    closes: PosixSeconds

    def holds(self, at: PosixSeconds) -> bool:
        """Whether a start may leave at `at`."""
        return self.opens <= at < self.closes


NEVER: Final = Span(PosixSeconds(math.inf), PosixSeconds(math.inf))


def opening(hours: OpenHours, at: PosixSeconds, *, within: float = _AHEAD) -> Span | None:
    """When starts may leave: the span that holds `at`, else the next one. None if none begins in `within` seconds.

    A span that has begun, and one that goes on for more than a week, are cut off: ask again at its end.
    """
    # From change to change: over a closed stretch to its end, then along the open one.
    now = math.floor(at)
    last = at + within
    while now <= last:
        if not is_open(hours, PosixSeconds(now)):
            now = _next_change(hours, now)
            continue
        opens, now = now, _end(hours, now)
        # `last_start` may leave nothing of a short stretch. Then the next one counts.
        closes = now - hours.last_start
        if closes > max(at, opens):
            return Span(PosixSeconds(opens), PosixSeconds(closes))
    return None


class WindowCalendar:
    """When starts may leave, by window and by `not_after`, which ends all of them. What was found is kept.

    Times are POSIX seconds.
    """

    def __init__(self, windows: Mapping[str, OpenHours], not_after: StartTime | None = None) -> None:
        self._windows = windows
        self._known: dict[str, tuple[PosixSeconds, Span]] = {}  # by window: for when it was asked, and what was found
        self.not_after = not_after

    def has_ended(self, at: PosixSeconds) -> bool:
        """Whether `not_after` has come: nothing may start from then on."""
        return self.not_after is not None and at >= self.not_after.at

    def is_open(self, window: str | None, at: PosixSeconds) -> bool:
        """Whether a campaign of the window may be started; None is the window of those without one."""
        return not self.has_ended(at) and (window is None or self.next(window, at).holds(at))

    def next(self, window: str, at: PosixSeconds) -> Span:
        """When starts may leave: the span that holds `at`, else the next one; `NEVER` where none comes soon."""
        asked, span = self._known.get(window, (at, Span(at, at)))
        if not asked <= at < span.closes:
            span = opening(self._windows[window], at) or NEVER
            self._known[window] = at, span
        return span

    def is_worth_waiting(self, window: str, at: PosixSeconds, patience: float) -> bool:
        """Whether a closed window opens within `patience` seconds, and before `not_after`."""
        opens = self.next(window, at).opens
        return opens - at <= patience and not self.has_ended(opens)

    def why_held(self, window: str, at: PosixSeconds, patience: float) -> str:
        """Why a run does not wait for a closed window, in words."""
        opens = self.next(window, at).opens
        until = f" until {timestamp(opens)}" if opens < math.inf else ", and does not open within a month"
        waits = f"a run waits {duration(patience)} at most (windows_wait)" if patience else "this run does not wait"
        return f"window {window} is closed{until}; {self.ending if self.has_ended(opens) else waits}"

    @property
    def ending(self) -> str:
        """What `not_after` means, in words; empty without one."""
        end = self.not_after
        return (
            f"not_after is {end.words()}: nothing starts from then on, unless it is changed" if end is not None else ""
        )


def is_open(hours: OpenHours, at: PosixSeconds) -> bool:
    """Whether the hours are open in all zones; `last_start` is ignored."""
    return closed_in(hours, datetime.fromtimestamp(at, ZoneInfo("UTC"))) is None


def closed_in(hours: OpenHours, at: datetime) -> str | None:
    """The first zone in which `at` (an aware time) lies outside the hours; None if it is inside in all of them."""
    return next((zone for zone in hours.zones if not _is_open_on(hours, at.astimezone(ZoneInfo(zone)))), None)


def sentence(name: str, hours: OpenHours, wait: float) -> str:
    """What a window means, in words. `wait` is how long a run waits for it to open, in seconds."""
    opens, closes = hours.hours
    until = "24:00" if closes == time.max else f"{closes:%H:%M}"
    words = [
        f"window {name}: starts leave {opens:%H:%M}-{until} on {', '.join(hours.days)} in {' and '.join(hours.zones)}"
    ]
    if hours.except_:
        words.append(f"not on {', '.join(str(day) for day in hours.except_)}")
    if hours.last_start:
        words.append(f"none in the last {duration(hours.last_start)}")
    patience = f"waits {duration(wait)} at most for it" if wait else "does not wait for it"
    return f"{', '.join(words)}; a run {patience}, and holds what opens later"


def _is_open_on(hours: OpenHours, local: datetime) -> bool:
    opens, closes = hours.hours
    is_day = _DAYS[local.weekday()] in hours.days and local.date() not in hours.except_
    return is_day and opens <= local.time().replace(tzinfo=None) < closes


def _end(hours: OpenHours, now: int) -> int:
    # Hours that are open day and night have no end: cut off there.
    last = now + _LONGEST
    while now < last and is_open(hours, PosixSeconds(now)):
        now = _next_change(hours, now)
    return now


def _next_change(hours: OpenHours, now: int) -> int:
    """The next instant at which the window's state may change; until then it is what it is now."""
    # Midnight too, because days and exceptions change there.
    edges = sorted({*(_seconds(wall) for wall in hours.hours), _DAY})
    return min(_next_edge(ZoneInfo(zone), edges, now) for zone in hours.zones)


def _next_edge(zone: ZoneInfo, edges: list[int], now: int) -> int:
    local = datetime.fromtimestamp(now, zone)
    wall = _seconds(local.time())
    edge = now + next(edge for edge in edges if edge > wall) - wall
    # The edge is right unless the clock changes before it.
    offset, low, high = local.utcoffset(), now, edge
    if datetime.fromtimestamp(edge, zone).utcoffset() == offset:
        return edge
    while high - low > 1:  # the offset changes before the clock shows the edge: find that second
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _seconds(wall: time) -> int:
    return _DAY if wall == time.max else wall.hour * 3600 + wall.minute * 60 + wall.second
