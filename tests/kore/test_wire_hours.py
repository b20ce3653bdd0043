"""Calling hours as the platform's pages show them (kore-api.md section 1.6), and as they do not."""

import pytest

from orchestrator.kore.wire import read_status
from orchestrator.model import CallingHours

WORKING_DAY = {"day": "MO", "start": "9:00 AM", "end": "6:00 PM"}


def read(calling_hours):
    data = {"_id": "cd-1", "status": "Ready", "dialingStrategy": {"callingHours": calling_hours}}
    return read_status({"status": "success", "data": data})["cd-1"].calling_hours


def test_the_documented_sample():
    hours = read({"frequency": "WEEKLY", "timezone": "Asia/Kolkata", "days": [WORKING_DAY]})
    assert hours == CallingHours("Asia/Kolkata", (("mon", "09:00", "18:00"),))


def test_hours_without_a_day_are_those_of_every_day():
    hours = read({"frequency": "DAILY", "timezone": "UTC", "days": [{"start": "12:00 AM", "end": "11:59 PM"}]})
    assert [day for day, _, _ in hours.days] == ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert {(opens, closes) for _, opens, closes in hours.days} == {("00:00", "24:00")}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("12:00 AM", "00:00"), ("12:30 PM", "12:30"), ("1:05 pm", "13:05"), ("11:00 PM", "23:00"), ("08:00", "08:00")],
)
def test_clocks_of_both_kinds(written, read_as):
    hours = read({"timezone": "UTC", "days": [{**WORKING_DAY, "start": written}]})
    assert hours.days[0][1] == read_as


@pytest.mark.parametrize("none", [None, {}, {"timezone": "UTC", "days": []}, "always"])
def test_no_hours_are_none(none):
    assert read(none) is None


@pytest.mark.parametrize(
    "odd", [{**WORKING_DAY, "start": "nine"}, {**WORKING_DAY, "day": "XX"}, {"day": "MO"}, "MO", 7]
)
def test_one_odd_day_spoils_them_all(odd):
    assert read({"timezone": "UTC", "days": [WORKING_DAY, odd]}) == CallingHours("UTC", ())


def test_days_that_are_no_list_are_odd():
    assert read({"timezone": "UTC", "days": "MO-FR"}) == CallingHours("UTC", ())
