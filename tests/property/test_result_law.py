from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.outcome import TRANSITIONS, Event, State
from orchestrator.core.plan import Action, Decision
from orchestrator.core.result import build
from orchestrator.core.timeline import build as build_timeline
from orchestrator.model import Outcome, Reason, Stop, StopReason
from orchestrator.report.page import render
from tests.core.builders import entry, journal, moved

SKIPS = [
    Decision(Action.SKIP, Outcome.SKIPPED, Reason.DISABLED, "x"),
    Decision(Action.SKIP, Outcome.FAILED, Reason.NOT_FOUND, "x"),
    Decision(Action.SKIP, Outcome.ALREADY_STARTED, Reason.LIVE_STATE, "x"),
]
CODES = {0, 10, 11, 12, 13, 129, 130, 143}


@st.composite
def journals(draw):
    entries, moves, states = [], [], {}
    for number in range(draw(st.integers(0, 12))):
        name = f"cd-{number}"
        if draw(st.integers(0, 3)) == 0:
            entries.append(entry(draw(st.sampled_from(SKIPS)), name))
            continue
        entries.append(entry(Decision(Action.START), name))
        state, attempt = State.NEW, 0
        for _ in range(draw(st.integers(0, 6))):
            possible = [event for origin, event in TRANSITIONS if origin is state]
            if not possible:
                break
            event = draw(st.sampled_from(possible))
            attempt += event is Event.INTENT
            state = TRANSITIONS[state, event]
            moves.append(moved(event, attempt, campaign=f"st-1/{name}"))
        states[name] = state
    stop = draw(st.none() | st.sampled_from(StopReason).map(lambda reason: Stop(reason, "why")))
    return journal(entries, *moves, stop=stop, ended=draw(st.booleans())), len(entries), states


@settings(max_examples=50, deadline=None)
@given(journals())
def test_every_campaign_of_the_plan_has_one_outcome_and_the_totals_add_up(drawn):
    records, size, states = drawn
    built = build(records)
    assert len(built.campaigns) == sum(built.totals.values()) == size
    assert built.exit_code in CODES
    started = {name for name, state in states.items() if state is State.STARTED}
    assert {c.campaign for c in built.campaigns if c.outcome is Outcome.STARTED} == started
    open_ones = {n for n, state in states.items() if state in {State.INTENDED, State.SUSPECT, State.UNKNOWN}}
    assert {c.campaign for c in built.campaigns if c.outcome is Outcome.UNKNOWN} == open_ones


@settings(max_examples=50, deadline=None)
@given(journals())
def test_an_unknown_is_never_hidden_behind_another_exit_code(drawn):
    built = build(drawn[0])
    if built.totals["unknown"]:
        assert built.exit_code in {11, 13}
    if built.exit_code == 0:
        assert built.totals["failed"] == built.totals["held"] == built.totals["unknown"] == 0


@settings(max_examples=50, deadline=None)
@given(journals())
def test_every_journal_has_a_page_and_every_start_is_in_its_timeline(drawn):
    records, _, _ = drawn
    built = build(records)
    timeline = build_timeline(built, records)
    intents = sorted((r.campaign, r.attempt) for r in records if r.kind == "intent")
    assert sorted((a.key, a.number) for account in timeline.accounts for a in account.attempts) == intents
    assert set(timeline.stories) == {f"{c.stream}/{c.campaign}" for c in built.campaigns if c.outcome == "unknown"}
    assert render(built, timeline).count("<h1>") == 1
