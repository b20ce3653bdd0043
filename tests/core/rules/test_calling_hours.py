from datetime import UTC, datetime

import pytest

from orchestrator.core.manifest.models import OpenHours
from orchestrator.core.rules.calling_hours import closing, open_seconds, uncovered, words
from orchestrator.model import CallingHours

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKDAYS = WEEK[:5]
NEW_YORK = OpenHours(zones=("America/New_York",), hours="09:00-20:00", days=WORKDAYS)
MONDAY = "2026-03-02T12:00"


def calling(opens, closes, *, days=WORKDAYS, zone="America/New_York"):
    return CallingHours(zone, tuple((day, opens, closes) for day in days))


def posix(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def first(window, hours, at=MONDAY):
    found = uncovered(window, hours, posix(at))
    return None if found is None else datetime.fromtimestamp(found, UTC).strftime("%a %H:%M")


@pytest.mark.parametrize(("opens", "closes"), [("09:00", "20:00"), ("08:00", "21:00"), ("00:00", "24:00")])
def test_hours_that_cover_the_window_are_no_mismatch(opens, closes):
    assert first(NEW_YORK, calling(opens, closes)) is None


@pytest.mark.parametrize(
    ("hours", "at"),
    [
        (calling("10:00", "20:00"), "Mon 14:00"),  # 09:00 in New York
        (calling("09:00", "19:00"), "Tue 00:00"),  # 19:00 of Monday
        (calling("09:00", "20:00", days=WEEK[:4]), "Fri 14:00"),
        (calling("09:00", "18:00", zone="Asia/Kolkata"), "Mon 14:00"),
    ],
)
def test_the_first_time_that_is_not_covered_is_named(hours, at):
    assert first(NEW_YORK, hours) == at


def test_hours_in_two_parts_cover_a_window_only_where_they_meet():
    morning, evening = calling("09:00", "14:00").days, calling("14:00", "20:00").days
    assert first(NEW_YORK, CallingHours("America/New_York", morning + evening)) is None
    late = calling("14:30", "20:00").days
    assert first(NEW_YORK, CallingHours("America/New_York", morning + late)) == "Mon 19:00"


@pytest.mark.parametrize("zone", ["EST", "Etc/GMT+5", "US/Eastern"])
def test_the_platform_may_name_a_zone_that_a_manifest_may_not(zone):
    assert first(NEW_YORK, calling("09:00", "20:00", zone=zone)) is None  # in winter


def test_what_has_passed_of_the_window_is_not_asked_about():
    assert first(NEW_YORK, calling("12:00", "20:00", days=["mon"]), at="2026-03-02T18:00") == "Tue 14:00"


def test_without_a_window_it_is_about_now():
    assert first(None, calling("09:00", "20:00"), at="2026-03-02T14:00") is None
    assert first(None, calling("09:00", "20:00"), at="2026-03-02T13:59") == "Mon 13:59"


@pytest.mark.parametrize("odd", [CallingHours("Asia/Kolkata", ()), calling("21:00", "02:00"), calling("9", "18:00"),
                                 calling("09:00", "18:00", zone="India Standard Time")])  # fmt: skip
def test_hours_that_make_no_sense_are_said_to(odd):
    with pytest.raises(ValueError, match=r"^no hours$|^no such zone$|OpenHours"):
        uncovered(NEW_YORK, odd, posix(MONDAY))


def test_days_of_the_same_hours_are_said_together():
    hours = CallingHours("UTC", (("mon", "09:00", "18:00"), ("tue", "09:00", "18:00"), ("sat", "10:00", "12:00")))
    assert words(hours) == "mon, tue 09:00-18:00; sat 10:00-12:00 UTC"


DAY = 86400.0
WEEK = datetime(2026, 3, 2, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("since", "until", "seconds"),
    [
        (9.5, 9.75, 900.0),  # open
        (3.0, 8.99, 0.0),  # closed
        (16.75, 24 + 9.25, 1800.0),  # over a night
        (8.0, 18.0, 8 * 3600.0),
        (16.0, 5 * 24 + 12.0, 3600.0 + 4 * 8 * 3600.0),  # over a week, to Saturday
        (9.5, 9.5, 0.0),
    ],
)
def test_the_open_time_between_two_instants(since, until, seconds):
    calling = CallingHours("UTC", tuple((day, "09:00", "17:00") for day in ("mon", "tue", "wed", "thu", "fri")))

    assert open_seconds(calling, WEEK + since * 3600, WEEK + until * 3600) == pytest.approx(seconds)


def test_open_time_obeys_the_zone_and_its_changes():
    # On 2026-03-08 New York's clocks skip 2:00 to 3:00.
    calling = CallingHours("America/New_York", (("sun", "01:00", "04:00"),))
    sunday = datetime(2026, 3, 8, tzinfo=UTC).timestamp()

    assert open_seconds(calling, sunday, sunday + DAY) == pytest.approx(2 * 3600.0)
    with pytest.raises(ValueError, match="zone"):
        open_seconds(CallingHours("Atlantis/City", (("sun", "01:00", "04:00"),)), sunday, sunday + DAY)


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2026-03-02T15:00", "2026-03-03T01:00"),  # Monday 10:00 in New York: until 20:00
        ("2026-03-02T13:59", None),
        ("2026-03-03T01:00", None),
        ("2026-03-07T15:00", None),
    ],
)
def test_open_hours_end_and_closed_ones_do_not(at, ends):
    assert closing(calling("09:00", "20:00"), posix(at)) == (posix(ends) if ends else None)
