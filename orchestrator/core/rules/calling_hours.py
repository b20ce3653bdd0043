"""A campaign's own calling hours on the platform, compared with the window in which it may be started."""

import math
from collections import defaultdict
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.core.manifest.models import OpenHours
from orchestrator.core.rules.windows import Span, opening
from orchestrator.model import CallingHours, PosixSeconds

_LOOKED_AHEAD: Final = 7 * 86400.0
_LOOKED_BACK: Final = 7 * 86400.0
_HOUR: Final = 3600


def uncovered(window: OpenHours | None, calling: CallingHours, at: PosixSeconds) -> PosixSeconds | None:
    """When, in POSIX seconds, the campaign may first be started within a week although its calling hours are closed.

    None if it never may.

    Without a window it is started now, at `at` POSIX seconds. Raises ValueError for hours that cannot be understood.
    """
    rules = _rules(calling)
    if window is None:
        return None if _covered_until(rules, at) > at else at
    # From one opening of the window to the next, until one has a time that no calling hours cover.
    last, now = at + _LOOKED_AHEAD, at
    while now < last and (span := opening(window, now, within=last - now)) is not None:
        gap = _gap(rules, Span(max(span.opens, at), PosixSeconds(min(span.closes, last))))
        if gap is not None:
            return gap
        now = span.closes
    return None


def open_seconds(calling: CallingHours, since: PosixSeconds, until: PosixSeconds) -> float:
    """Seconds between two instants, of the last week, at which the hours were open.

    Raises ValueError for hours that cannot be understood.
    """
    # By whole hours, so that thousands of campaigns with the same hours share one look at the calendar.
    spans = _last_week(calling, math.ceil(until / _HOUR))
    return sum(max(0.0, min(span.closes, until) - max(span.opens, since)) for span in spans)


@lru_cache(maxsize=256)
def _last_week(calling: CallingHours, hour: int) -> tuple[Span, ...]:
    """When the hours were open in the week before the `hour`-th hour since 1970."""
    rules, until = _rules(calling), PosixSeconds(float(hour * _HOUR))
    now, spans = PosixSeconds(until - _LOOKED_BACK), list[Span]()
    while now < until:
        covered = _covered_until(rules, now)
        if covered > now:
            spans.append(Span(now, min(covered, until)))
            now = covered
        else:
            coming = (opening(rule, now, within=until - now) for rule in rules)
            now = min((span.opens for span in coming if span is not None), default=until)
    return tuple(spans)


def closing(calling: CallingHours, at: PosixSeconds) -> PosixSeconds | None:
    """When the hours that are open at `at` end, in POSIX seconds; None if they are closed then.

    Raises ValueError for hours that cannot be understood.
    """
    until = _covered_until(_rules(calling), at)
    return until if until > at else None


def words(calling: CallingHours) -> str:
    """Calling hours in words, days with the same hours together."""
    hours: dict[str, list[str]] = defaultdict(list)
    for day, opens, closes in calling.days:
        hours[f"{opens}-{closes}"].append(day)
    return "; ".join(f"{', '.join(days)} {span}" for span, days in hours.items()) + f" {calling.zone}"


def _rules(calling: CallingHours) -> list[OpenHours]:
    """The hours as windows, one for each day; pydantic's errors are ValueErrors."""
    if not calling.days:
        raise ValueError("no hours")
    # The zone is put in behind the manifest's check: the platform may name a fixed offset, and keeps it as it says.
    zones = (_zone(calling.zone),)
    return [
        OpenHours.model_validate({"zones": ["UTC"], "hours": f"{opens}-{closes}", "days": [day]}).model_copy(
            update={"zones": zones}
        )
        for day, opens, closes in calling.days
    ]


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, OSError) as error:  # OSError: a name that is a folder of the database
        raise ValueError("no such zone") from error


def _gap(rules: list[OpenHours], span: Span) -> PosixSeconds | None:
    now = span.opens
    while now < span.closes:
        # 09:00-12:00 and 12:00-18:00 cover the day together: go on where the first one ends.
        covered = _covered_until(rules, now)
        if covered <= now:
            return now
        now = covered
    return None


def _covered_until(rules: list[OpenHours], now: PosixSeconds) -> PosixSeconds:
    spans = (opening(rule, now, within=0.0) for rule in rules)
    return max((span.closes for span in spans if span is not None and span.holds(now)), default=now)
