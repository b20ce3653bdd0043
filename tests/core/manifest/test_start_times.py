"""Local times with their zones: which instant they name, and which name none or two."""

from datetime import UTC, datetime

import pytest
from pydantic_core import PydanticCustomError

from orchestrator.core.manifest.parse import parse
from orchestrator.core.manifest.start_times import StartTime, read_start, start_time
from orchestrator.loading.manifest_file import load_manifest
from tests.core.builders import manifest

NINE = datetime(2026, 12, 1, 14, tzinfo=UTC).timestamp()


def refusal(written, zone=None):
    with pytest.raises(PydanticCustomError) as caught:
        read_start(written, zone)
    return caught.value.context["message"], str(caught.value.context["hint"])


FORMS = 'write {at: "2026-12-01T09:00", zone: America/New_York}, or "2026-12-01T09:00:00-05:00"'


@pytest.mark.parametrize(
    "value",
    [
        {"at": "2026-12-01T09:00", "zone": "America/New_York"},
        {"at": "2026-12-01 09:00:00", "zone": "America/New_York"},
        "2026-12-01T09:00-05:00",
        "2026-12-01T14:00:00Z",
    ],
)
def test_an_instant_is_written_with_a_zone_or_an_offset(value):
    assert start_time(value).at == NINE


def test_it_is_shown_in_its_own_zone_and_in_utc():
    start = StartTime(NINE, "America/New_York")
    assert start.words(NINE - 3600) == "09:00 New York time (14:00 UTC)"
    assert start.words() == "Tue 2026-12-01 09:00 New York time (14:00 UTC)"
    assert StartTime(NINE, "Asia/Tokyo").words(NINE - 90000) == "Tue 2026-12-01 23:00 Tokyo time (14:00 UTC)"
    assert StartTime(NINE + 7200, "Asia/Tokyo").words() == "Wed 2026-12-02 01:00 Tokyo time (Tue 2026-12-01 16:00 UTC)"
    assert StartTime(NINE).words(NINE) == "14:00 UTC"
    assert StartTime(NINE).words(NINE - 86400) == "Tue 2026-12-01 14:00 UTC"
    assert StartTime(NINE, "America/Indiana/Knox").words(NINE) == "08:00 Knox time (14:00 UTC)"


def test_a_run_may_begin_at_most_a_minute_late():
    start = StartTime(NINE)
    assert [start.is_late(NINE + seconds) for seconds in (-3600, 0, 60, 60.5)] == [False, False, False, True]


@pytest.mark.usefixtures("in_tokyo")
def test_utc_is_utc_wherever_this_machine_is():
    assert StartTime(NINE, "America/New_York").words(NINE) == "09:00 New York time (14:00 UTC)"
    assert "T01:30:00-05:00 (06:30 UTC) or" in refusal("2026-03-08T02:30", "America/New_York")[1]


def test_a_skipped_time_is_refused_with_both_instants():
    assert refusal("2026-03-08T02:30", "America/New_York") == (
        "does not exist in America/New_York: the clocks are set forward past it",
        "write the one that you mean: 2026-03-08T01:30:00-05:00 (06:30 UTC) or 2026-03-08T03:30:00-04:00 (07:30 UTC)",
    )


def test_a_time_shown_twice_is_refused_with_both_instants():
    assert refusal("2026-11-01T01:30", "America/New_York") == (
        "exists twice in America/New_York: the clocks are set back then",
        "write the one that you mean: 2026-11-01T01:30:00-04:00 (05:30 UTC) or 2026-11-01T01:30:00-05:00 (06:30 UTC)",
    )


@pytest.mark.parametrize(
    ("written", "zone", "message"),
    [
        ("2026-12-01T09:00", None, "has no time zone"),
        ("2026-02-30T09:00", "Europe/Berlin", "is not a valid date and time"),
        ("2026-12-01T24:00", "Europe/Berlin", "is not a valid date and time"),
        ("2026-12-01T09:00+25:00", None, "is not a valid date and time"),
        ("2026-12-01", "Europe/Berlin", "must be a time such as 2026-12-01T09:00"),
        ("tomorrow", None, "must be a time such as 2026-12-01T09:00"),
        (20261201, None, "must be a time such as 2026-12-01T09:00"),
    ],
)
def test_what_names_no_instant_is_refused(written, zone, message):
    assert refusal(written, zone) == (message, FORMS)


def test_a_time_has_an_offset_or_a_zone():
    message = "has an offset and a zone, which may differ"
    assert refusal("2026-12-01T09:00Z", "America/New_York") == (message, "leave one of them out")


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("EST", "is a fixed offset without summer time"),
        ("Nowhere", "is not a time zone"),
    ],
)
def test_what_is_not_a_zone_is_refused(zone, message):
    assert refusal("2026-12-01T09:00", zone)[0] == message


@pytest.mark.parametrize("written", ["2026-12-01T09:00:00-05:00", '"2026-12-01T09:00:00-05:00"',
                                     "{at: 2026-12-01T09:00, zone: America/New_York}",
                                     '{at: "2026-12-01T09:00", zone: America/New_York}'])  # fmt: skip
def test_yaml_may_write_it_with_and_without_quotes(tmp_path, written):
    path = tmp_path / "launch.yaml"
    path.write_text(
        "version: 1\nlaunch: spring\nhost: sandbox\naccounts: {acme: {account_id: a1}}\n"
        f"defaults: {{account: acme}}\nnot_before: {written}\ncampaigns: [{{stream: s, campaign: c}}]\n",
        encoding="utf-8",
    )
    assert load_manifest(path).manifest.not_before.at == NINE


def test_not_after_must_be_later_than_not_before():
    raw = {"version": 1, "launch": "spring", "host": "sandbox", "accounts": {"acme": {"account_id": "a1"}},
           "campaigns": [{"account": "acme", "stream": "s", "campaign": "c"}],
           "not_before": "2026-12-01T14:00Z", "not_after": "2026-12-01T09:00-05:00"}  # fmt: skip
    _, found = parse(raw)
    assert [(issue.path, issue.message) for issue in found] == [
        (("not_after",), "must be later than not_before, which is Tue 2026-12-01 14:00 UTC")
    ]
    usable = manifest({"campaign": "c"}, not_before="2026-12-01T14:00Z", not_after="2026-12-01T14:00:01Z")
    assert usable.not_after.at == NINE + 1


@pytest.mark.parametrize("value", [7, None, [], {}, {"at": "2026-12-01T09:00"}, {"at": "x", "zone": "UTC", "more": 1}])
def test_another_value_is_no_time(value):
    with pytest.raises(PydanticCustomError) as caught:
        start_time(value)
    assert (caught.value.context["message"], caught.value.context["hint"]) == ("must be a time with its zone", FORMS)
