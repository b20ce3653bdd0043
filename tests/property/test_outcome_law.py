from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.outcome import TRANSITIONS, Event, History, IllegalMove, State, apply, fold
from tests.core.builders import key, moved

PROVES_NOT_STARTED = {Event.REJECTED, Event.NOT_SENT, Event.LIMITED, Event.UNAUTHORIZED, Event.RESOLVED_NOT_STARTED}


@st.composite
def lives(draw):
    """Records of one campaign as the table allows them."""
    state, attempt, events = State.NEW, 0, []
    for _ in range(draw(st.integers(0, 25))):
        possible = [event for origin, event in TRANSITIONS if origin is state]
        if not possible:
            break
        event = draw(st.sampled_from(possible))
        attempt += event is Event.INTENT
        state = TRANSITIONS[state, event]
        events.append(moved(event, attempt, at=float(len(events))))
    return state, attempt, events


@settings(max_examples=100, deadline=None)
@given(lives())
def test_a_life_that_the_table_allows_folds_to_its_last_state(life):
    state, attempt, records = life
    past = fold(records).get(key(), History())
    assert (past.state, past.attempt) == (state, attempt)


@settings(max_examples=100, deadline=None)
@given(lives())
def test_between_two_intents_there_is_always_a_proof_that_nothing_was_started(life):
    proven = True
    for line in life[2]:
        event = Event(line.data.get("event", line.kind))
        if event is Event.INTENT:
            assert proven
            proven = False
        proven = proven or event in PROVES_NOT_STARTED


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Event), st.integers(0, 3)), max_size=12))
def test_any_records_at_all_either_follow_the_table_or_leave_the_history_alone(drawn):
    past = History()
    for event, attempt in drawn:
        state, last = past.state, past.attempt
        try:
            apply(past, moved(event, attempt))
        except IllegalMove:
            assert (past.state, past.attempt) == (state, last)
        else:
            assert past.state is TRANSITIONS[state, event]
            assert past.attempt == last + (event is Event.INTENT)
