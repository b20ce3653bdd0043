"""When starts may leave, by a window and by `not_after`, asked again and again as a run does."""

from datetime import UTC, datetime

import pytest

from orchestrator.core.manifest.models import OpenHours
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.rules.windows import WindowCalendar

DAY = OpenHours(zones=("UTC",), hours="09:00-17:00", days=("mon", "tue", "wed", "thu", "fri"))
NEVER_OPEN = OpenHours(zones=("UTC", "Asia/Tokyo"), hours="09:00-10:00")
HOUR = 3600.0
OVER = "not_after is Mon 2026-03-02 08:00 UTC: nothing starts from then on, unless it is changed"


def at(hour, minute=0, day=2):
    """A time of March 2026; the second is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC).timestamp()


def calendar(not_after=None, **windows):
    return WindowCalendar({"day": DAY, "never": NEVER_OPEN, **windows}, StartTime(not_after) if not_after else None)


def test_a_window_is_open_from_its_first_second_to_its_last():
    asked = calendar()
    times = [(8, 59), (9, 0), (16, 59), (17, 0), (9, 0)]  # the last one again: what was found before is not for now

    assert [asked.is_open("day", at(*time)) for time in times] == [False, True, True, False, True]
    assert asked.is_open(None, at(3))
    assert not asked.is_open("never", at(9))


def test_each_window_is_kept_by_itself():
    asked = calendar(late=OpenHours(zones=("UTC",), hours="12:00-20:00"))

    assert [asked.is_open(name, at(10)) for name in ("day", "late", "day")] == [True, False, True]
    assert asked.next("late", at(10)).opens == at(12)
    assert asked.next("day", at(17)).opens == at(9, day=3)


def test_nothing_starts_once_not_after_has_come():
    ended = calendar(not_after=at(12))

    assert [ended.has_ended(now) for now in (at(12) - 1, at(12))] == [False, True]
    assert [ended.is_open("day", now) for now in (at(12) - 1, at(12))] == [True, False]
    assert [ended.is_open(None, now) for now in (at(12) - 1, at(12))] == [True, False]
    assert not calendar().has_ended(at(12))


@pytest.mark.parametrize(
    ("patience", "not_after", "worth"),
    [(2 * HOUR, None, True), (2 * HOUR - 1, None, False), (2 * HOUR, at(9), False), (2 * HOUR, at(9) + 1, True)],
)
def test_a_window_is_waited_for_where_it_opens_soon_enough(patience, not_after, worth):
    assert calendar(not_after).is_worth_waiting("day", at(7), patience) is worth


@pytest.mark.parametrize(
    ("window", "patience", "not_after", "why"),
    [
        ("day", HOUR, None, "is closed until 2026-03-02T09:00:00.000Z; a run waits 1 h at most (windows_wait)"),
        ("day", 0.0, None, "is closed until 2026-03-02T09:00:00.000Z; this run does not wait"),
        ("never", HOUR, None,
         "is closed, and does not open within a month; a run waits 1 h at most (windows_wait)"),
        ("day", HOUR, at(8), f"is closed until 2026-03-02T09:00:00.000Z; {OVER}"),
    ],
)  # fmt: skip
def test_why_a_closed_window_holds_its_campaigns(window, patience, not_after, why):
    assert calendar(not_after).why_held(window, at(7), patience) == f"window {window} {why}"


def test_without_not_after_no_end_is_told():
    assert calendar().ending == ""
