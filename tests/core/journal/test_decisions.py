import pytest

from orchestrator.core.journal.decisions import Decision, read_decisions
from tests.core.builders import key

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
        ("st-1,cd-1,,startd,x", "line 2: 'startd' is no decision; did you mean 'started'?"),
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
