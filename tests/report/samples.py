"""Results to write reports of: a small one for the golden files, a large one with hostile names."""

import itertools
import random
from dataclasses import replace

from orchestrator.core.audience import Audience
from orchestrator.core.result.build import CampaignResult, Result, exit_code
from orchestrator.core.result.texted import recipients_json, texts
from orchestrator.core.text import one_line
from orchestrator.model import Outcome, Reason, Record, Stop, StopReason, WaveVerdict

Out, R = Outcome, Reason
RUN = {
    "run_id": "r-0123456789ab", "launch": "winter-2026", "manifest": "winter.yaml", "manifest_sha256": "a1" * 32,
    "plan_sha256": "b2" * 32, "host": "https://platform.kore.ai", "ledger": "sqlite:///.orchestrator/ledger.db",
    "started_at": "2026-03-04T12:00:00.250Z", "finished_at": "2026-03-04T12:01:30.750Z",
    "last_success_at": "2026-03-03T09:00:00.000Z", "rehearsal": None, "environment": None, "by": "ana",
    "approved": "at a terminal", "head": "c3" * 32, "version": "1.2.3", "planned_by": "ben@example.com",
    "approvals": [{"by": "cleo@example.com", "key": "SHA256:rA2DKfQt", "at": "2026-03-04T11:59:59.000Z"}],
}  # fmt: skip
REASONS = {
    Out.STARTED: [R.ACCEPTED, R.EVIDENCE, R.RESOLVED],
    Out.ALREADY_STARTED: [R.JOURNAL, R.LIVE_STATE],
    Out.FAILED: [R.REJECTED, R.GAVE_UP, R.NOT_FOUND, R.FAILED_BEFORE],
    Out.UNKNOWN: [R.NO_EVIDENCE, R.OPEN_INTENT],
    Out.HELD: [R.WINDOW, R.STOPPED, R.RESOLVED],
    Out.SKIPPED: [R.NOT_STARTABLE, R.RERUN, R.SCHEDULED, R.NO_DNC_LIST, R.DISABLED, R.DESELECTED],
}
HOSTILE = [
    "=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=cmd|' /C calc'!A0",  # formulas
    "a | b", "| x |", "\\| y", "\\", "--- | ---",  # tables
    "`", "``a`b```", "` `", "~~~", "```\n# heading\n```",  # code
    "@channel", "hello @octocat!", "a@example.com", "#123", "GH-1", "www.example.com", "https://example.com",
    "[x](http://example.com)", "![x](http://example.com/x.png)", "[x]: http://example.com",  # links
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;&amp;&#64;", "]]>", "<!-- x", "</testcase>",
    "line\nbreak", "line\r\nbreak", "\n\n# heading", "::error::x", "x\n::set-output name=outcome::started",
    "##[add-matcher]x", "%0A::error::x", 'quote"s', "quote's", "a,b;c", "{}", "}\n", 'campaign{le="1"} 7',
    "\x00nul", "\x1b[31mred\x1b[0m", "\x07", "\x7f", "\x85next", "\u2028line", "\ufeffbom", "\ufffe", "\uffff",
    "\u202egnp.exe", "\u2066isolate\u2069", "\ud83d", "half \udc00 pair", "emoji \U0001f680\U0001f469\u200d\U0001f680",
    "e\u0301 \u4e2d\u6587 \u0627\u0644\u0639", " lead", "trail ", " ", "", "x" * 5000,
]  # fmt: skip


def campaign(number, outcome, reason, **changes) -> CampaignResult:
    made = CampaignResult(
        account="acme", stream="st-1", campaign=f"cd-{number}", name=f"Winter {number}", wave="rest",
        outcome=outcome, reason=reason, message="HTTP 200: Active", attempts=1,
        intent_at="2026-03-04T12:00:01.000Z", sent_at="2026-03-04T12:00:01.010Z",
        finished_at="2026-03-04T12:00:01.200Z", http_status=200, elapsed_ms=190.0, evidence=None,
        updated_at="2026-03-04T12:00:01.150Z", next=None, tags="", recipients=None, delivery=None,
    )  # fmt: skip
    return replace(made, **changes)


def budget(account) -> dict:
    return {"account": account, "limits": ["50/60s", "10/10s"], "calls": 17, "peak_in_window": [17, 10], "throttled": 1,
            "suggested": "26/60s"}  # fmt: skip


def result_of(campaigns, *, stop=None, accounts=("acme",), waves=(), warnings=()) -> Result:
    said = None if stop is None else {"reason": stop.reason, "detail": stop.detail}
    run = {**RUN, "exit_code": exit_code(campaigns, stop), "stop": said}
    budgets = {f"{RUN['host']} id-{n}": budget(name) for n, name in enumerate(accounts)}
    totals = {outcome: sum(c.outcome is outcome for c in campaigns) for outcome in Outcome}
    people: dict[str, Audience] = {}
    for one in campaigns:
        if texts(one.outcome, one.reason):
            people[one.account] = people.get(one.account, Audience()) + Audience.of([one.recipients])
    return Result(run, totals, budgets, list(waves), tuple(campaigns), list(warnings), recipients_json(people), None)


def small() -> Result:
    """One campaign of every outcome and some hostile words."""
    command = "python -m orchestrator"
    nothing = dict.fromkeys(("intent_at", "sent_at", "finished_at", "http_status", "elapsed_ms", "updated_at"))
    campaigns = [
        campaign(1, Out.STARTED, R.ACCEPTED, wave="canary", recipients=12400),
        campaign(2, Out.STARTED, R.EVIDENCE, message="the platform reports Active",
                 evidence="the platform reports Active", http_status=500, elapsed_ms=2250.5),
        campaign(3, Out.ALREADY_STARTED, R.LIVE_STATE, message="it is already Active", attempts=0, **nothing),
        campaign(4, Out.FAILED, R.REJECTED, message='HTTP 400: <b>"no"</b> | @all\n::error::x', http_status=400,
                 name="=cmd|' /C calc'!A0", next=f"{command} run winter.yaml --retry-failed"),
        campaign(5, Out.UNKNOWN, R.NO_EVIDENCE, message="no evidence of a start was found", http_status=None,
                 next=f"{command} resolve winter-2026 st-1/cd-5 --as started --reason\n"
                      f"{command} resolve winter-2026 st-1/cd-5 --as not-started --reason"),
        campaign(6, Out.HELD, R.STOPPED, message="not started: 1 unknown, the limit is 1", attempts=0, account="beta",
                 recipients=300, next=f"{command} run winter.yaml", **nothing),
        campaign(7, Out.SKIPPED, R.RERUN, message="it is Completed", attempts=0, account="beta", **nothing),
        campaign(8, Out.SKIPPED, R.DISABLED, message="enabled: false in the manifest", attempts=0, **nothing),
    ]  # fmt: skip
    waves = [
        {"name": "canary", "campaigns": 1, "verdict": WaveVerdict.PASSED, "passed": True, "message": "",
         "opened_at": "2026-03-04T12:00:01.000Z", "closed_at": "2026-03-04T12:00:31.000Z"},
        {"name": "rest", "campaigns": 7, "verdict": WaveVerdict.CUT_SHORT, "passed": False,
         "message": "1 of 6 campaigns was held", "opened_at": None, "closed_at": None},
    ]  # fmt: skip
    return result_of(
        campaigns, stop=Stop(StopReason.RULE, "1 unknown, the limit is 1"), accounts=("acme", "beta"), waves=waves,
        warnings=["contact list 'VIP' is used by 2 campaigns to be started (st-1/cd-1, st-1/cd-2)"],
    )  # fmt: skip


def hostile(size=10_000, seed=5) -> Result:
    """A run whose every free text is out to get somebody; ids are what a manifest allows."""
    dice = random.Random(seed)
    names = itertools.cycle(HOSTILE)
    campaigns = []
    for number in range(size):
        outcome = dice.choice(list(REASONS))
        campaigns.append(
            campaign(
                number, outcome, dice.choice(REASONS[outcome]), name=next(names), message=dice.choice(HOSTILE),
                account=f"acc-{number % 7}", stream=f"st-{number % 13}", elapsed_ms=dice.choice([None, 3.25, 1500.0]),
                next=dice.choice([None, f"python -m orchestrator run {next(names)}"]),
            )
        )  # fmt: skip
    waves = [
        {"name": text, "campaigns": 1, "verdict": WaveVerdict.NOT_PASSED, "passed": False, "message": text,
         "opened_at": None, "closed_at": None} for text in HOSTILE
    ]  # fmt: skip
    accounts = dict.fromkeys([*(f"acc-{n}" for n in range(7)), *map(one_line, HOSTILE)])
    return result_of(campaigns, accounts=accounts, waves=waves, warnings=HOSTILE,
                     stop=Stop(StopReason.RULE, "`|@all\n# x"))  # fmt: skip


def records_of(result):
    """The least that a journal says of a run: that it began."""
    run = result.run
    header = Record(run["launch"], f"@{run['run_id']}", 0, "run", run["run_id"], 1_772_625_600.25, "", {"limits": {}})
    return [header]
