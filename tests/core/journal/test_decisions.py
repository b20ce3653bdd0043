import pytest

from orchestrator.core.journal.decisions import Decision, check_resolution, read_decisions
from orchestrator.core.journal.states import Event
from orchestrator.errors import Refused
from tests.core.builders import key, moved

NOT_CSV = "is not CSV: a quote is not closed, or closes within its cell, or a cell has over 65536 characters"
HEAD = "stream,campaign,name,decision,reason\n"


def read(*rows, reason=""):
    return read_decisions([HEAD, *(f"{row}\n" for row in rows)], reason)


def test_decisions_are_read_and_open_rows_left_for_later():
    assert read("st-1,cd-1,Spring,started,seen in it", "st-1,cd-2,,,", 'st-1,cd-3,, not-started ,"no, nothing"') == (
        [Decision(key("cd-1"), True, "seen in it"), Decision(key("cd-3"), False, "no, nothing")],  # noqa: FBT003
        [],
    )


def test_a_common_reason_stands_in_for_an_empty_one():
    decisions, faults = read("st-1,cd-1,,started,", "st-1,cd-2,,started,own words", reason="asked support")

    assert [one.reason for one in decisions] == ["asked support", "own words"]
    assert faults == []


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("st-1,cd-1,,startd,x", "line 2: 'startd' is not a decision; did you mean 'started'?"),
        ("st-1,cd-1,,started,", "line 2: has no reason: write what you saw, or give --reason"),
        ("st-1,cd-1,,started", "line 2: has more or fewer cells than the header"),
        ("st-1,cd-1,,started,x,y", "line 2: has more or fewer cells than the header"),
        ('st-1,cd-1,,started,"x', f"line 2: {NOT_CSV}"),
        (f"st-1,cd-1,,started,{'x' * 65536}", f"line 2: {NOT_CSV}"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(row, fault):
    assert read(row)[1] == [fault]


def test_a_reason_of_65_thousand_characters_is_read():
    row = "st-1,cd-1,,started,"
    reason = "x" * (65536 - len(f"{row}\n"))
    assert read(row + reason) == ([Decision(key("cd-1"), True, reason)], [])  # noqa: FBT003


def test_a_campaign_is_decided_once():
    assert read("st-1,cd-1,,started,x", "st-1,cd-1,,not-started,y")[1] == ["line 3: st-1/cd-1 is decided twice"]


def test_a_file_needs_its_columns():
    assert read_decisions(["stream,campaign\n"], "") == ([], ["line 1: has no column decision"])
    assert read_decisions([], "") == ([], ["line 1: has no column stream, campaign, decision"])


UNKNOWN = [moved(Event.INTENT), moved(Event.NO_EVIDENCE)]


@pytest.mark.parametrize("event", [Event.RESOLVED_STARTED, Event.RESOLVED_NOT_STARTED])
def test_an_unknown_campaign_may_be_resolved(event):
    check_resolution(UNKNOWN, moved(event))


@pytest.mark.parametrize(
    "meanwhile",
    [moved(Event.RESOLVED_NOT_STARTED), moved(Event.RESOLVED_STARTED), moved(Event.INTENT, 2)],
)
def test_what_has_changed_meanwhile_is_not_resolved(meanwhile):
    with pytest.raises(Refused) as error:
        check_resolution([*UNKNOWN, meanwhile], moved(Event.RESOLVED_NOT_STARTED), "sqlite:///x.db")
    assert error.value.message.startswith("st-1/cd-1 has changed since it was looked at: ")
    assert error.value.next_step == "python -m orchestrator status spring --ledger sqlite:///x.db"
