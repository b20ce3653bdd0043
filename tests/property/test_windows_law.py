"""Windows against a naive oracle that looks at every minute, at any time of any zone's year."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.manifest.models import OpenHours
from orchestrator.core.rules.windows import is_open, opening

ZONES = (
    "America/New_York", "America/Los_Angeles", "Europe/London", "Europe/Dublin", "Australia/Lord_Howe", "Asia/Kolkata",
    "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo", "America/Havana", "Asia/Kathmandu", "Pacific/Chatham",
    "America/St_Johns", "Asia/Beirut", "Asia/Tokyo", "UTC",
)  # fmt: skip
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SIZE = 2 * 1440  # minutes that the oracle looks at
SETUPS, CASES = 100, 100  # 10,000 cases


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def near_a_change(rnd, zone: str) -> int:
    """A minute within a day before a zone's clocks are set; any minute where they are not."""
    at = datetime(rnd.randint(2000, 2036), rnd.randint(1, 12), rnd.randint(1, 28), rnd.randint(0, 23), tzinfo=UTC)
    for _ in range(400):
        if at.astimezone(ZoneInfo(zone)).utcoffset() != (at + timedelta(days=1)).astimezone(ZoneInfo(zone)).utcoffset():
            break
        at += timedelta(days=1)
    return int(at.timestamp()) // 60 + rnd.randint(-600, 600)


def drawn(rnd) -> tuple[OpenHours, int]:
    zones = rnd.sample(ZONES, rnd.choice((1, 1, 2, 3)))
    first = near_a_change(rnd, zones[0])
    opens = rnd.choice((0, 0, 30, 60, 90, 120, 150, 540, rnd.randrange(1439)))
    closes = min(1440, opens + rnd.choice((1, 30, 60, 90, 660, 1440)))
    today = datetime.fromtimestamp(first * 60, UTC).date()
    dates = [str(today + timedelta(days=n)) for n in range(4) if rnd.random() < 0.1]
    return OpenHours.model_validate({
        "zones": zones, "hours": f"{clock(opens)}-{clock(closes)}", "except": dates,
        "days": [day for day in DAYS if rnd.random() < 0.8] or ["sun"],
        "last_start": f"{rnd.choice((0, 0, 1, 15, 59))}m",
    }), first  # fmt: skip


def shows_open(hours: OpenHours, minute: int) -> bool:
    opens, closes = hours.hours
    until = "24:00" if closes.microsecond else f"{closes:%H:%M}"
    walls = [datetime.fromtimestamp(minute * 60, ZoneInfo(zone)) for zone in hours.zones]
    return all(
        f"{opens:%H:%M}" <= clock(wall.hour * 60 + wall.minute) < until
        and DAYS[wall.weekday()] in hours.days
        and wall.date() not in hours.except_
        for wall in walls
    )


def startable_minutes(hours: OpenHours, first: int) -> list[bool]:
    kept = int(hours.last_start // 60)
    shown = [shows_open(hours, first + n) for n in range(SIZE + kept)]
    return [all(shown[n : n + kept + 1]) for n in range(SIZE)]


@pytest.mark.parametrize("seed", range(4))
def test_a_window_opens_and_closes_by_the_wall_clock(seed):
    rnd = random.Random(seed)
    for _ in range(SETUPS // 4):
        hours, first = drawn(rnd)
        startable = startable_minutes(hours, first)
        for _ in range(CASES):
            at = first * 60 + rnd.randrange(SIZE * 60) + rnd.random()
            begun = int(at // 60) - first
            expected = next((n for n in range(begun, SIZE) if startable[n]), None)
            span = opening(hours, at, within=3 * 86400)
            if expected is None:
                assert span is None or span.opens >= (first + SIZE) * 60
                continue
            assert span is not None
            assert span.holds(at) == startable[begun]
            assert span.opens == (int(at) if startable[begun] else (first + expected) * 60)
            until = next((n for n in range(expected, SIZE) if not startable[n]), None)
            assert span.closes == (first + until) * 60 if until is not None else span.closes >= (first + SIZE) * 60


times = st.floats(946684800, 2114380800, allow_nan=False)  # 2000 to 2036


@settings(max_examples=100)
@given(st.integers(0, 10_000), times, st.floats(0, 1))
def test_every_instant_of_a_span_knows_its_end_and_none_precede(seed, at, share):
    hours, _ = drawn(random.Random(seed))
    span = opening(hours, at, within=8 * 86400)
    if span is None:
        return
    inside = max(at, span.opens) + share * (span.closes - max(at, span.opens)) * 0.999
    again = opening(hours, inside)
    assert again is not None
    assert again.holds(inside)
    # A span of more than a week is cut off; asked again later, it goes on.
    assert again.closes == span.closes or again.closes - span.opens > 7 * 86400
    assert is_open(hours, inside)
