from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.journal.states import State
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.result.build import build
from orchestrator.core.result.followed import FollowedLaunch
from orchestrator.core.result.timeline import build as build_timeline
from orchestrator.model import Outcome, Reason, Stop, StopReason
from orchestrator.report.html.page import render
from tests.core.builders import RUN, end, entry, header, plan_records
from tests.property.values import lives

SKIPS = [
    Decision(Action.SKIP, Outcome.SKIPPED, Reason.DISABLED, "x"),
    Decision(Action.SKIP, Outcome.SKIPPED, Reason.DESELECTED, "x"),
    Decision(Action.SKIP, Outcome.SKIPPED, Reason.NOT_STARTABLE, "x"),
    Decision(Action.SKIP, Outcome.FAILED, Reason.NOT_FOUND, "x"),
    Decision(Action.SKIP, Outcome.ALREADY_STARTED, Reason.LIVE_STATE, "x"),
]
ATTEMPTED = [Decision(Action.START), Decision(Action.JUDGE, None, Reason.OPEN_INTENT, "x")]
GRAVEST_FIRST = (13, 11, 130, 143, 129, 12, 10, 0)
SIGNALS = {StopReason.SIGINT: 130, StopReason.SIGTERM: 143, StopReason.SIGHUP: 129}
ENDS_IN = {
    State.NEW: "held",
    State.RETRYABLE: "held",
    State.CLEARED: "held",
    State.STARTED: "started",
    State.FAILED: "failed",
    State.UNKNOWN: "unknown",
    State.INTENDED: "unknown",
    State.SUSPECT: "unknown",
}
stops = st.none() | st.sampled_from(StopReason).map(lambda reason: Stop(reason, "why"))


@st.composite
def runs(draw):
    """A run's records, with what each campaign's decision and last state were, and how the run ended."""
    drawn, moves = {}, []
    for number in range(draw(st.integers(0, 12))):
        name = f"cd-{number}"
        decision = draw(st.sampled_from(SKIPS + ATTEMPTED * 4))
        state, _, records = (State.NEW, 0, []) if decision in SKIPS else draw(lives(f"st-1/{name}", 6))
        drawn[name] = (decision, state)
        moves += records
    stop, ended = draw(stops), draw(st.booleans())
    entries = [entry(decision, name) for name, (decision, _) in drawn.items()]
    chunk = draw(st.integers(1, 5))
    records = [header(), *plan_records(entries, chunk=chunk), *moves, *([end(stop)] if ended else [])]
    return records, drawn, stop if ended else Stop(StopReason.CRASHED, "")


def word(decision, state):
    """The outcome by the design's table, for a campaign that was attempted or skipped."""
    if decision in SKIPS or (decision.outcome is not None and state is State.NEW):
        return str(decision.outcome)
    return ENDS_IN[state]


def codes(drawn, stop):
    """Every exit code of the design's section 6 that applies to a run."""
    words = {word(*pair) for pair in drawn.values()}
    refused = any(d.outcome is Outcome.SKIPPED and d.reason is Reason.NOT_STARTABLE for d, _ in drawn.values())
    yield 0
    if "failed" in words or refused:
        yield 10
    if "held" in words or stop is not None:
        yield 12
    if "unknown" in words:
        yield 11
    if stop is not None:
        yield SIGNALS.get(stop.reason, 13 if stop.reason is StopReason.JOURNAL else 12)


@settings(max_examples=100)
@given(runs())
def test_each_campaigns_outcome_follows_from_decision_and_state(run):
    records, drawn, _ = run
    assert [(c.campaign, str(c.outcome)) for c in build(records).campaigns] == [
        (name, word(*pair)) for name, pair in drawn.items()
    ]


@settings(max_examples=60)
@given(runs())
def test_the_totals_name_every_outcome_and_add_up_to_the_plan(run):
    built = build(run[0])
    assert set(built.totals) == set(map(str, Outcome))
    assert sum(built.totals.values()) == len(run[1])
    assert {name: n for name, n in built.totals.items() if n} == Counter(str(c.outcome) for c in built.campaigns)


@settings(max_examples=100)
@given(runs())
def test_of_the_exit_codes_that_apply_the_gravest_is_given(run):
    records, drawn, stop = run
    assert build(records).exit_code == min(codes(drawn, stop), key=GRAVEST_FIRST.index)


@settings(max_examples=60)
@given(runs())
def test_next_step_only_if_needed_and_evidence_only_if_decisive(run):
    for line in build(run[0]).campaigns:
        assert (line.next is None) is (line.outcome in {Outcome.STARTED, Outcome.ALREADY_STARTED, Outcome.SKIPPED})
        assert (line.evidence is None) is (line.reason is not Reason.EVIDENCE)
        assert (line.attempts == 0) is (line.intent_at is None)


@settings(max_examples=60)
@given(runs(), runs())
def test_a_later_run_leaves_an_earlier_runs_plan_and_end_alone(first, second):
    own, other = first[0], [line for line in second[0] if line.campaign == f"@{RUN}"]
    later = [header("r-2"), *plan_records([entry(SKIPS[0], "cd-9")], "r-2"), end(None, "r-2")]
    assert build([*own, *later], RUN) == build(own)
    assert [c.campaign for c in build([*other, *later]).campaigns] == ["cd-9"]


@settings(max_examples=50)
@given(runs())
def test_each_journal_has_a_page_and_its_timeline_every_start(run):
    records = run[0]
    built = build(records)
    timeline = build_timeline(built, records)
    intents = sorted((r.campaign, r.attempt) for r in records if r.kind == "intent" and r.run_id == RUN)
    assert sorted((a.key, a.number) for account in timeline.accounts for a in account.attempts) == intents
    assert set(timeline.stories) == {f"{c.stream}/{c.campaign}" for c in built.campaigns if c.outcome == "unknown"}
    assert render(built, timeline).count("<h1>") == 1


@settings(max_examples=100)
@given(runs(), st.booleans())
def test_a_followed_journal_has_the_result_of_one_read_at_once(run, is_live):
    records, _, _ = run
    live = RUN if is_live else None
    followed = FollowedLaunch()
    for count, record in enumerate(records, start=1):
        followed.read(record)
        assert followed.result(live) == build(records[:count], live=live)
