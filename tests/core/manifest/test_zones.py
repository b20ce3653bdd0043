"""Time zones: which names are taken, and what is said about the others."""

import pytest
from pydantic_core import PydanticCustomError

from orchestrator.core.manifest.zones import zone

UNKNOWN, FIXED, SAME = "is not a time zone", "is a fixed offset without summer time", "is another name for UTC"
FORM = "write an IANA name such as America/New_York"


def told(written):
    with pytest.raises(PydanticCustomError) as caught:
        zone(written)
    return caught.value.message(), caught.value.context["hint"].read()


@pytest.mark.parametrize(
    "name",
    ["America/New_York", "Asia/Kolkata", "US/Eastern", "UTC", "CET", "PST8PDT", "America/Argentina/Buenos_Aires"],
)
def test_a_name_of_the_database_is_taken_as_written(name):
    assert zone(name) == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("EDT", "America/New_York"), ("CDT", "America/Chicago"), ("PST", "America/Los_Angeles"),
        ("PDT", "America/Los_Angeles"), ("MDT", "America/Denver or America/Phoenix (Arizona)"),
        ("AKST", "America/Anchorage"), ("AKDT", "America/Anchorage"), ("BST", "Europe/London"),
        ("CEST", "Europe/Berlin"), ("EEST", "Europe/Athens"), ("JST", "Asia/Tokyo"), ("AEDT", "Australia/Sydney"),
        ("AEST", "Australia/Sydney or Australia/Brisbane (Queensland)"), ("NZDT", "Pacific/Auckland"),
        ("CST", "America/Chicago or Asia/Shanghai (China)"),
        ("IST", "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem"),
        ("edt", "America/New_York"), (" EDT ", "America/New_York"), ("ET", "America/New_York"),
        ("Eastern", "America/New_York"), ("US Eastern", "America/New_York"),
        ("U.S. Eastern", "America/New_York"), ("Pacific Time", "America/Los_Angeles"),
        ("Eastern Standard Time", "America/New_York"), ("Eastern Time (US & Canada)", "America/New_York"),
        ("W. Europe Standard Time", "Europe/Berlin"), ("India Standard Time", "Asia/Kolkata"),
        ("UTC-5", "the zone of a place, such as America/New_York"),
        ("UTC+05:30", "the zone of a place, such as Asia/Kolkata"),
        ("GMT+5", "the zone of a place, such as Asia/Karachi"),
        ("-0800", "the zone of a place, such as America/Los_Angeles"),
    ],
)  # fmt: skip
def test_what_people_write_is_answered_with_the_zone_meant(written, meant):
    assert told(written) == (UNKNOWN, f"write {meant}")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("EST", "America/New_York"), ("HST", "Pacific/Honolulu"),
        ("MST", "America/Denver or America/Phoenix (Arizona)"),
        ("GMT", "Europe/London or UTC"), ("Etc/GMT", "Europe/London or UTC"),
        ("Etc/GMT+5", "the zone of a place, such as America/New_York"),
        ("Etc/GMT-1", "the zone of a place, such as Europe/Berlin"),
    ],
)  # fmt: skip
def test_a_fixed_offset_is_refused_with_a_zone_that_has_summer(written, meant):
    assert told(written) == (FIXED, f"write {meant}")


@pytest.mark.parametrize("written", ["Etc/UTC", "Zulu", "Etc/Zulu", "UCT", "Universal"])
def test_utc_has_one_name(written):
    assert told(written) == (SAME, "write UTC")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Europe/Berln", "'Europe/Berlin'"), ("Eurpe/London", "'Europe/London'"),
        ("America/New York", "'America/New_York'"), ("america/new_york", "'America/New_York'"),
        ("Port au Prince", "'America/Port-au-Prince'"), ("port-au-prince", "'America/Port-au-Prince'"),
        ("America/Argentina/Buenos_Airs", "'America/Argentina/Buenos_Aires'"),
        ("New York", "'America/New_York'"), ("Berlin", "'Europe/Berlin'"),
        ("Tokyo Standard Time", "'Asia/Tokyo'"), ("Nicosia", "'Asia/Nicosia' or 'Europe/Nicosia'"),
    ],
)  # fmt: skip
def test_a_mistyped_name_is_answered_with_the_nearest(written, meant):
    assert told(written) == (UNKNOWN, f"did you mean {meant}?")


@pytest.mark.parametrize(
    "written",
    ["UTC+02:17", "Etx/UTC", "Europe/New_York", "Asia/Berlin", "Asia/Los_Angeles", "Berlin Mean Time", "XDT", "WEDT",
     "localtime", "posix/Europe/Paris", "right/Europe/Paris", "Factory", "", "x" * 100, 7, None, []],
)  # fmt: skip
def test_where_nothing_is_meant_for_sure_nothing_is_guessed(written):
    assert told(written) == (UNKNOWN, FORM)


def test_every_zone_that_is_advised_is_taken():
    from orchestrator.core.manifest import zones

    advised = [*zones._MEANT.values(), *zones._BY_OFFSET.values()]
    names = {name for text in advised for name in text.replace(",", " ").split() if "/" in name or name == "UTC"}

    assert names == {zone(name) for name in names}
    assert len(names) > 40
