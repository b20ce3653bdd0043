import copy
from collections import defaultdict
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.journal.states import (
    SENDABLE,
    TRANSITIONS,
    Answer,
    CampaignState,
    Event,
    IllegalMove,
    State,
    apply,
    fold,
)
from orchestrator.model import Record
from tests.core.builders import LAUNCH, RUN, key, moved
from tests.property.values import lives

PROVES_NOT_STARTED = {Event.REJECTED, Event.NOT_SENT, Event.LIMITED, Event.UNAUTHORIZED, Event.RESOLVED_NOT_STARTED}
NAMES = ("st-1/cd-1", "st-1/cd-2", "st-2/cd-1")
about_the_run = st.builds(
    Record, st.just(LAUNCH), st.just("@r-1"), st.integers(0, 3), st.sampled_from(["run", "plan", "end", "note", ""]),
    st.just(RUN), st.floats(0, 1e9),
)  # fmt: skip


@st.composite
def journals(draw):
    """The lives of several campaigns, and records about the run, in any order that keeps each life's own."""
    queues = [draw(lives(name, 8))[2] for name in NAMES]
    queues.append(draw(st.lists(about_the_run, max_size=4)))
    turns = draw(st.permutations([n for n, queue in enumerate(queues) for _ in queue]))
    left = [iter(queue) for queue in queues]
    return [next(left[turn]) for turn in turns]


_NOTED = frozenset(field.name for field in fields(Answer))


def folded_by_hand(records):
    """What a journal says, without the table: the last event, and what was noted since the last intent."""
    lines = defaultdict(list)
    for line in records:
        if "/" in line.campaign:
            lines[line.campaign].append(line)
    return {name: _history_by_hand(own) for name, own in lines.items()}


def _history_by_hand(lines):
    begun = max(n for n, line in enumerate(lines) if line.kind == "intent")
    intent, since = lines[begun], lines[begun + 1 :]
    state = State.NEW
    for line in lines:
        state = TRANSITIONS[state, Event(line.data.get("event", line.kind))]
    noted = {name: value for line in since for name, value in line.data.items() if name in _NOTED}
    by = Event(lines[-1].data.get("event", lines[-1].kind))
    finished = since[-1].at if since else None
    attempts = sum(line.kind == "intent" for line in lines)
    asked = {} if state is State.STARTED else intent.data  # nobody probes it any more
    return CampaignState(state, attempts, intent.lane, by, intent.at, finished, asked, Answer(**noted))


@settings(max_examples=100)
@given(journals())
def test_a_fold_says_what_a_reading_by_hand_says(records):
    assert fold(records) == folded_by_hand(records)


@settings(max_examples=60)
@given(journals(), st.data())
def test_a_journal_cut_anywhere_folds_and_goes_on_from_there(records, data):
    cut = data.draw(st.integers(0, len(records)))
    histories = fold(records[:cut])
    assert histories == folded_by_hand(records[:cut])
    for line in records[cut:]:
        if "/" in line.campaign:
            apply(histories.setdefault(line.campaign, CampaignState()), line)
    assert histories == fold(records)


@settings(max_examples=60)
@given(journals())
def test_what_one_campaign_does_is_nothing_to_another(records):
    alone = {}
    for name in NAMES:
        alone |= fold([line for line in records if line.campaign == name])
    assert fold(records) == alone


@settings(max_examples=60)
@given(journals(), st.sampled_from(Event), st.integers(0, 9), st.integers(0, 40))
def test_an_impossible_record_fails_the_fold_with_its_campaign(records, event, attempt, at):
    before = fold(records[:at]).get(key(), CampaignState())
    possible = (before.state, event) in TRANSITIONS and attempt == before.attempt + (event is Event.INTENT)
    wrong = [*records[:at], moved(event, attempt)]
    if possible:
        assert fold(wrong)[key()].last_event is event
    else:
        with pytest.raises(IllegalMove, match=r"^st-1/cd-1: "):
            fold(wrong)


@settings(max_examples=100)
@given(lives())
def test_a_life_that_the_table_allows_folds_to_its_last_state(life):
    state, attempt, records = life
    past = fold(records).get(key(), CampaignState())
    assert (past.state, past.attempt) == (state, attempt)


@settings(max_examples=100)
@given(lives())
def test_between_two_intents_is_always_a_proof_of_no_start(life):
    proven = True
    for line in life[2]:
        event = Event(line.data.get("event", line.kind))
        if event is Event.INTENT:
            assert proven
            proven = False
        proven = proven or event in PROVES_NOT_STARTED


@settings(max_examples=60)
@given(lives())
def test_a_move_outside_the_table_changes_no_history(life):
    past = fold(life[2]).get(key(), CampaignState())
    before = copy.deepcopy(past)
    for event in Event:
        if (past.state, event) not in TRANSITIONS:
            with pytest.raises(IllegalMove):
                apply(past, moved(event, past.attempt + (event is Event.INTENT)))
            assert past == before
    assert (before.state in SENDABLE) is ((before.state, Event.INTENT) in TRANSITIONS)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(Event), st.integers(0, 3)), max_size=12))
def test_any_records_follow_the_table_or_leave_the_history_alone(drawn):
    past = CampaignState()
    for event, attempt in drawn:
        before = copy.deepcopy(past)
        try:
            apply(past, moved(event, attempt))
        except IllegalMove:
            assert past == before
        else:
            assert past.state is TRANSITIONS[before.state, event]
            assert past.attempt == before.attempt + (event is Event.INTENT)
