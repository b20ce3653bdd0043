import dataclasses

import pytest

from orchestrator.core.journal.states import Event
from orchestrator.core.plan.repeat_guard import PreviousStart, recent_starts
from tests.core.builders import LANE, key, moved

PLACE = (LANE, key())


def journal(*events, launch="autumn", at=100.0):
    return [dataclasses.replace(moved(event, at=at), launch=launch) for event in events]


STARTED = (Event.INTENT, Event.ACCEPTED)


@pytest.mark.parametrize(
    ("events", "certain"),
    [
        (STARTED, True),
        ((Event.INTENT, Event.INDETERMINATE, Event.EVIDENCE), True),
        ((Event.INTENT,), False),
        ((Event.INTENT, Event.INDETERMINATE), False),
        ((Event.INTENT, Event.INDETERMINATE, Event.NO_EVIDENCE), False),
    ],
)
def test_whatever_may_have_texted_people_counts(events, certain):
    assert recent_starts([journal(*events)], "spring", 100.0) == {PLACE: PreviousStart("autumn", 100.0, certain)}


@pytest.mark.parametrize(
    "events",
    [
        (Event.INTENT, Event.REJECTED),
        (Event.INTENT, Event.NOT_SENT),
        (Event.INTENT, Event.INDETERMINATE, Event.NO_EVIDENCE, Event.RESOLVED_NOT_STARTED),
    ],
)
def test_what_was_certainly_not_started_does_not(events):
    assert recent_starts([journal(*events)], "spring", 0.0) == {}


def test_neither_the_own_launch_nor_an_old_start_counts():
    assert recent_starts([journal(*STARTED)], "autumn", 0.0) == {}
    assert recent_starts([journal(*STARTED)], "spring", 100.1) == {}
    assert recent_starts([[]], "spring", 0.0) == {}


def test_the_newest_of_several_launches_is_named():
    journals = [journal(*STARTED, launch="a", at=5), journal(*STARTED, launch="b", at=9), journal(*STARTED, launch="c")]
    assert recent_starts(journals[:2], "spring", 0.0)[PLACE].launch == "b"
    assert recent_starts(journals[::-1], "spring", 0.0)[PLACE].launch == "c"


def test_what_does_not_count_hides_nothing_behind_it():
    refused = [dataclasses.replace(one, campaign="st-1/cd-0") for one in journal(Event.INTENT, Event.REJECTED)]
    own, other = journal(*STARTED, launch="spring"), [*refused, *journal(*STARTED)]
    assert recent_starts([own, [], other], "spring", 0.0) == {PLACE: PreviousStart("autumn", 100.0, is_certain=True)}
