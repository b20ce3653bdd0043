import pytest

from orchestrator.core.journal.states import Event
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.result.build import build as build_result
from orchestrator.core.result.timeline import (
    Account,
    Attempt,
    AttemptOutcome,
    Span,
    StoryEntry,
    WaveSpan,
    build,
    waited_for_rate,
    window_use,
)
from orchestrator.model import CampaignKey, WaveVerdict, Window
from tests.core.builders import LANE, RUN, end, entry, header, journal, key, moved, plan_records, record, starts

E = Event


def timeline(records, run_id=None):
    return build(build_result(records, run_id), records)


def lane(records):
    (account,) = timeline(records).accounts
    return account


@pytest.mark.parametrize(
    ("moves", "mark"),
    [
        ([], AttemptOutcome.UNKNOWN),
        ([E.ACCEPTED], AttemptOutcome.STARTED),
        ([E.REJECTED], AttemptOutcome.FAILED),
        ([E.NOT_SENT], AttemptOutcome.UNDONE),
        ([E.NOT_SENT, E.GAVE_UP], AttemptOutcome.UNDONE),
        ([E.LIMITED], AttemptOutcome.LIMITED),
        ([E.UNAUTHORIZED], AttemptOutcome.UNDONE),
        ([E.INDETERMINATE], AttemptOutcome.UNKNOWN),
        ([E.INDETERMINATE, E.EVIDENCE], AttemptOutcome.STARTED),
        ([E.INDETERMINATE, E.NO_EVIDENCE], AttemptOutcome.UNKNOWN),
        ([E.INDETERMINATE, E.NO_EVIDENCE, E.RESOLVED_STARTED], AttemptOutcome.STARTED),
        ([E.INDETERMINATE, E.NO_EVIDENCE, E.RESOLVED_NOT_STARTED], AttemptOutcome.UNDONE),
    ],
)
def test_an_attempt_is_marked_by_what_became_of_it(moves, mark):
    (attempt,) = lane(journal(starts("cd-1"), moved(E.INTENT), *(moved(event) for event in moves))).attempts

    assert mark is attempt.outcome


def test_every_attempt_of_the_run_is_there_in_order_of_time():
    records = journal(
        starts("cd-1", "cd-2"),
        moved(E.INTENT, at=102.0),
        moved(E.INTENT, at=101.0, campaign="st-1/cd-2"),
        moved(E.NOT_SENT, at=103.0, message="refused"),
        moved(E.INTENT, 2, at=105.0),
        moved(E.ACCEPTED, 2, at=105.5, message="Campaign Started"),
        moved(E.ACCEPTED, at=106.0, campaign="st-1/cd-2"),
    )

    assert lane(records).attempts == (
        Attempt(CampaignKey("st-1/cd-2"), 1, 101.0, AttemptOutcome.STARTED, 106.0),
        Attempt(CampaignKey("st-1/cd-1"), 1, 102.0, AttemptOutcome.UNDONE, 103.0, "refused"),
        Attempt(CampaignKey("st-1/cd-1"), 2, 105.0, AttemptOutcome.STARTED, 105.5, "Campaign Started"),
    )


def test_other_runs_attempts_are_left_out_but_not_their_findings():
    records = [
        *journal(starts("cd-1"), moved(E.INTENT, at=101.0), moved(E.INDETERMINATE, at=131.0), ended=False),
        header("r-2", at=200.0),
        *plan_records([entry(Decision(Action.JUDGE))], "r-2"),
        moved(E.EVIDENCE, at=201.0, run="r-2"),
        end(run="r-2"),
    ]

    (attempt,) = timeline(records, RUN).accounts[0].attempts
    assert (attempt.outcome, attempt.ended) == (
        AttemptOutcome.STARTED,
        131.0,
    )  # the evidence frees no slot: the verdict did
    assert timeline(records, "r-2").accounts[0].attempts == ()


def test_a_timeline_spans_the_runs_first_record_to_its_last():
    ended = timeline(journal(starts("cd-1"), moved(E.INTENT)))
    crashed = timeline(journal(starts("cd-1"), moved(E.INTENT, at=120.0), ended=False))

    assert (ended.begin, ended.end) == (50.0, 900.0)
    assert (crashed.begin, crashed.end) == (50.0, 120.0)


def test_a_pause_lasts_from_limited_verdict_to_the_next_start():
    records = journal(
        starts("cd-1", "cd-2"),
        moved(E.INTENT, at=100.0),
        moved(E.LIMITED, at=100.2),
        moved(E.INTENT, at=100.21, campaign="st-1/cd-2"),  # it left while the verdict was being committed
        moved(E.ACCEPTED, at=100.5, campaign="st-1/cd-2"),
        moved(E.INTENT, 2, at=160.0),
        moved(E.ACCEPTED, 2, at=160.3),
    )

    assert lane(records).pauses == (Span(100.2, 160.0),)


def test_overlapping_pauses_merge_and_the_last_lasts_to_the_end():
    records = journal(
        starts("cd-1", "cd-2", "cd-3"),
        moved(E.INTENT, at=100.0),
        moved(E.INTENT, at=100.1, campaign="st-1/cd-2"),
        moved(E.LIMITED, at=100.2),
        moved(E.LIMITED, at=100.4, campaign="st-1/cd-2"),
        moved(E.INTENT, 2, at=160.0),
        moved(E.LIMITED, 2, at=160.2),
    )

    assert lane(records).pauses == (Span(100.2, 160.0), Span(160.2, 900.0))


def test_a_pause_that_begins_as_another_ends_continues_it():
    records = journal(
        starts("cd-1", "cd-2"),
        moved(E.INTENT, at=100.0),
        moved(E.INTENT, at=100.1, campaign="st-1/cd-2"),
        moved(E.LIMITED, at=100.2),
        moved(E.INTENT, 2, at=160.0),
        moved(E.LIMITED, at=160.0, campaign="st-1/cd-2"),
    )

    assert lane(records).pauses == (Span(100.2, 900.0),)


def test_limits_come_from_the_runs_end_or_else_its_beginning():
    ending = end()
    ending.data["budget"] = {LANE: {"account": "acme", "limits": ["50/60s", "10/0.5s"]}}
    beginning = header()
    beginning.data["limits"] = {"acme": ["7/7s"]}
    plan = plan_records(starts("cd-1"))

    assert lane([header(), *plan, ending]).limits == (Window(50, 60.0), Window(10, 0.5))
    assert lane([beginning, *plan]).limits == (Window(7, 7.0),)
    assert lane([header(), *plan]).limits == ()


def test_a_slot_is_held_from_sending_until_reply_plus_window():
    made = [
        Attempt(CampaignKey("a/1"), 1, 0.0, AttemptOutcome.STARTED, 1.0),
        Attempt(CampaignKey("a/2"), 1, 0.5, AttemptOutcome.STARTED, 3.0),
        Attempt(CampaignKey("a/3"), 1, 20.0),  # its answer never came
    ]

    assert window_use(made, Window(10, 10.0), 60.0) == [(0.0, 1), (0.5, 2), (11.0, 1), (13.0, 0), (20.0, 1)]
    assert window_use(made[:2], Window(10, 10.0), 11.0) == [
        (0.0, 1),
        (0.5, 2),
        (11.0, 1),
    ]  # what ends later is not drawn


def test_a_slot_that_is_taken_as_another_is_freed_makes_no_peak():
    made = [Attempt(CampaignKey("a/1"), 1, 0.0, ended=1.0), Attempt(CampaignKey("a/2"), 1, 11.0, ended=12.0)]

    assert max(count for _, count in window_use(made, Window(1, 10.0), 60.0)) == 1


def test_waves_are_as_journaled():
    ending = end()
    ending.data["waves"] = [
        {"name": "canary", "campaigns": 1, "passed": True, "message": "", "opened_at": 100.0, "closed_at": 110.0},
        {
            "name": "rest",
            "campaigns": 1,
            "passed": False,
            "verdict": "cut_short",
            "message": "too few",
            "opened_at": 140.0,
            "closed_at": 150.0,
        },
    ]
    built = timeline([header(), *plan_records([entry(Decision(Action.START), wave="canary")]), ending])

    assert built.waves == (
        WaveSpan("canary", 100.0, 110.0, WaveVerdict.PASSED),
        WaveSpan("rest", 140.0, 150.0, WaveVerdict.CUT_SHORT, message="too few"),
    )


def test_a_crashed_runs_wave_opened_by_its_first_start():
    entries = [entry(Decision(Action.START), "cd-1", "rest"), entry(Decision(Action.START), "cd-2", "canary")]
    moves = [moved(E.INTENT, at=101.0, campaign="st-1/cd-2"), moved(E.INTENT, at=130.0)]

    assert timeline(journal(entries, *moves, ended=False)).waves == (WaveSpan("canary", 101.0), WaveSpan("rest", 130.0))
    again = [*moves, moved(E.NOT_SENT, at=131.0), moved(E.INTENT, 2, at=140.0)]
    assert timeline(journal(entries, *again, ended=False)).waves[1] == WaveSpan("rest", 130.0)


def test_an_end_that_tells_of_no_budget_and_no_waves_is_an_end():
    built = timeline([header(), *plan_records(starts("cd-1")), moved(E.INTENT), record("end", 0, 900.0, f"@{RUN}")])

    assert (built.end, built.accounts[0].limits, built.waves) == (900.0, (), (WaveSpan("rest", 100.0),))


def test_an_unknown_campaign_has_its_story_and_nobody_else_has():
    records = journal(
        starts("cd-1", "cd-2"),
        moved(E.INTENT, at=100.0),
        moved(E.INDETERMINATE, at=130.0, message="no answer", http_status=502),
        moved(E.NO_EVIDENCE, at=190.0, message="nothing found"),
        moved(E.INTENT, campaign="st-1/cd-2"),
        moved(E.ACCEPTED, campaign="st-1/cd-2"),
    )
    stories = timeline(records).stories

    assert list(stories) == ["st-1/cd-1"]
    assert stories[CampaignKey("st-1/cd-1")] == (
        StoryEntry(100.0, "intent", 1, ""),
        StoryEntry(130.0, "indeterminate", 1, "no answer", 502),
        StoryEntry(190.0, "no_evidence", 1, "nothing found"),
    )


def test_a_run_of_nothing_has_an_empty_timeline():
    built = timeline(journal([]))

    assert (built.accounts, built.waves, built.stories) == ((), (), {})


def test_waiting_for_the_rate_is_counted_once_and_ends_with_work():
    tries = [Attempt(key(f"cd-{n}"), 1, at, AttemptOutcome.STARTED, at + 1) for n, at in enumerate((0.0, 2.0, 13.0))]
    limits = (Window(2, 10.0), Window(50, 60.0))

    # Full from the second start at 2 until the first one's slot is free at 11; the third start fills no window.
    assert waited_for_rate(Account("acme", limits, tuple(tries), ())) == 9.0
    assert waited_for_rate(Account("acme", limits, tuple(tries), (Span(8.0, 13.0),))) == 11.0
    assert waited_for_rate(Account("acme", limits, tuple(tries[:2]), ())) == 0.0
    assert waited_for_rate(Account("acme", (), (), ())) == 0.0


def test_zones_and_console_addresses_come_from_the_runs_header():
    records = journal(starts("cd-1"), moved(E.INTENT))
    records[0].data.update(zones=["Europe/Berlin"], consoles={"acme": "https://c.example.com/{campaign}"})
    found = timeline(records)

    assert (found.zones, found.consoles) == (("Europe/Berlin",), {"acme": "https://c.example.com/{campaign}"})
