"""The last words before something that cannot be taken back, letter by letter."""

from dataclasses import replace

from orchestrator.console.question import approval_question, last_question, stop_question
from orchestrator.core.plan.approvers import Approved
from orchestrator.core.plan.estimate import texting
from orchestrator.core.plan.proposal import Proposal
from orchestrator.core.plan.stop_plan import StopJob, StopPlan
from orchestrator.model import Home
from tests.core.builders import manifest, planned, ready

HOME = Home("https://platform.kore.ai", "production")
WAVES = [{"name": "canary", "tags": ["first"]}]
FOUR = (
    {"campaign": "cd-1", "tags": ["first"]},
    {"campaign": "cd-2"},
    {"campaign": "cd-3", "account": "umbrella"},
    {"campaign": "cd-4", "rerun": True},
)

AGAIN = "EVERYBODY ON THE WHOLE LIST GETS THE MESSAGE ONCE MORE"


def plan(*campaigns, **live):
    parsed = manifest(*(campaigns or FOUR), waves=WAVES if not campaigns else [])
    states = {one.key: ready(**live) for one in parsed.campaigns}
    if not campaigns:
        states["st-1/cd-4"] = ready(status="Completed")
    made = planned(parsed, live=states)
    sizes = (100, 2000, 300, None)
    return replace(made, entries=tuple(map(sized, made.entries, sizes)))


def sized(entry, people):
    return replace(entry, recipients=people)


def asked(of, **more):
    more = {"ledger": "sqlite:///x.db", "knows_starts": True, "approved": Approved(), **more}
    return last_question(of, HOME, **more)


def test_the_last_question_counts_by_wave_and_account():
    assert asked(plan()) == [
        "4 campaigns will be started on https://platform.kore.ai in environment production. It cannot be undone.",
        "  1  wave canary, account acme",
        "  2  wave rest, account acme",
        "  1  wave rest, account umbrella",
        "  1 OF THEM RUNS AGAIN: EVERYBODY ON THE WHOLE LIST GETS THE MESSAGE ONCE MORE (st-1/cd-4)",
        "  recipients: 2,400, 1 campaign unknown (acme 2,100, 1 campaign unknown; umbrella 300)",
        "  ledger: sqlite:///x.db",
        "  approved: by nobody yet",
    ]


def test_the_last_question_names_a_new_ledger_and_who_approved():
    approved = Approved("--plan, plan 0123456789ab; signed by cleo", "ann@example.com")
    lines = asked(plan({"campaign": "cd-1"}), knows_starts=False, approved=approved)

    assert lines[1:] == [
        "  1  wave rest, account acme",
        "  recipients: 100",
        "  ledger: sqlite:///x.db (NEW: it knows of no start; campaigns that another ledger started can start again)",
        "  approved: --plan, plan 0123456789ab; signed by cleo, planned by ann@example.com",
    ]


def test_the_last_question_says_when_texting_ends():
    accounts = {"acme": {"account_id": "67777c", "messages_per_minute": 60}}
    parsed = manifest({"campaign": "cd-1"}, {"campaign": "cd-2"}, accounts=accounts)
    made = planned(parsed, live={one.key: ready() for one in parsed.campaigns})
    made = replace(made, entries=tuple(map(sized, made.entries, (60, None))))
    lines = asked(made, texting=texting(parsed, made, 1_700_000_000.0))

    # It begins at 22:13:20 UTC.
    assert lines[2:4] == [
        "  recipients: 60, 1 campaign unknown",
        "  texting ends about 22:14 UTC; not counted: 1 campaign with an unknown number of recipients",
    ]


def test_many_waves_and_reruns_are_shortened():
    campaigns = [{"campaign": f"cd-{n}", "rerun": True, "tags": [f"t{n}"]} for n in range(25)]
    waves = [{"name": f"w{n:02}", "tags": [f"t{n}"]} for n in range(25)]
    parsed = manifest(*campaigns, waves=waves)
    lines = asked(planned(parsed, live={one.key: ready(status="Stopped") for one in parsed.campaigns}))

    assert lines[20:23] == [
        "  1  wave w19, account acme",
        "  and more, for 5 further wave and accounts",
        f"  25 OF THEM RUN AGAIN: {AGAIN} (st-1/cd-0, st-1/cd-1, st-1/cd-2, st-1/cd-3, st-1/cd-4, ...)",
    ]


def test_a_rerun_is_what_has_run_as_far_as_is_known():
    def is_rerun(status, rerun, **options):
        parsed = manifest({"campaign": "cd-1", "rerun": rerun}, **options)
        made = planned(parsed, live={one.key: ready(status=status) for one in parsed.campaigns} if status else {})
        return [one.is_rerun for one in made.entries], "rerun" in made.identity["starts"][0]

    assert is_rerun("Ready", rerun=True) == ([False], False)
    assert is_rerun("Completed", rerun=True) == ([True], True)
    assert is_rerun(None, rerun=True, preflight={"check": "off"}) == ([True], True)
    assert is_rerun(None, rerun=False, preflight={"check": "off"}) == ([False], False)


def test_who_approves_sees_what_the_hash_covers():
    made = plan()
    rows = [entry.as_row()._asdict() for entry in made.entries]
    document = {"campaigns": rows, "warnings": ["a\x1b[31m"], "notes": ["not checked"]}
    proposal = Proposal(made.sha256, 0.0, made.identity, ("ann@example.com", "ann"))

    assert approval_question(document, proposal) == [
        f"plan {made.sha256[:12]}, launch spring on sandbox: 4 starts",
        "  1  wave canary, account acme (67777c)",
        "  2  wave rest, account acme (67777c)",
        "  1  wave rest, account umbrella (99999d)",
        "  1 OF THEM RUNS AGAIN: EVERYBODY ON THE WHOLE LIST GETS THE MESSAGE ONCE MORE (st-1/cd-4)",
        "  recipients: 2,400, 1 campaign unknown (acme 2,100, 1 campaign unknown; umbrella 300)",
        "  made by ann@example.com (ann), good until 1970-01-02T00:00:00.000Z",
        "  warning: its hash does not cover what 4 of its 4 starts would send, and to whom",
        "  warning: a\ufffd[31m",
        "  note: not checked",
    ]


def test_the_question_before_a_stop_counts_by_account():
    jobs = tuple(StopJob(entry.target, 1) for entry in plan().entries)

    assert stop_question("spring", StopPlan(jobs, {}, (), ()), {"67777c": "acme"}) == [
        "4 campaigns that launch spring started will be stopped:",
        "  3  account acme (67777c)",
        "  1  account 99999d",
        "  Messages that were already sent stay sent, and a stopped campaign does not go on by itself.",
    ]
