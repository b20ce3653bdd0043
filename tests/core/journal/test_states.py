import copy

import pytest

from orchestrator.core.journal.states import (
    SENDABLE,
    TRANSITIONS,
    Answer,
    CampaignState,
    Event,
    IllegalMove,
    State,
    apply,
    event_of,
    fold,
    step,
)
from tests.core.builders import LANE, history, journal, key, moved, record, starts

PAIRS = [(state, event) for state in State for event in Event]
ILLEGAL = [pair for pair in PAIRS if pair not in TRANSITIONS]
PROVES_NOT_STARTED = {Event.REJECTED, Event.NOT_SENT, Event.LIMITED, Event.UNAUTHORIZED, Event.RESOLVED_NOT_STARTED}


def after(state):
    return CampaignState(state, 2, LANE, Event.INTENT, 10.0, 20.0, {"deadline": 40.0}, Answer("earlier"))


def following(state, event):
    return moved(event, attempt=3 if event is Event.INTENT else 2, at=30.0, message="later")


@pytest.mark.parametrize(("state", "event"), ILLEGAL)
def test_a_move_outside_the_table_raises_and_changes_nothing(state, event):
    past = after(state)
    before = copy.deepcopy(past)
    with pytest.raises(IllegalMove, match=f"{event} cannot follow {state}"):
        apply(past, following(state, event))
    assert past == before
    with pytest.raises(IllegalMove):
        step(state, event)


@pytest.mark.parametrize(("state", "event"), TRANSITIONS)
def test_a_move_of_the_table_is_made(state, event):
    past = after(state)
    apply(past, following(state, event))
    assert past.state is step(state, event) is TRANSITIONS[state, event]
    assert past.last_event is event
    assert past.attempt == (3 if event is Event.INTENT else 2)


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("attempt", [0, 1, 2, 3, 4])
def test_a_record_of_the_wrong_attempt_changes_nothing(event, attempt):
    state = next(s for s, e in TRANSITIONS if e is event)
    if attempt == (3 if event is Event.INTENT else 2):
        return
    past = after(state)
    before = copy.deepcopy(past)
    with pytest.raises(IllegalMove, match=f"attempt {attempt} cannot follow attempt 2"):
        apply(past, moved(event, attempt))
    assert past == before


def test_a_start_may_be_sent_from_these_states_only():
    assert frozenset({State.NEW, State.RETRYABLE, State.FAILED, State.CLEARED}) == SENDABLE


def test_every_way_back_to_sending_needs_proof_of_no_start():
    entering = {event for (_, event), state in TRANSITIONS.items() if state in SENDABLE}
    assert entering - {Event.GAVE_UP} == PROVES_NOT_STARTED
    assert [state for state, event in TRANSITIONS if event is Event.GAVE_UP] == [State.RETRYABLE]


def test_a_started_campaign_never_moves_again():
    assert not [event for state, event in TRANSITIONS if state is State.STARTED]


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        TRANSITIONS[State.STARTED, Event.INTENT] = State.INTENDED


def test_an_intent_begins_an_attempt_and_forgets_the_last_answer():
    past = after(State.RETRYABLE)
    apply(past, record("intent", 3, 30.0, deadline=60.0, baseline=None))
    assert (past.lane, past.intent_at, past.finished_at, past.answer) == (LANE, 30.0, None, Answer())
    assert past.intent == {"deadline": 60.0, "baseline": None}


def test_later_records_add_to_the_answer():
    past = after(State.INTENDED)
    apply(past, moved(Event.INDETERMINATE, 2, at=30.0, http_status=500, message="HTTP 500"))
    apply(past, moved(Event.EVIDENCE, 2, at=90.0, message="the platform reports Active"))
    assert past.answer.http_status == 500
    assert past.answer.message == "the platform reports Active"
    assert (past.intent_at, past.finished_at) == (10.0, 90.0)


NOTHING_FOUND = "no evidence of a start was found"


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ([], NOTHING_FOUND),  # killed before its answer came
        ([moved(Event.INDETERMINATE, message="HTTP 409: in use")], f"HTTP 409: in use; {NOTHING_FOUND}"),
    ],
)
def test_a_search_in_vain_keeps_the_platforms_own_words(before, message):
    moves = [record("intent", 1), *before, moved(Event.NO_EVIDENCE, message=NOTHING_FOUND)]
    assert fold(moves)[key()].answer.message == message


@pytest.mark.parametrize("event", Event)
def test_a_record_names_its_event(event):
    assert event_of(moved(event)) is event


@pytest.mark.parametrize(
    "nonsense", [record("verdict"), record("resolve"), record("verdict", event="maybe"), record("verdict", event=[])]
)
def test_a_record_without_a_known_event_is_refused(nonsense):
    past = history(State.INTENDED)
    before = copy.deepcopy(past)
    with pytest.raises(IllegalMove, match="a record of kind"):
        apply(past, nonsense)
    assert past == before


def test_a_journal_is_folded_by_campaign():
    moves = [
        record("intent", 1, campaign="st-1/cd-1"),
        record("intent", 1, campaign="st-1/cd-2"),
        moved(Event.ACCEPTED, 1, campaign="st-1/cd-2"),
        moved(Event.NOT_SENT, 1, campaign="st-1/cd-1"),
        record("intent", 2, campaign="st-1/cd-1"),
        moved(Event.INDETERMINATE, 2, campaign="st-1/cd-1"),
    ]
    folded = fold(journal(starts("cd-1", "cd-2"), *moves))
    assert {name: (past.state, past.attempt) for name, past in folded.items()} == {
        key("cd-1"): (State.SUSPECT, 2),
        key("cd-2"): (State.STARTED, 1),
    }


def test_an_empty_journal_folds_to_nothing():
    assert fold([]) == fold(journal(starts("cd-1"))) == {}


def test_a_journal_with_a_move_that_cannot_be_names_its_campaign():
    with pytest.raises(IllegalMove, match="st-1/cd-1: intent cannot follow intended"):
        fold([record("intent", 1), record("intent", 2)])


def test_folding_does_not_change_the_records():
    moves = [record("intent", 1, deadline=1.0), moved(Event.INDETERMINATE), moved(Event.NO_EVIDENCE)]
    before = copy.deepcopy(moves)
    fold(moves)
    assert moves == before


def test_a_records_kind_counts_if_not_a_verdict_or_a_resolution():
    assert event_of(record("intent", event="accepted")) is Event.INTENT
    with pytest.raises(IllegalMove, match="a record of kind 'verdict' with event 'verdict'"):
        event_of(record("verdict"))
