from datetime import UTC, datetime

import pytest

from orchestrator.core.manifest import OpenHours
from orchestrator.core.windows import closed_in

WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
NEW_YORK = OpenHours(zones=("America/New_York",), hours="09:00-20:00", days=WORKDAYS)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-03-04T13:59:59.999", False),  # Wednesday 08:59 in winter time
        ("2026-03-04T14:00", True),
        ("2026-03-05T00:59:59", True),
        ("2026-03-05T01:00", False),  # 20:00 is closed
        ("2026-03-09T13:00", True),  # Monday 09:00 in summer time
        ("2026-03-09T12:59", False),
        ("2026-03-07T15:00", False),  # Saturday
        ("2026-03-08T15:00", False),  # Sunday
        ("2026-03-07T00:30", True),  # still Friday evening over there
        ("2026-03-09T00:30", False),  # still Sunday evening over there
    ],
)
def test_hours_and_days_are_those_of_the_zone(at, is_open):
    assert closed_in(NEW_YORK, utc(at)) == (None if is_open else "America/New_York")


def test_all_zones_must_be_open_and_the_first_closed_one_is_named():
    coasts = OpenHours(zones=("America/New_York", "America/Los_Angeles", "Pacific/Honolulu"), hours="09:00-20:00")
    assert closed_in(coasts, utc("2026-07-01T14:00")) == "America/Los_Angeles"
    assert closed_in(coasts, utc("2026-07-01T17:00")) == "Pacific/Honolulu"
    assert closed_in(coasts, utc("2026-07-01T20:00")) is None
    assert closed_in(coasts, utc("2026-07-02T00:30")) == "America/New_York"


def test_without_days_every_day_is_open():
    always = OpenHours(zones=("UTC",), hours="00:00-24:00")
    assert all(closed_in(always, utc(f"2026-03-0{day}T23:59:59")) is None for day in range(1, 8))


def test_hours_until_midnight_end_with_the_day():
    friday = OpenHours(zones=("UTC",), hours="20:00-24:00", days=("fri",))
    assert closed_in(friday, utc("2026-03-06T23:59:59")) is None
    assert closed_in(friday, utc("2026-03-07T00:00")) == "UTC"


def test_the_zone_of_the_given_time_does_not_matter():
    from zoneinfo import ZoneInfo

    at = datetime(2026, 3, 4, 23, 0, tzinfo=ZoneInfo("Asia/Tokyo"))  # 09:00 in New York
    assert closed_in(NEW_YORK, at) is None


def test_an_hour_that_comes_twice_is_open_twice():
    night = OpenHours(zones=("America/New_York",), hours="01:00-02:00")
    opened = [closed_in(night, utc(f"2026-11-01T{hour:02}:30")) is None for hour in range(4, 8)]
    assert opened == [False, True, True, False]
