from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.manifest.models import OpenHours
from orchestrator.core.rules.windows import Span, closed_in, is_open, opening, sentence

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


def test_all_zones_must_be_open_and_the_first_closed_is_named():
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
    at = datetime(2026, 3, 4, 23, 0, tzinfo=ZoneInfo("Asia/Tokyo"))  # 09:00 in New York
    assert closed_in(NEW_YORK, at) is None


def test_an_hour_that_comes_twice_is_open_twice():
    night = OpenHours(zones=("America/New_York",), hours="01:00-02:00")
    opened = [closed_in(night, utc(f"2026-11-01T{hour:02}:30")) is None for hour in range(4, 8)]
    assert opened == [False, True, True, False]


def span(hours, text, **more):
    found = opening(hours, utc(text).timestamp(), **more)
    if found is None:
        return None
    return tuple(datetime.fromtimestamp(at, UTC).strftime("%d %H:%M:%S") for at in (found.opens, found.closes))


def test_the_next_opening_is_the_current_span_or_the_one_after():
    assert span(NEW_YORK, "2026-03-04T12:00") == ("04 14:00:00", "05 01:00:00")
    assert span(NEW_YORK, "2026-03-04T15:30:07.5") == ("04 15:30:07", "05 01:00:00")
    assert span(NEW_YORK, "2026-03-05T01:00") == ("05 14:00:00", "06 01:00:00")
    assert span(NEW_YORK, "2026-03-07T01:00") == ("09 13:00:00", "10 00:00:00")  # over the weekend, and into summer


def test_what_opens_too_late_is_none():
    hour = 3600.0
    assert span(NEW_YORK, "2026-03-04T12:00", within=2 * hour) == ("04 14:00:00", "05 01:00:00")
    assert span(NEW_YORK, "2026-03-04T12:00", within=2 * hour - 1) is None
    assert span(NEW_YORK, "2026-03-04T15:00", within=0) is not None
    assert span(OpenHours(zones=("UTC", "Asia/Tokyo"), hours="12:00-13:00"), "2026-03-04T12:00") is None


def test_nothing_is_started_in_the_last_start_before_closing():
    hours = OpenHours(zones=("UTC",), hours="09:00-20:00", last_start="30m")
    assert span(hours, "2026-03-04T19:29:59.9") == ("04 19:29:59", "04 19:30:00")
    assert span(hours, "2026-03-04T19:30") == ("05 09:00:00", "05 19:30:00")
    assert is_open(hours, utc("2026-03-04T19:45").timestamp())  # open, but nothing is started


def test_hours_shorter_than_last_start_never_open():
    assert span(OpenHours(zones=("UTC",), hours="09:00-09:30", last_start="30m"), "2026-03-04T09:00") is None


def test_the_zone_that_closes_first_ends_the_span():
    coasts = OpenHours(zones=("America/New_York", "America/Los_Angeles"), hours="09:00-20:00", last_start="1h")
    assert span(coasts, "2026-07-01T00:00") == ("01 16:00:00", "01 23:00:00")


def test_excluded_days_follow_each_zones_own_calendar():
    hours = OpenHours(zones=("Asia/Tokyo", "UTC"), hours="00:00-24:00", except_=("2026-12-25",))
    assert span(hours, "2026-12-24T12:00") == ("24 12:00:00", "24 15:00:00")  # Christmas begins in Tokyo
    assert span(hours, "2026-12-24T15:00")[0] == "26 00:00:00"  # and ends in UTC


def test_a_skipped_hour_never_opens_and_a_cut_one_begins_late():
    night = OpenHours(zones=("America/New_York",), hours="02:00-03:00")
    assert span(night, "2026-03-08T05:00") == ("09 06:00:00", "09 07:00:00")
    late = OpenHours(zones=("America/New_York",), hours="02:30-04:00")
    assert span(late, "2026-03-08T05:00") == ("08 07:00:00", "08 08:00:00")


def test_an_hour_that_the_clocks_show_twice_is_one_long_span():
    night = OpenHours(zones=("America/New_York",), hours="01:00-02:00")
    assert span(night, "2026-11-01T04:00") == ("01 05:00:00", "01 07:00:00")


def test_a_window_that_never_closes_is_open_over_a_week_ahead():
    always = OpenHours(zones=("UTC", "Asia/Tokyo"), hours="00:00-24:00", last_start="24h")
    found = opening(always, 1_700_000_000.0)
    assert isinstance(found, Span)
    assert found.closes - found.opens >= 8 * 86400
    assert found.holds(1_700_000_000.0)


def test_a_span_ends_with_its_closing():
    assert [Span(10.0, 20.0).holds(at) for at in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]


def test_a_window_says_what_it_means():
    hours = OpenHours(zones=("America/New_York", "Asia/Tokyo"), hours="20:00-24:00", days=("fri",),
                      except_=("2026-12-25", "2027-01-01"), last_start="90m")  # fmt: skip
    assert sentence("late", hours, 14400.0) == (
        "window late: starts leave 20:00-24:00 on fri in America/New_York and Asia/Tokyo, "
        "not on 2026-12-25, 2027-01-01, none in the last 1 h 30 min; "
        "a run waits 4 h at most for it, and holds what opens later"
    )
    assert sentence("late", hours, 0.0).endswith("; a run does not wait for it, and holds what opens later")
    day = OpenHours(zones=("UTC",), hours="09:00-20:30")
    assert sentence("day", day, 90.0) == (
        "window day: starts leave 09:00-20:30 on mon, tue, wed, thu, fri, sat, sun in UTC; "
        "a run waits 1 min 30 s at most for it, and holds what opens later"
    )
