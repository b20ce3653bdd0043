"""One account's timeline as the numbers of an SVG picture. Across, 1000 units are the run; down, units are pixels."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from orchestrator.core.result.timeline import Account, Attempt, AttemptOutcome, Timeline, waited_for_rate, window_use
from orchestrator.core.text import duration, plural
from orchestrator.model import Window
from orchestrator.report.wording import visible

_WIDTH: Final = 1000
_NAMES: Final = 18  # the band of the waves' names, above
_BUDGET: Final = 64  # the curve's part, its limit line included
_ROOM: Final = 8  # between the limit line and the top of its part
_ROW: Final = 18
_TICKS: Final = 18  # the band of times, below

_SINGLE: Final = 250  # up to this many marks of an account are drawn one by one, more as one line per pixel
_BINS: Final = 500
_BAND: Final = 4  # units that a bar of a density band is wide
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200)
_DAY: Final = 86400
_CROWDED: Final = 14.0  # percent of the width that a wave's name needs

_LABELS: Final = {
    AttemptOutcome.STARTED: "started",
    AttemptOutcome.FAILED: "refused",
    AttemptOutcome.UNKNOWN: "unknown",
    AttemptOutcome.LIMITED: "limited",
    AttemptOutcome.UNDONE: "no effect",
}


@dataclass(frozen=True, slots=True)
class Row:
    """The marks of one kind: one by one with what each is, or as a band, and as `marks` for who looks closer."""

    kind: str
    label: str
    count: int
    y: int
    path: str
    marks: str
    singles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of time with a meaning."""

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A moment across the whole height, in percent of the width. No label where there is no room for one."""

    x: float
    label: str
    title: str = ""
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Chart:
    """All that the template draws for one account."""

    account: str
    starts: int
    pauses: int
    waited: float  # seconds
    curves: tuple[tuple[str, str], ...]  # a limit in words and its path
    limit_y: int
    base_y: int
    rows: tuple[Row, ...]
    shades: tuple[Shade, ...]
    waves: tuple[Flag, ...]
    ticks: tuple[Flag, ...]
    height: int

    @property
    def summary(self) -> str:
        """The picture in words."""
        marks = ", ".join(f"{row.count} {row.label}" for row in self.rows) or "no start"
        limits = " and ".join(label for label, _ in self.curves) or "no known limit"
        return f"Start requests of account {self.account} over time: {marks}; {limits}; {plural(self.pauses, 'pause')}"


def draw(timeline: Timeline, account: Account) -> Chart:
    """The picture of one account."""
    scale = _Scale(timeline.begin, timeline.end)
    # From top to bottom: the waves' names, the curve of the budget, a row for each kind of mark, the times.
    base = _NAMES + (_BUDGET if account.limits else 0)
    rows = _rows(account.attempts, scale, base)
    curves = tuple((str(w), _curve(account.attempts, w, scale, base)) for w in account.limits)
    return Chart(
        visible(account.name), len(account.attempts), len(account.pauses), waited_for_rate(account), curves,
        _NAMES + _ROOM, base, rows, _shades(timeline, account, scale), _flags(timeline, scale), _ticks(scale),
        base + _ROW * len(rows) + _TICKS,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: float
    end: float

    @property
    def span(self) -> float:
        # A run that crashed after its first record has no length to divide by.
        return max(self.end - self.begin, 0.001)

    def x(self, at: float) -> float:
        return round(self.fine_x(at), 1)

    def fine_x(self, at: float) -> float:
        return _WIDTH * min(1.0, max(0.0, (at - self.begin) / self.span))


def _curve(attempts: Sequence[Attempt], window: Window, scale: _Scale, base: int) -> str:
    """A step line of the window's use; with many steps, the most of each bin."""
    highest: dict[float, int] = {}
    width, count = _WIDTH / _BINS, 0
    for at, now in window_use(attempts, window, scale.end):
        x = round(scale.x(at) // width * width, 1) if len(attempts) > _BINS else scale.x(at)
        # A bin begins with what the last one ended with: else a fall within it would look like a rise before it.
        highest[x] = max(now, highest.get(x, count if len(attempts) > _BINS else now))
        count = now
    # y grows downwards: the curve leaves the base upwards, by its share of the limit.
    full = _BUDGET - _ROOM
    parts = [f"M0 {base}"]
    parts += [f"H{x:g}V{base - full * min(1.0, taken / window.limit):.1f}" for x, taken in highest.items()]
    return "".join([*parts, f"H{_WIDTH}"])


def _rows(attempts: Sequence[Attempt], scale: _Scale, base: int) -> tuple[Row, ...]:
    by_outcome: dict[AttemptOutcome, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_outcome[attempt.outcome].append(attempt)
    # A title for each of ten thousand marks would make the page slow.
    is_crowded = len(attempts) > _SINGLE
    rows: list[Row] = []
    for outcome in (one for one in AttemptOutcome if by_outcome[one]):
        y = base + _ROW * len(rows) + _ROW // 2
        path = _path([scale.x(a.at) for a in by_outcome[outcome]], y) if is_crowded else ""
        marks = _marks([scale.fine_x(a.at) for a in by_outcome[outcome]], y) if is_crowded else ""
        singles = () if is_crowded else tuple((f"M{scale.x(a.at):g} {y}h0", _title(a)) for a in by_outcome[outcome])
        rows.append(Row(str(outcome), _LABELS[outcome], len(by_outcome[outcome]), y, path, marks, singles))
    return tuple(rows)


def _path(xs: Sequence[float], y: int) -> str:
    """A band: a bar for each bin in which there is a mark, the higher the more there are."""
    bins = Counter(min(int(x / _BAND), int(_WIDTH / _BAND) - 1) for x in xs)
    most = max(bins.values())
    parts = []
    for place, count in sorted(bins.items()):
        half = 2 + 6 * count / most
        parts.append(f"M{place * _BAND:g} {y - half:.1f}h{_BAND}v{2 * half:.1f}h-{_BAND}z")
    return "".join(parts)


def _marks(xs: Sequence[float], y: int) -> str:
    """A dot for each mark, as far from the one before it as it is later: a third of the text of absolute places."""
    places = [round(x * 100) for x in xs]
    steps = (f"m{(here - before) / 100:g} 0h0" for before, here in pairwise(places))
    return "".join([f"M{places[0] / 100:g} {y}h0", *steps])


def _title(attempt: Attempt) -> str:
    said = f": {attempt.message}" if attempt.message else ""
    return visible(
        f"{moment(attempt.at)} UTC {attempt.key}, attempt {attempt.number}, {_LABELS[attempt.outcome]}{said}"
    )


def _shades(timeline: Timeline, account: Account, scale: _Scale) -> tuple[Shade, ...]:
    pauses = [
        ("pause", p.begin, p.end, f"waited {duration(p.end - p.begin)} for the rate limit") for p in account.pauses
    ]
    gaps = [
        (
            "bake",
            before.closed,
            after.opened,
            f"waited {duration(after.opened - before.closed)} between wave {before.name} and wave {after.name}",
        )
        for before, after in zip(timeline.waves, timeline.waves[1:], strict=False)
        # Less than a unit cannot be seen.
        if before.closed is not None and after.opened - before.closed > scale.span / _WIDTH
    ]
    return tuple(
        Shade(kind, scale.x(begin), max(1.0, round(scale.x(end) - scale.x(begin), 1)),
              visible(f"{moment(begin)} to {moment(end)} UTC: {words}"))
        for kind, begin, end, words in [*pauses, *gaps]
    )  # fmt: skip


def _flags(timeline: Timeline, scale: _Scale) -> tuple[Flag, ...]:
    flags: list[Flag] = []
    free = 0.0
    for wave in timeline.waves:
        x = scale.x(wave.opened) / 10
        name, is_near_the_end = visible(wave.name), x > 100 - _CROWDED
        # A name that would cover the last one, or leave the picture, is shown as a title only.
        has_room = x >= free and not is_near_the_end
        free = x + _CROWDED if has_room else free
        title = f"wave {name} opened {moment(wave.opened)} UTC"
        flags.append(Flag(x, f"{name[:17]}…" if len(name) > 18 else name, title) if has_room else Flag(x, "", title))
    return tuple(flags)


def _ticks(scale: _Scale) -> tuple[Flag, ...]:
    # About five ticks, at round times of the day.
    wanted = scale.span / 5
    step = next((s for s in _STEPS if s >= wanted), math.ceil(wanted / _DAY) * _DAY)
    first = math.ceil(scale.begin / step) * step
    flags = []
    for number in range(int((scale.end - first) // step) + 1):
        at = first + number * step
        x = scale.x(at) / 10
        anchor = "start" if x < 5 else "end" if x > 95 else "middle"
        flags.append(Flag(x, _tick(at, step), anchor=anchor))
    if len(flags) < 2:  # a run of a moment
        return (Flag(0, clock(scale.begin)), Flag(100, clock(scale.end), anchor="end"))
    return tuple(flags)


def _tick(at: float, step: float) -> str:
    when = datetime.fromtimestamp(at, UTC)
    if step >= _DAY:
        return f"{when:%d %b}"
    return f"{when:%H:%M}" if step >= 60 else f"{when:%H:%M:%S}"


def moment(at: float) -> str:
    """A date and a time of day in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def clock(at: float) -> str:
    """A time of day in UTC, as the rest of the page says it."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]
