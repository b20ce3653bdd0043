import json
from dataclasses import replace

import pytest

from orchestrator.core.journal.packing import packed_value
from orchestrator.core.journal.states import Answer, Event, IllegalMove, State
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.result.build import CampaignResult, NoRunError, build, exit_code, outcome_of, timestamp
from orchestrator.model import Outcome, Reason, Record, Stop, StopReason
from tests.core.builders import BUDGET, end, entry, header, history, journal, moved, plan_records, record, starts

Out, R, S = Outcome, Reason, StopReason
START = Decision(Action.START)
JUDGE = Decision(Action.JUDGE, None, R.OPEN_INTENT, "an earlier run may have started it")
STOP = Stop(S.RULE, "3 of 5 attempted are failed")
SIGNALS = [(S.SIGINT, 130), (S.SIGTERM, 143), (S.SIGHUP, 129)]


def skip(outcome, reason):
    return Decision(Action.SKIP, outcome, reason, "as planned")


def past(state, by=None, message="so it was"):
    return history(state, by, answer=Answer(message))


@pytest.mark.parametrize(
    ("decision", "before", "stop", "outcome", "reason"),
    [
        (START, past(State.STARTED, Event.ACCEPTED), None, Out.STARTED, R.ACCEPTED),
        (START, past(State.STARTED, Event.EVIDENCE), None, Out.STARTED, R.EVIDENCE),
        (START, past(State.STARTED, Event.RESOLVED_STARTED), None, Out.STARTED, R.RESOLVED),
        (JUDGE, past(State.STARTED, Event.EVIDENCE), None, Out.STARTED, R.EVIDENCE),
        (START, past(State.STARTED, Event.ACCEPTED), STOP, Out.STARTED, R.ACCEPTED),
        (START, past(State.FAILED, Event.REJECTED), None, Out.FAILED, R.REJECTED),
        (START, past(State.FAILED, Event.GAVE_UP), STOP, Out.FAILED, R.GAVE_UP),
        (START, past(State.UNKNOWN, Event.NO_EVIDENCE), None, Out.UNKNOWN, R.NO_EVIDENCE),
        (JUDGE, past(State.UNKNOWN, Event.NO_EVIDENCE), None, Out.UNKNOWN, R.NO_EVIDENCE),
        (START, past(State.SUSPECT, Event.INDETERMINATE), STOP, Out.UNKNOWN, R.OPEN_INTENT),
        (START, past(State.INTENDED, Event.INTENT), STOP, Out.UNKNOWN, R.OPEN_INTENT),
        (JUDGE, past(State.INTENDED, Event.INTENT), STOP, Out.UNKNOWN, R.OPEN_INTENT),
        (START, None, None, Out.HELD, R.WINDOW),
        (START, None, STOP, Out.HELD, R.STOPPED),
        (START, past(State.RETRYABLE, Event.LIMITED), STOP, Out.HELD, R.STOPPED),
        (skip(Out.ALREADY_STARTED, R.JOURNAL), past(State.STARTED), None, Out.ALREADY_STARTED, R.JOURNAL),
        (skip(Out.ALREADY_STARTED, R.LIVE_STATE), None, STOP, Out.ALREADY_STARTED, R.LIVE_STATE),
        (skip(Out.FAILED, R.FAILED_BEFORE), past(State.FAILED, Event.REJECTED), None, Out.FAILED, R.FAILED_BEFORE),
        (skip(Out.FAILED, R.NOT_FOUND), None, None, Out.FAILED, R.NOT_FOUND),
        (skip(Out.UNKNOWN, R.NO_EVIDENCE), past(State.UNKNOWN), None, Out.UNKNOWN, R.NO_EVIDENCE),
        (skip(Out.UNKNOWN, R.NO_EVIDENCE), past(State.STARTED), None, Out.ALREADY_STARTED, R.JOURNAL),
        *(
            (skip(Out.SKIPPED, reason), before, STOP, Out.SKIPPED, reason)
            for reason in (R.DISABLED, R.DESELECTED, R.NOT_STARTABLE, R.RERUN, R.SCHEDULED, R.NO_DNC_LIST)
            for before in (None, past(State.STARTED), past(State.FAILED))
        ),
        *(
            (skip(Out.SKIPPED, R.DESELECTED), past(state), None, Out.UNKNOWN, reason)
            for state, reason in (
                (State.UNKNOWN, R.NO_EVIDENCE),
                (State.INTENDED, R.OPEN_INTENT),
                (State.SUSPECT, R.OPEN_INTENT),
            )
        ),
    ],
)
def test_every_campaign_ends_in_one_outcome(decision, before, stop, outcome, reason):
    found = outcome_of(decision, before, stop)
    assert found[:2] == (outcome, reason)
    assert found[2]


def test_an_unreached_campaign_says_why_the_run_stopped():
    assert outcome_of(START, None, STOP)[2] == "not started: 3 of 5 attempted are failed"


def test_an_open_intent_without_an_answer_still_says_something():
    assert outcome_of(START, past(State.INTENDED, message=""), None)[2] == "the run ended before the answer was known"


def test_a_failure_found_active_on_retry_is_already_started():
    decision = skip(Out.ALREADY_STARTED, R.LIVE_STATE)
    assert outcome_of(decision, past(State.FAILED, Event.REJECTED), None)[:2] == (Out.ALREADY_STARTED, R.LIVE_STATE)


def test_a_start_cleared_by_a_person_does_not_await_its_window():
    assert outcome_of(START, past(State.CLEARED, Event.RESOLVED_NOT_STARTED), None)[1] is not R.WINDOW


def test_an_unknown_that_a_person_cleared_is_no_longer_unknown():
    decision = skip(Out.UNKNOWN, R.NO_EVIDENCE)
    assert outcome_of(decision, past(State.CLEARED, Event.RESOLVED_NOT_STARTED), None)[0] is not Out.UNKNOWN


def result(outcome, reason=R.ACCEPTED):
    return CampaignResult(
        "acme",
        "st-1",
        "cd-1",
        "",
        "rest",
        outcome,
        reason,
        "",
        1,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        "",
        None,
        None,
    )


UNKNOWN, FAILED, HELD = result(Out.UNKNOWN), result(Out.FAILED), result(Out.HELD)
DONE = [
    result(Out.STARTED),
    result(Out.ALREADY_STARTED),
    result(Out.SKIPPED, R.DISABLED),
    result(Out.SKIPPED, R.DESELECTED),
]


@pytest.mark.parametrize(
    ("campaigns", "stop", "code"),
    [
        ([], None, 0),
        (DONE, None, 0),
        ([*DONE, FAILED], None, 10),
        ([result(Out.SKIPPED, R.NOT_STARTABLE)], None, 10),
        ([result(Out.SKIPPED, R.RERUN)], None, 10),
        ([FAILED, HELD], None, 12),
        (DONE, STOP, 12),
        ([FAILED, HELD], STOP, 12),
        ([HELD], Stop(S.CRASHED, ""), 12),
        ([UNKNOWN, FAILED, HELD], None, 11),
        ([UNKNOWN, FAILED, HELD], STOP, 11),
        ([UNKNOWN, FAILED, HELD], Stop(S.JOURNAL, ""), 13),
        (DONE, Stop(S.JOURNAL, ""), 13),
        *(([FAILED, HELD], Stop(signal, ""), code) for signal, code in SIGNALS),
        *(([UNKNOWN, HELD], Stop(signal, ""), 11) for signal, _ in SIGNALS),
    ],
)
def test_of_several_exit_codes_the_gravest_counts(campaigns, stop, code):
    assert exit_code(campaigns, stop) == code


def test_totals_name_every_outcome_and_add_up():
    plan = [
        *starts("cd-1"),
        *(entry(skip(Out.FAILED, R.NOT_FOUND), campaign) for campaign in ("cd-2", "cd-3")),
        *(entry(skip(Out.SKIPPED, R.DISABLED), campaign) for campaign in ("cd-4", "cd-5")),
        entry(skip(Out.ALREADY_STARTED, R.LIVE_STATE), "cd-6"),
    ]
    totals = build(journal(plan, moved(Event.INTENT), moved(Event.ACCEPTED))).totals
    assert totals == {"started": 1, "already_started": 1, "failed": 2, "unknown": 0, "held": 0, "skipped": 2}


@pytest.mark.parametrize(
    ("at", "text"),
    [(None, None), (0.0, "1970-01-01T00:00:00.000Z"), (1772625600.25, "2026-03-04T12:00:00.250Z")],
)
def test_times_are_rfc_3339_in_utc_with_milliseconds(at, text):
    assert timestamp(at) == text


MIXED = [
    *starts("cd-1", "cd-2", "cd-3", "cd-4"),
    entry(skip(Out.SKIPPED, R.DISABLED), "cd-5"),
    entry(skip(Out.FAILED, R.NOT_FOUND), "cd-6"),
]
MOVES = [
    record("intent", 1, 100.0, "st-1/cd-1", deadline=130.0),
    moved(Event.ACCEPTED, 1, at=100.5, campaign="st-1/cd-1", message="ok", http_status=200, sent_at=100.1,
          elapsed_ms=250.0, updated_at="2026"),
    record("intent", 1, 101.0, "st-1/cd-2"),
    moved(Event.NOT_SENT, 1, at=101.5, campaign="st-1/cd-2", message="refused"),
    record("intent", 2, 102.0, "st-1/cd-2"),
    moved(Event.REJECTED, 2, at=102.5, campaign="st-1/cd-2", message="HTTP 404: gone", http_status=404),
    record("intent", 1, 103.0, "st-1/cd-3"),
    moved(Event.INDETERMINATE, 1, at=103.5, campaign="st-1/cd-3", message="HTTP 500", http_status=500),
    moved(Event.NO_EVIDENCE, 1, at=163.5, campaign="st-1/cd-3", message="no evidence"),
]  # fmt: skip


def test_the_result_is_built_from_the_journal_alone():
    built = build(journal(MIXED, *MOVES))
    assert [(c.campaign, c.outcome, c.reason, c.attempts) for c in built.campaigns] == [
        ("cd-1", Out.STARTED, R.ACCEPTED, 1),
        ("cd-2", Out.FAILED, R.REJECTED, 2),
        ("cd-3", Out.UNKNOWN, R.NO_EVIDENCE, 1),
        ("cd-4", Out.HELD, R.WINDOW, 0),
        ("cd-5", Out.SKIPPED, R.DISABLED, 0),
        ("cd-6", Out.FAILED, R.NOT_FOUND, 0),
    ]
    assert sum(built.totals.values()) == len(MIXED)
    assert built.exit_code == 11
    assert built.warnings == ["a warning"]
    assert built.waves[0]["name"] == "rest"


def test_the_run_says_where_it_came_from_and_how_it_ended():
    run = build(journal(starts("cd-1"), stop=STOP)).run
    assert run == {
        "run_id": "r-1",
        "launch": "spring",
        "manifest": "launch.yaml",
        "manifest_sha256": "m" * 64,
        "plan_sha256": "p" * 64,
        "host": "sandbox",
        "ledger": "sqlite:///x.db",
        "started_at": "1970-01-01T00:00:50.000Z",
        "finished_at": "1970-01-01T00:15:00.000Z",
        "last_success_at": None,
        "exit_code": 12,
        "stop": {"reason": "rule", "detail": "3 of 5 attempted are failed"},
        "rehearsal": None,
        "environment": None,
        "by": None,
        "approved": None,
        "head": None,
        "planned_by": None,
        "approvals": [],
        "version": None,
    }


def test_a_campaigns_line_says_when_and_what():
    line = build(journal(MIXED, *MOVES)).campaigns[0]
    assert (line.account, line.stream, line.name, line.wave) == ("acme", "st-1", "Name of cd-1", "rest")
    assert (line.intent_at, line.sent_at, line.finished_at) == (
        "1970-01-01T00:01:40.000Z", "1970-01-01T00:01:40.100Z", "1970-01-01T00:01:40.500Z",
    )  # fmt: skip
    assert (line.http_status, line.elapsed_ms, line.updated_at, line.message) == (200, 250.0, "2026", "ok")
    assert line.evidence is None


def test_evidence_is_said_where_it_decided():
    moves = [record("intent"), moved(Event.INDETERMINATE), moved(Event.EVIDENCE, message="the platform reports Active")]
    assert build(journal(starts("cd-1"), *moves)).campaigns[0].evidence == "the platform reports Active"


def test_the_next_command_fits_the_outcome():
    commands = [c.next for c in build(journal(MIXED, *MOVES)).campaigns]
    run = "python -m orchestrator run launch.yaml"
    resolve = "python -m orchestrator resolve spring st-1/cd-3 --ledger sqlite:///x.db"
    resolves = f"{resolve} --as started --reason\n{resolve} --as not-started --reason"
    assert commands == [None, f"{run} --retry-failed", resolves, run, None, f"{run} --retry-failed"]


def next_of(**data):
    lost = [record("intent"), moved(Event.INDETERMINATE), moved(Event.NO_EVIDENCE)]
    begun, *rest = journal(starts("cd-1", "cd-2"), *lost, stop=STOP)
    return [c.next for c in build([replace(begun, data=begun.data | data), *rest]).campaigns]


def test_the_next_command_repeats_the_runs_own_choice():
    options = ["--select", "tag:first wave", "--exclude", "account:acme"]
    again = "python -m orchestrator run launch.yaml --select 'tag:first wave' --exclude account:acme"
    assert next_of(options=options)[1] == again


def test_the_next_command_can_be_pasted_whatever_the_files_name():
    assert next_of(manifest="my launch; rm.yaml")[1] == "python -m orchestrator run 'my launch; rm.yaml'"


def test_the_next_command_names_a_ledger_that_is_not_the_default():
    resolve = "python -m orchestrator resolve spring st-1/cd-1 --ledger sqlite:///own.db"
    assert (
        next_of(ledger="sqlite:///own.db")[0] == f"{resolve} --as started --reason\n{resolve} --as not-started --reason"
    )


def told(word, number=1):
    return Record("spring", "@launch", number, word, "person:ann", 950.0, "", {"by": "ann", "reason": "wrong list"})


UNPAUSE = "python -m orchestrator unpause spring --ledger sqlite:///x.db"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["abort"], f"{UNPAUSE} --reason"),
        (["pause"], UNPAUSE),
        (["abort", "unpause"], "python -m orchestrator run launch.yaml"),
    ],
)
def test_a_run_is_not_advised_while_it_would_start_nothing(words, command):
    stopped = journal(starts("cd-1"), stop=Stop(S.ABORTED, "launch spring was aborted by ann: wrong list"))
    built = build([*stopped, *(told(word, number) for number, word in enumerate(words, 1))])
    assert [c.next for c in built.campaigns] == [command]


def test_a_retry_of_what_failed_waits_for_an_abort_to_be_lifted():
    built = build([*journal([entry(skip(Out.FAILED, R.NOT_FOUND))]), told("abort")])
    assert built.campaigns[0].next == f"{UNPAUSE} --reason"


NAMED = [record("intent", campaign="st-1/cd-2"), moved(Event.ACCEPTED, campaign="st-1/cd-2")]
LOST = [record("intent"), moved(Event.INDETERMINATE, message="HTTP 409: in use")]
JUDGED = [*LOST, moved(Event.NO_EVIDENCE, message="no evidence")]
_RESOLVE = "python -m orchestrator resolve spring st-1/cd-1 --ledger sqlite:///x.db --as"
RESOLVE = f"{_RESOLVE} started --reason\n{_RESOLVE} not-started --reason"


def later(*entries, moves=()):
    """A run of a launch whose first run left cd-1 unknown by `moves`; `entries` are those of the later one."""
    first = journal([*starts("cd-1"), *starts("cd-2")], *moves, *NAMED)
    return [*first, header("r-2", 2000.0), *plan_records(entries, "r-2"), end(None, "r-2", 2001.0)]


@pytest.mark.parametrize(
    ("moves", "reason", "message"),
    [
        (JUDGED, R.NO_EVIDENCE, "HTTP 409: in use; no evidence"),
        (LOST, R.OPEN_INTENT, "HTTP 409: in use"),
        ([record("intent")], R.OPEN_INTENT, "the run ended before the answer was known"),
    ],
)
@pytest.mark.parametrize(
    ("named", "why"),
    [
        ([], "its manifest does not name it"),
        ([entry(Decision(Action.SKIP, Out.SKIPPED, R.DISABLED, "enabled: false"))], "enabled: false"),
    ],
)
def test_an_unknown_that_a_later_run_leaves_out_stays_in_sight(moves, reason, message, named, why):
    done = entry(skip(Out.ALREADY_STARTED, R.JOURNAL), "cd-2")
    built = build(later(done, *named, moves=moves))
    lost = built.campaigns[1]
    assert (lost.account, lost.key, lost.name, lost.wave) == ("acme", "st-1/cd-1", "Name of cd-1", "rest")
    assert (lost.outcome, lost.reason, lost.message) == (
        Out.UNKNOWN,
        reason,
        f"{message} (left out of this run: {why})",
    )
    assert (lost.next, lost.attempts) == (RESOLVE, 1)
    assert (built.exit_code, built.totals["unknown"], len(built.campaigns)) == (11, 1, 2)


def test_a_deselected_open_intent_is_judged_by_a_run_of_all():
    built = build(later(entry(skip(Out.SKIPPED, R.DESELECTED)), moves=LOST))
    assert built.campaigns[0].next == "python -m orchestrator run launch.yaml"
    assert built.exit_code == 11


@pytest.mark.parametrize("word", [Event.RESOLVED_STARTED, Event.RESOLVED_NOT_STARTED])
@pytest.mark.parametrize("moves", [JUDGED, LOST, [record("intent")]])
def test_what_is_left_out_is_out_of_sight_once_it_is_resolved(moves, word):
    records = [*later(*starts("cd-2"), moves=moves), moved(word, run="person:ann", message="ann: seen")]
    built = build(records)
    assert [c.campaign for c in built.campaigns] == ["cd-2"]
    assert built.exit_code == 0


def test_a_run_does_not_answer_for_what_later_runs_left_unknown():
    first = journal(starts("cd-2"), *NAMED)
    second = [header("r-2", 2000.0), *plan_records(starts("cd-1"), "r-2"), *JUDGED, end(None, "r-2", 2001.0)]
    assert [c.campaign for c in build([*first, *second], "r-1").campaigns] == ["cd-2"]
    assert build([*first, *second], "r-1").exit_code == 0


def test_a_run_that_left_an_unknown_out_was_no_success():
    records = later(entry(skip(Out.ALREADY_STARTED, R.JOURNAL), "cd-2"), moves=JUDGED)
    assert build([*records, header("r-3", 3000.0)]).run["last_success_at"] is None


def going_on(*moves, live="r-1", ended=False):
    built = build(journal(starts("cd-1", "cd-2", "cd-3"), *moves, ended=ended), live=live)
    return built, [(c.outcome, c.reason, c.message, c.next) for c in built.campaigns]


def test_a_run_that_goes_on_has_campaigns_waiting_and_in_flight():
    built, told_ = going_on(record("intent"), record("intent", campaign="st-1/cd-2"),
                            moved(Event.INDETERMINATE, campaign="st-1/cd-2", message="HTTP 500"))  # fmt: skip
    assert told_ == [
        (Out.UNKNOWN, R.IN_FLIGHT, "its start is on its way", None),
        (Out.UNKNOWN, R.IN_FLIGHT, "HTTP 500", None),
        (Out.HELD, R.WAITING, "its turn has not come yet", None),
    ]
    assert (built.run["stop"], built.exit_code) == (None, 12)
    assert {word: count for word, count in built.standings.items() if count} == {R.IN_FLIGHT: 2, R.WAITING: 1}


def test_what_a_run_that_goes_on_has_judged_is_unknown():
    built, told_ = going_on(record("intent"), moved(Event.INDETERMINATE), moved(Event.NO_EVIDENCE, message="nothing"))
    assert told_[0] == (Out.UNKNOWN, R.NO_EVIDENCE, "nothing", None)
    assert built.exit_code == 11


def test_what_an_earlier_run_left_open_is_not_in_flight():
    records = [*later(entry(skip(Out.SKIPPED, R.DESELECTED)), *starts("cd-3"), moves=LOST)][:-1]
    assert [c.standing for c in build(records, live="r-2").campaigns] == [Out.UNKNOWN, R.WAITING]


@pytest.mark.parametrize(("live", "ended"), [("r-1", True), ("r-9", False), (None, False)])
def test_a_run_with_an_end_or_without_a_lease_does_not_go_on(live, ended):
    built, told_ = going_on(live=live, ended=ended)
    assert {(outcome, reason) for outcome, reason, _, _ in told_} <= {(Out.HELD, R.WINDOW), (Out.HELD, R.STOPPED)}
    assert built.campaigns[0].next == "python -m orchestrator run launch.yaml"


def test_an_open_intent_is_judged_by_the_next_run():
    built = build(journal(starts("cd-1"), record("intent"), ended=False))
    assert built.campaigns[0].next == "python -m orchestrator run launch.yaml"


def test_a_run_without_an_end_was_ended_from_outside():
    built = build(journal(starts("cd-1", "cd-2"), record("intent", campaign="st-1/cd-1"), ended=False))
    assert built.run["stop"]["reason"] == "crashed"
    assert built.run["finished_at"] is None
    assert [(c.outcome, c.reason) for c in built.campaigns] == [(Out.UNKNOWN, R.OPEN_INTENT), (Out.HELD, R.STOPPED)]
    assert (built.exit_code, built.budget, built.waves) == (11, {}, [])


def test_a_crash_before_the_first_start_holds_everything():
    built = build(journal(starts("cd-1", "cd-2"), ended=False))
    assert built.totals["held"] == 2
    assert built.exit_code == 12


def test_a_plan_in_several_records_is_put_together():
    entries = starts(*(f"cd-{n}" for n in range(25)))
    built = build([header(), *plan_records(entries, chunk=10), end()])
    assert [c.campaign for c in built.campaigns] == [f"cd-{n}" for n in range(25)]
    assert sum(built.totals.values()) == 25


def test_the_last_run_is_meant_where_none_is_named():
    first = [header("r-1"), *plan_records(starts("cd-1"), "r-1"), end(STOP, "r-1")]
    second = [header("r-2", 2000.0), *plan_records(starts("cd-1", "cd-2"), "r-2"), end(None, "r-2")]
    assert build(first + second).run["run_id"] == "r-2"
    assert len(build(first + second).campaigns) == 2
    assert build(first + second, "r-1").run["stop"]["reason"] == "rule"
    assert len(build(first + second, "r-1").campaigns) == 1


@pytest.mark.parametrize("run_id", [None, "r-9"])
def test_a_journal_without_the_run_has_no_result(run_id):
    records = [] if run_id is None else journal(starts("cd-1"))
    with pytest.raises(NoRunError):
        build(records, run_id)


def test_a_journal_with_an_impossible_move_has_no_result():
    with pytest.raises(IllegalMove):
        build(journal(starts("cd-1"), moved(Event.ACCEPTED)))


def test_the_result_is_json_with_a_schema_version():
    built = build(journal(MIXED, *MOVES))
    read = json.loads(json.dumps(built.as_json()))
    assert list(read) == [
        "schema_version", "run", "totals", "budget", "waves", "recipients", "delivery", "campaigns", "warnings",
    ]  # fmt: skip
    assert read["schema_version"] == "1"
    assert read["run"]["exit_code"] == built.exit_code
    assert len(read["campaigns"]) == len(MIXED)
    assert read["campaigns"][0]["outcome"] == "started"


def test_the_same_journal_gives_the_same_result():
    records = journal(MIXED, *MOVES)
    assert build(records) == build(records)


def test_a_waves_times_are_said_as_all_times_are():
    ending = end()
    ending.data["waves"][0] |= {"opened_at": 0.25, "closed_at": 60.0}
    (wave,) = build([header(), ending]).waves

    assert (wave["opened_at"], wave["closed_at"]) == ("1970-01-01T00:00:00.250Z", "1970-01-01T00:01:00.000Z")
    assert (wave["name"], wave["campaigns"], wave["passed"], wave["message"]) == ("rest", 1, True, "")


def run_of(run, campaign, event, at):
    moves = [record("intent", campaign=f"st-1/{campaign}", run=run), moved(event, campaign=f"st-1/{campaign}", run=run)]
    return [header(run, at), *plan_records(starts(campaign), run), *moves, end(None, run, at + 1)]


def test_the_last_success_is_the_runs_own_or_the_newest_earlier():
    runs = [
        *run_of("r-1", "cd-1", Event.ACCEPTED, 0.0),
        *run_of("r-2", "cd-2", Event.ACCEPTED, 10.0),
        *run_of("r-3", "cd-3", Event.REJECTED, 20.0),
        header("r-4", 30.0),
    ]
    found = {name: build(runs, name).run["last_success_at"] for name in ("r-1", "r-2", "r-3", "r-4")}

    assert found == {name: timestamp(at) for name, at in [("r-1", 1.0), ("r-2", 11.0), ("r-3", 11.0), ("r-4", 11.0)]}
    late = [*run_of("r-3", "cd-3", Event.REJECTED, 20.0), *run_of("r-5", "cd-5", Event.ACCEPTED, 40.0)]
    assert build(late, "r-3").run["last_success_at"] is None


def test_two_runs_in_a_row_that_changed_nothing_are_told_apart():
    first = run_of("r-1", "cd-1", Event.ACCEPTED, 0.0)
    again = [*plan_records([entry(skip(Out.ALREADY_STARTED, R.JOURNAL))], "r-2"), end(None, "r-2", 11.0)]
    failed = [*plan_records([entry(skip(Out.FAILED, R.NOT_FOUND), "cd-9")], "r-3"), end(None, "r-3", 21.0)]
    records = [*first, header("r-2", 10.0), *again, header("r-3", 20.0), *failed, header("r-4", 30.0)]

    assert build(records).run["last_success_at"] == timestamp(11.0)


def test_a_late_subruns_row_after_the_end_is_no_part_of_success():
    subrun = header("p-1", 2.0)
    subrun.data["part_of"] = "r-1"
    late = [subrun, *plan_records([entry(skip(Out.SKIPPED, R.SCHEDULED))], "p-1")]
    assert build([*run_of("r-1", "cd-1", Event.ACCEPTED, 0.0), *late, header("r-2")]).run["last_success_at"] is not None


def stopped_lanes(*accounts, stop=None):
    lanes = {name: {"reason": "rule", "detail": f"account {name}: 1 failed"} for name in accounts}
    ending = end()
    ending.data.update(stop=stop or lanes[accounts[0]], lane_stops=lanes)
    return build([header(), *plan_records(starts("cd-1")), ending])


def test_a_run_that_only_lanes_stopped_names_them():
    assert stopped_lanes("a").run["stop"] == {"reason": "rule", "detail": "account a: 1 failed"}
    two = stopped_lanes("a", "b").run["stop"]["detail"]
    assert two == "account a: 1 failed; account b: 1 failed"
    assert stopped_lanes(*"abcde").run["stop"]["detail"] == f"{two}; account c: 1 failed; and 2 more accounts"
    signal = {"reason": "SIGINT", "detail": "SIGINT received"}
    assert stopped_lanes("a", "b", stop=signal).run["stop"] == signal


def test_what_the_run_knows_of_its_stop_weighs_more_than_its_end():
    broken = Stop(S.JOURNAL, "the disk is full")
    built = build(journal(starts("cd-1"), stop=STOP), stop=broken)

    assert (built.exit_code, built.run["stop"]) == (13, {"reason": "journal", "detail": "the disk is full"})
    assert built.campaigns[0].message == "not started: the disk is full"


def test_warnings_of_the_run_follow_those_of_its_plan():
    assert build(journal(starts("cd-1")), warnings=["2 records are lost"]).warnings == [
        "a warning",
        "2 records are lost",
    ]


def test_a_journal_is_read_once():
    records = journal(MIXED, *MOVES)
    assert build(iter(records)) == build(records)


def test_findings_after_the_end_do_not_make_a_run_successful():
    moves = [moved(Event.INTENT), moved(Event.INDETERMINATE), moved(Event.NO_EVIDENCE)]
    records = [*journal(starts("cd-1"), *moves), moved(Event.RESOLVED_STARTED, at=901.0), header("r-2", 950.0)]
    assert build(records, "r-2").run["last_success_at"] is None


HELD_ALONE = (Reason.WINDOW, "window day is closed until tomorrow")


def test_what_a_run_held_at_its_end_is_told_with_its_own_reason():
    ending = end(STOP)
    ending.data["held"] = packed_value({"st-1/cd-1": HELD_ALONE})
    first, second = build([header(), *plan_records(starts("cd-1", "cd-2")), ending]).campaigns
    assert (first.reason, first.message) == HELD_ALONE
    assert second.reason is Reason.STOPPED


def test_a_hold_by_its_own_window_is_not_blamed_on_the_stop():
    held = outcome_of(Decision(Action.START), None, STOP, HELD_ALONE)
    assert held == (Outcome.HELD, *HELD_ALONE)


@pytest.mark.parametrize("state", [State.STARTED, State.FAILED, State.UNKNOWN, State.SUSPECT, State.INTENDED])
def test_what_the_journal_proves_weighs_more_than_a_hold(state):
    before = history(state)
    assert outcome_of(Decision(Action.START), before, None, HELD_ALONE) == outcome_of(
        Decision(Action.START), before, None
    )
    assert outcome_of(Decision(Action.START), before, None)[0] is not Outcome.HELD


@pytest.mark.parametrize(
    ("decision", "before", "stop", "words"),
    [
        (START, None, None, "its window is closed"),
        (START, past(State.STARTED, Event.ACCEPTED), None, "so it was"),
        (skip(Out.ALREADY_STARTED, R.JOURNAL), past(State.STARTED), None, "started by an earlier run of this launch"),
        (skip(Out.FAILED, R.NOT_FOUND), None, None, "as planned"),
        (
            START,
            past(State.CLEARED, message="the console shows Ready"),
            None,
            "a person recorded that it was not started (the console shows Ready); run again to start",
        ),
        (START, past(State.INTENDED), None, "so it was"),
    ],
)
def test_an_outcome_is_explained_in_these_words(decision, before, stop, words):
    assert outcome_of(decision, before, stop)[2] == words


def test_an_old_journal_shows_how_a_start_came_about():
    assert outcome_of(START, past(State.STARTED, None), None)[1] is R.ACCEPTED


def test_an_open_intent_not_judged_in_time_is_for_the_next_run():
    assert outcome_of(JUDGE, None, STOP) == (Out.HELD, R.STOPPED, "not started: 3 of 5 attempted are failed")


def test_a_run_that_crashed_says_so():
    assert build(journal(starts("cd-1"), ended=False)).run["stop"] == {
        "reason": "crashed",
        "detail": "the run ended before it could record why",
    }


def test_what_a_skip_said_in_the_plan_it_says_in_the_result():
    line = build(journal([entry(skip(Out.SKIPPED, R.NOT_STARTABLE), "cd-1")])).campaigns[0]
    assert (line.outcome, line.reason, line.message) == (Out.SKIPPED, R.NOT_STARTABLE, "as planned")


def test_the_budget_of_the_end_is_in_the_result():
    assert build(journal(starts("cd-1"))).budget == {"sandbox 67777c": BUDGET}


def test_the_run_that_is_missing_is_named():
    with pytest.raises(NoRunError, match=r"^no run$"):
        build([])
    with pytest.raises(NoRunError, match=r"^r-9$"):
        build(journal(starts("cd-1")), "r-9")


def test_a_run_does_not_claim_a_campaign_an_earlier_run_started():
    row = entry(skip(Out.ALREADY_STARTED, R.JOURNAL), "cd-1")
    built = build(journal([row], record("intent"), moved(Event.ACCEPTED)))
    assert built.totals["already_started"] == 1
    assert built.totals["started"] == 0


def test_campaigns_are_concluded_anew_whenever_they_are_read():
    campaigns = build(journal(MIXED, *MOVES)).campaigns

    first, again = next(iter(campaigns)), next(iter(campaigns))
    assert first == again
    assert first is not again  # none is kept: a million would not fit beside the states they are made of
    assert campaigns == tuple(campaigns)
    assert len(campaigns) == len(tuple(campaigns)) == sum(campaigns.tally.values())


def test_an_unchanged_re_run_asks_for_no_earlier_success(monkeypatch):
    asked = []
    monkeypatch.setattr("orchestrator.core.result.build.Journal._is_success", lambda *_: asked.append(1))
    again = [header("r-2", 10.0), *plan_records([entry(skip(Out.ALREADY_STARTED, R.JOURNAL))], "r-2")]
    records = [*run_of("r-1", "cd-1", Event.ACCEPTED, 0.0), *again, end(None, "r-2", 11.0)]

    assert build(records).run["last_success_at"] == timestamp(11.0)
    assert asked == []
