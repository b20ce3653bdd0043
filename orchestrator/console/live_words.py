"""A run that is going on, in words: the same for the view at a terminal and for the lines of a log."""

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from orchestrator.console.progress import LaneProgress, Phase, ProgressObserver
from orchestrator.console.terminal import plain
from orchestrator.core.gauge import LaneGauge, RunGauge
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.text import duration, plural
from orchestrator.model import Outcome, PosixSeconds, Stop, StopReason

Segment = tuple[str, str]
"""A text and its style; empty for none. The words alone say everything: a style only repeats it."""
Row = list[Segment]

GOOD: Final = "green"
BAD: Final = "bold red"
SLOW: Final = "yellow"
_SIGNALS: Final = frozenset({StopReason.SIGINT, StopReason.SIGTERM, StopReason.SIGHUP})
_DAY: Final = 86400.0
_IN_LINE: Final = 3
"""Lanes that a line of a log names."""
_NAME: Final = 24
"""The longest part of an account's name that a row shows."""
_CALM: Final = 5
"""The rank of a lane that waits for nothing but its turn; any lower one is a trouble or a longer wait."""
_FINISHED: Final = 6


def seconds_words(seconds: float) -> str:
    """A wait in whole seconds, at least one: `23 s`, `4 min 10 s`."""
    return duration(max(1, math.ceil(seconds)))


def clock_words(at: float, now: float, zone: str) -> str:
    """A time of day in a zone: `09:00 EST`; with the weekday where it is not within a day."""
    there = datetime.fromtimestamp(at, ZoneInfo(zone))
    return there.strftime("%H:%M %Z" if at - now < _DAY else "%a %H:%M %Z")


# What holds a lane, the most troubled first.


def hold_of(lane: LaneProgress, progress: ProgressObserver, gauge: LaneGauge, now: float) -> tuple[int, str]:
    """What holds a lane, and its rank: the lower, the more a person wants to see it. Empty words: nothing."""
    return next(_holds(lane, progress, gauge, now), (_CALM, ""))


def _holds(lane: LaneProgress, progress: ProgressObserver, gauge: LaneGauge, now: float) -> Iterator[tuple[int, str]]:
    if lane.stopped:
        yield 0, f"stopped: {plain(lane.stopped)}"
    if lane.is_finished:
        yield _FINISHED, "done"
    if lane.is_breaker_open:
        yield 1, "circuit breaker open"
    limited_until = max(lane.limited_until, gauge.free_at if gauge.is_limited else 0.0)
    if now < limited_until < math.inf:
        yield 2, f"throttled, {seconds_words(limited_until - now)}"
    if now < lane.opens:
        yield 4, _window(lane, progress, now)
    if lane.lists:
        yield 4, plain(lane.lists)
    if wave := _wave(progress, now):
        yield 4, wave
    if gauge.wants_connection:
        yield 4, "waits for a connection"
    if now < gauge.free_at < math.inf:
        yield _CALM, f"next start in {seconds_words(gauge.free_at - now)}"


def _wave(progress: ProgressObserver, now: float) -> str:
    if now < progress.bakes_until:
        return f"bakes, {seconds_words(progress.bakes_until - now)}"
    if now < progress.follows_until:
        return f"delivers, {seconds_words(progress.follows_until - now)} at most"
    return ""


def _window(lane: LaneProgress, progress: ProgressObserver, now: float) -> str:
    return f"window {plain(lane.window)} opens {clock_words(lane.opens, now, progress.zones.get(lane.window, 'UTC'))}"


def lanes_by_trouble(progress: ProgressObserver, gauge: RunGauge, now: float) -> list[tuple[int, str, LaneProgress]]:
    """The lanes that have something to do, the most troubled first: rank, what holds it, and the lane."""
    found = []
    for key, lane in progress.lanes.items():
        if lane.expected:
            rank, words = hold_of(lane, progress, gauge.lanes.get(key, LaneGauge()), now)
            # Campaigns that are lost outweigh a wait, which ends by itself.
            found.append((min(rank, 3) if _lost(lane) else rank, words, lane))
    return sorted(found, key=lambda one: (one[0], -_lost(one[2]), one[2].name))


def _lost(lane: LaneProgress) -> int:
    return lane.outcomes.get(Outcome.UNKNOWN, 0) + lane.outcomes.get(Outcome.FAILED, 0)


def _troubles(lane: LaneProgress) -> list[Segment]:
    unknown, failed = (lane.outcomes.get(outcome, 0) for outcome in (Outcome.UNKNOWN, Outcome.FAILED))
    counts = ((unknown, "unknown", BAD), (failed, "failed", BAD), (lane.held, "held", SLOW))
    return [(f"{count:,} {word}", style) for count, word, style in counts if count]


# The whole launch.


def facts(progress: ProgressObserver, gauge: RunGauge, now: float) -> list[Segment]:
    """The launch in short facts: what its campaigns came to, the time, the rate limit, and what goes on."""
    if progress.phase is Phase.PREFLIGHT:
        return _preflight(progress, gauge, now)
    if progress.phase is Phase.WAITING:
        return _waiting(progress, now)
    unknown, failed = progress.total(Outcome.UNKNOWN), progress.total(Outcome.FAILED)
    held = sum(lane.held for lane in progress.lanes.values())
    throttled = sum(lane.throttled for lane in progress.lanes.values())
    left = seconds_left(progress, now)
    optional = (
        (held, f"{held:,} held", SLOW),
        (True, f"{throttled:,} throttled", SLOW if throttled else ""),
        (True, f"{duration(now - progress.begun)} elapsed", ""),
        (left, f"about {seconds_words(left)} left", ""),
        (_has_limits(gauge), f"{used_percent(gauge)} % of the rate limit used", ""),
        (progress.wave, f"wave {plain(progress.wave)}", ""),
        (progress.probes, f"{plural(len(progress.probes), 'lost answer')} being looked into", SLOW),
        (progress.paused, plain(progress.paused), SLOW),
    )
    return [
        (f"{progress.total(Outcome.STARTED):,} started", GOOD),
        (f"{unknown:,} unknown", BAD if unknown else ""),
        (f"{failed:,} failed", BAD if failed else ""),
        *((words, style) for applies, words, style in optional if applies),
    ]


def _preflight(progress: ProgressObserver, gauge: RunGauge, now: float) -> list[Segment]:
    elapsed = now - progress.begun
    read = campaigns_read(progress, gauge)
    throttled = sum(lane.throttled for lane in progress.lanes.values())
    left = elapsed * (progress.to_read - read) / read if read else 0.0
    found: list[Segment] = [("preflight: reading the platform's state; nothing is started", "")]
    found += [(f"{throttled:,} throttled", SLOW)] if throttled else []
    # After a crash, a minute and more may pass before the first call: until then, what it sent counts as just sent.
    wait = min((lane.free_at - now for lane in gauge.lanes.values()), default=0.0)
    found += [(f"next call in {seconds_words(wait)}, by the rate limit", SLOW)] if 1.0 < wait < math.inf else []
    found.append((f"{duration(elapsed)} elapsed", ""))
    return [*found, (f"about {seconds_words(left)} left", "")] if left else found


def _waiting(progress: ProgressObserver, now: float) -> list[Segment]:
    found = [(f"waits until {waiting_words(progress.starts, now)}", "")] if progress.starts is not None else []
    found.append(("nothing is started, and no account is held", ""))
    return [*found, (plain(progress.paused), SLOW)] if progress.paused else found


def waiting_words(start: StartTime, now: float) -> str:
    """`09:00 New York time (14:00 UTC), 3 h 12 min`."""
    return f"{start.words(PosixSeconds(now))}, {seconds_words(start.at - now)}"


def campaigns_read(progress: ProgressObserver, gauge: RunGauge) -> int:
    """Campaigns whose live state is read; those that do not exist count once all are read."""
    return min(progress.to_read, sum(lane.read for lane in gauge.lanes.values()))


def done_of(progress: ProgressObserver, gauge: RunGauge) -> tuple[int, int]:
    """How much of the phase is done, of how much."""
    if progress.phase is Phase.PREFLIGHT:
        return campaigns_read(progress, gauge), progress.to_read
    return sum(lane.done for lane in progress.lanes.values()), sum(lane.expected for lane in progress.lanes.values())


def used_percent(gauge: RunGauge) -> int:
    """The share of all slots of the accounts' rate limits that is in use now, in percent."""
    slots = sum(lane.allowed for lane in gauge.lanes.values())
    return round(100 * sum(lane.held for lane in gauge.lanes.values()) / slots) if slots else 0


def _has_limits(gauge: RunGauge) -> bool:
    return any(lane.allowed for lane in gauge.lanes.values())


def seconds_left(progress: ProgressObserver, now: float) -> float:
    """Seconds until the slowest lane is done, at the pace of each so far; 0 if nothing is known of it."""
    elapsed = now - progress.begun
    return max((_left(lane, elapsed, now) for lane in progress.lanes.values() if not lane.is_finished), default=0.0)


def _left(lane: LaneProgress, elapsed: float, now: float) -> float:
    if lane.stopped:
        return 0.0
    paced = elapsed * (lane.expected - lane.done) / lane.done if lane.done else 0.0
    return max(paced, lane.opens - now)


def stopping(progress: ProgressObserver, *, can_stop_waiting: bool) -> str:
    """What a run that stops waits for, how long at most, and what a second signal does; empty if none stops."""
    stop = progress.stop()
    if stop is None:
        return ""
    now = progress.now()
    since = now - (progress.stopped_at or now)
    return stopping_words(
        stop, progress.gauge().in_flight, progress.patience - since, can_stop_waiting=can_stop_waiting
    )


def stopping_words(stop: Stop, in_flight: int, seconds: float, *, can_stop_waiting: bool) -> str:
    """The same, for `in_flight` calls on their way, the last of which ends after `seconds` at most."""
    why = str(stop.reason) if stop.reason in _SIGNALS else f"stopping ({stop.reason}: {plain(stop.detail)})"
    waits = f"waiting for {plural(in_flight, 'call')} in flight, {seconds_words(seconds)} at most"
    again = "; press Ctrl-C again to stop waiting: the next run finds out what happened to them"
    is_cut_by_next = can_stop_waiting and stop.reason in _SIGNALS and in_flight
    return f"{why}: no new start; {waits if in_flight else 'no call is in flight'}" + again * bool(is_cut_by_next)


# The two ways to show it.


def log_line(progress: ProgressObserver) -> str:
    """One line for a log."""
    if progress.phase is Phase.REPORTS:
        return "progress: writing the reports"
    progress.note_stop()
    gauge, now = progress.gauge(), progress.now()
    done, total = done_of(progress, gauge)
    counted = [f"{done:,} of {total:,} campaigns"] * (progress.phase is not Phase.WAITING)
    parts = [*counted, *(words for words, _ in facts(progress, gauge, now))]
    if stop := stopping(progress, can_stop_waiting=False):
        parts.append(stop)
    if progress.phase is Phase.WAITING:
        return "progress: " + "; ".join(parts)
    held = [(words, lane) for rank, words, lane in lanes_by_trouble(progress, gauge, now) if rank < _CALM and words]
    parts += [f"{plain(lane.name)}: {words}" for words, lane in held[:_IN_LINE]]
    parts += [f"{plural(len(held) - _IN_LINE, 'more account')} waiting or stopped"] if len(held) > _IN_LINE else []
    return "progress: " + "; ".join(parts)


def screen(progress: ProgressObserver, width: int, height: int, *, can_stop_waiting: bool = False) -> list[Row]:
    """The view for a terminal, without the bar: the launch's facts, then as many lanes as fit, and a total of the rest.

    No row is longer than `width`, and no number is cut: words are, and what does not fit begins a new row.
    """
    if progress.phase is Phase.REPORTS:
        return []
    progress.note_stop()
    gauge, now = progress.gauge(), progress.now()
    rows = packed(facts(progress, gauge, now), width)
    if stop := stopping(progress, can_stop_waiting=can_stop_waiting):
        rows += [[(part, BAD)] for part in wrapped(stop, width)]
    if progress.phase in {Phase.PREFLIGHT, Phase.WAITING}:
        return rows[:height]
    lanes = lanes_by_trouble(progress, gauge, now)
    blocks = [_lane_rows(rank, words, lane, width) for rank, words, lane in lanes]
    return [*rows, *_cut(blocks, [lane for _, _, lane in lanes], width, height - len(rows))][:height]


def _lane_rows(rank: int, hold: str, lane: LaneProgress, width: int) -> list[Row]:
    name = plain(lane.name)
    shown = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
    style = BAD if rank < 2 else SLOW if rank < _CALM and hold != "done" else ""
    count = f"{lane.done:,}/{lane.expected:,}"
    segments = [(f"{shown:{min(_NAME, width // 4)}} {count:>9}", ""), *_troubles(lane)]
    return packed([*segments, *([(hold, style)] if hold else [])], width, indent="  ", between="  ")


def _cut(blocks: Sequence[list[Row]], lanes: Sequence[LaneProgress], width: int, room: int) -> list[Row]:
    """As many blocks as fit in `room` rows; the rest in one total, which may take two."""
    if sum(map(len, blocks)) <= room:
        return [row for block in blocks for row in block]
    shown: list[Row] = []
    fitting = 0
    for block in blocks:
        if len(shown) + len(block) > room - 2:
            break
        shown += block
        fitting += 1
    rest = lanes[fitting:]
    done, expected = sum(lane.done for lane in rest), sum(lane.expected for lane in rest)
    total: list[Segment] = [(f"and {plural(len(rest), 'more account')}:", ""), (f"{done:,}/{expected:,} done", "")]
    return shown + packed(total, width, indent="  ", between=" ")


def packed(segments: Iterable[Segment], width: int, *, indent: str = "", between: str = ", ") -> list[Row]:
    """Segments in rows of at most `width` characters. One that is longer than a row alone is wrapped at its words."""
    rows: list[Row] = []
    used = width
    for text, style in segments:
        for part in wrapped(text, width - len(indent)):
            if rows and used + len(between) + len(part) <= width:
                rows[-1] += [(between, ""), (part, style)]
                used += len(between) + len(part)
            else:
                rows.append([(indent, ""), (part, style)] if indent else [(part, style)])
                used = len(indent) + len(part)
    return rows


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` characters, broken between words where that is possible."""
    return textwrap.wrap(text, max(width, 8)) if len(text) > width else [text]
