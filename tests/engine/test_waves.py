"""Waves, bakes, checks of the user's, and rules of one account."""

import asyncio
from dataclasses import replace

import pytest

from orchestrator.core.content import digest
from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.plan.selection import Selection
from orchestrator.core.text import timestamp
from orchestrator.engine.control_watch import POLL_SECONDS
from orchestrator.engine.run_deps import NoChecks
from orchestrator.model import CampaignKey, Lane, LiveState, Progress, Record, Stop, StopReason
from tests.fakes import BASE, loses, says

STARTED = ("started", "accepted")
STOPPED = ("held", "stopped")
CAMPAIGNS = [
    {"stream": "s", "campaign": "c0"},
    {"stream": "s", "campaign": "c1", "tags": ["canary"]},
    {"stream": "s", "campaign": "c2", "tags": ["canary"]},
    {"stream": "s", "campaign": "c3"},
]
CANARY = {"name": "canary", "tags": ["canary"], "bake": "10m", "pass": {"started": "100%"}}


async def test_the_rest_opens_once_the_canary_has_passed_and_baked(rig):
    run = rig(CAMPAIGNS, waves=[CANARY])
    stop = await run.run()
    assert stop is None
    assert run.api.started("s/c1") == run.api.started("s/c2") == [0]
    assert run.api.started("s/c0") + run.api.started("s/c3") == pytest.approx([600.2] * 2)  # 0.1 for a last look
    ended = run.journal.of("end")[0].data["waves"]
    assert [(w["name"], w["campaigns"], w["passed"]) for w in ended] == [("canary", 2, True), ("rest", 2, True)]
    assert [event["wave"] for event in run.observer.named("wave_opened")] == ["canary", "rest"]


async def test_a_canary_that_falls_short_holds_the_rest(rig, elapsed):
    run = rig(CAMPAIGNS, waves=[CANARY])
    run.api.script("s/c2", says(400))
    stop = await run.run()
    assert stop.reason is StopReason.WAVE
    assert run.outcomes() == {"c0": STOPPED, "c1": STARTED, "c2": ("failed", "rejected"), "c3": STOPPED}
    assert elapsed() < 1
    assert run.exit_code() == 12


async def test_a_share_of_the_canary_may_be_enough(rig):
    run = rig(CAMPAIGNS, waves=[{**CANARY, "pass": {"started": "50%"}}])
    run.api.script("s/c2", says(400))
    stop = await run.run()
    assert stop is None
    assert len(run.api.started()) == 4


async def test_a_wave_ends_with_the_judgement_of_its_suspects(rig):
    run = rig(CAMPAIGNS, waves=[CANARY])
    run.api.script("s/c2", says(500))
    stop = await run.run()
    assert stop.reason is StopReason.WAVE
    assert run.outcomes()["c2"] == ("unknown", "no_evidence")
    assert run.outcomes()["c0"] == STOPPED


async def test_nothing_bakes_after_the_last_wave(rig, elapsed):
    run = rig(CAMPAIGNS, waves=[{"name": "rest", "bake": "10m"}])
    await run.run()
    assert elapsed() < 1


async def test_a_stop_ends_the_bake_at_once(rig, stop_at, elapsed):
    run = rig(CAMPAIGNS, waves=[CANARY])
    stop_at(run, 10)
    stop = await run.run()
    assert stop.reason is StopReason.SIGINT
    assert elapsed() == pytest.approx(10)
    assert run.outcomes()["c0"] == STOPPED


async def test_a_wave_knows_when_it_opened_and_finished(rig):
    run = rig(CAMPAIGNS, waves=[CANARY])
    await run.run()
    times = [(w["opened_at"] - BASE, w["closed_at"] - BASE) for w in run.journal.of("end")[0].data["waves"]]
    assert times == [pytest.approx((0, 0.1)), pytest.approx((600.1, 600.3))]


async def test_the_bake_is_shown_with_the_time_it_ends(rig):
    run = rig(CAMPAIGNS, waves=[CANARY])
    await run.run()
    assert run.observer.named("wave_baking") == [{"wave": "canary", "until": "2023-11-14T22:23:20.100Z"}]


async def test_after_a_stop_in_the_bake_a_run_waits_for_the_rest_of_it(rig, stop_at, elapsed):
    first = rig(CAMPAIGNS, waves=[CANARY])
    stop_at(first, 100)
    await first.run()
    wave = first.journal.of("end")[0].data["waves"][0]
    assert (wave["passed"], wave["message"]) == (False, "its bake was not finished")
    second = rig(CAMPAIGNS, waves=[CANARY], earlier=tuple(_earlier(first)))
    stop = await second.run()
    assert stop is None
    assert second.api.started() == pytest.approx([600.2] * 2)


async def test_a_canary_of_a_clock_ahead_bakes_no_longer_than_its_bake(rig, stop_at):
    first = rig(CAMPAIGNS, waves=[CANARY])
    stop_at(first, 100)
    await first.run()
    ahead = tuple(replace(record, at=record.at + 8 * 3600) for record in _earlier(first))
    second = rig(CAMPAIGNS, waves=[CANARY], earlier=ahead)
    begun = second.clock.now()
    await second.run()
    assert second.observer.named("wave_baking") == [{"wave": "canary", "until": timestamp(begun + 600)}]
    assert second.api.started() == pytest.approx([700.1] * 2)


async def test_a_manual_start_during_the_bake_is_not_repeated(rig):
    run = rig(CAMPAIGNS, waves=[CANARY])
    started = {CampaignKey("s/c0"): LiveState("Active", instance_id="i1")}
    asyncio.get_running_loop().call_at(300, run.api.live.update, started)
    stop = await run.run()
    assert stop is None
    assert run.api.started("s/c0") == []
    assert run.api.started("s/c3") == pytest.approx([600.2])
    assert run.outcomes()["c0"] == ("held", "changed")
    assert run.messages()["c0"] == "it was changed while it waited: it is Active now"
    assert run.exit_code() == 12


async def test_a_short_bake_needs_no_second_look(rig):
    run = rig(CAMPAIGNS, waves=[{**CANARY, "bake": "299s"}])
    await run.run()
    assert run.api.reads("list") == []


async def test_nothing_bakes_where_nobody_is_left_to_start(rig, elapsed):
    first = rig(CAMPAIGNS, waves=[CANARY])
    await first.run()
    begun = elapsed()
    second = rig(CAMPAIGNS, waves=[{**CANARY, "bake": "24h"}], earlier=tuple(_earlier(first)))
    stop = await second.run()
    assert stop is None
    assert elapsed() - begun < 1


def _earlier(run):
    return [Record(r.launch, r.campaign.replace("r-2", "r-1"), r.attempt, r.kind, "r-1", r.at, r.lane, r.data)
            for r in run.journal.records]  # fmt: skip


ASKING = {**CANARY, "pass": {"started": "100%", "command": ["./look.sh", "--all"]}}


async def test_after_the_bake_a_command_can_open_the_next_wave(rig):
    run = rig(CAMPAIGNS, waves=[ASKING])
    run.checks.takes = 5.0
    stop = await run.run()
    assert stop is None
    assert run.checks.asked == [(("./look.sh", "--all"), {"LAUNCH": "spring", "RUN": "r-2", "WAVE": "canary"})]
    assert run.api.started("s/c0") == pytest.approx([605.2])
    assert run.observer.named("wave_checked") == [{"wave": "canary", "passed": True, "message": ""}]


async def test_a_command_that_says_no_holds_the_rest_with_its_reason(rig):
    run = rig(CAMPAIGNS, waves=[ASKING])
    run.checks.answers.append("./look.sh exited with 1 (12 % opted out)")
    stop = await run.run()
    said = "wave canary: its check failed: ./look.sh exited with 1 (12 % opted out)"
    assert stop == Stop(StopReason.WAVE, said)
    assert run.outcomes() == {"c0": STOPPED, "c1": STARTED, "c2": STARTED, "c3": STOPPED}
    assert run.messages()["c0"] == f"not started: {said}"
    assert run.journal.of("end")[0].data["waves"][0]["message"] == said
    assert run.exit_code() == 12


async def test_no_command_checks_a_wave_that_fell_short_or_is_the_last(rig):
    run = rig(CAMPAIGNS, waves=[ASKING])
    run.api.script("s/c2", says(400))
    await run.run()
    alone = rig([{**c, "tags": ["canary"]} for c in CAMPAIGNS], waves=[ASKING])
    await alone.run()
    assert run.checks.asked == alone.checks.asked == []


async def test_a_stop_ends_the_command_at_once(rig, stop_at, elapsed):
    run = rig(CAMPAIGNS, waves=[{**ASKING, "bake": "0s"}])
    run.checks.takes = 500.0
    stop_at(run, 10)
    stop = await run.run()
    assert stop.reason is StopReason.SIGINT
    assert elapsed() == pytest.approx(10)
    assert run.checks.cancelled == 1
    assert run.outcomes()["c0"] == STOPPED


async def test_an_abort_ends_the_command(rig, elapsed):
    run = rig(CAMPAIGNS, waves=[{**ASKING, "bake": "0s"}])
    run.checks.takes = 500.0
    asyncio.get_running_loop().call_at(10, run.journal.record_command, "spring", ControlCommand.ABORT, "wrong text")
    stop = await run.run()
    assert stop.reason is StopReason.ABORTED
    assert elapsed() <= 10 + POLL_SECONDS
    assert run.checks.cancelled == 1
    assert run.journal.of("end")[0].data["waves"][0]["message"] == "its check was not finished"


async def test_where_no_command_can_be_run_none_has_passed(rig):
    run = rig(CAMPAIGNS, waves=[{**ASKING, "bake": "0s"}], checks=NoChecks())
    stop = await run.run()
    assert stop.reason is StopReason.WAVE
    assert len(run.api.started()) == 2


async def test_deselecting_a_failed_canary_does_not_open_the_next_wave(rig):
    first = rig(CAMPAIGNS, waves=[CANARY])
    first.api.script("s/c2", says(400))
    await first.run()
    second = rig(CAMPAIGNS, waves=[CANARY], earlier=tuple(_earlier(first)))
    second.selection = Selection(exclude=(("tag", "canary"),))
    stop = await second.run()
    assert stop.reason is StopReason.WAVE
    assert second.api.started() == []


@pytest.mark.parametrize(("nonce", "outcome", "reads"), [("00" * 16, ("held", "changed"), 1), ("", STARTED, 0)])
async def test_an_approved_wave_is_read_again_after_any_bake(rig, nonce, outcome, reads):
    """Even in seconds: anyone who sees the first text may edit the others. The first wave is not read twice."""
    run = rig(CAMPAIGNS, waves=[{**CANARY, "bake": "8s"}, {"name": "rest"}])
    run.nonce = nonce
    before, after = (digest({"message": text, "name": "c"}) for text in "ab")
    run.api.live = {key: LiveState("Ready", updated_at="T1", content=before) for key in run.api.live}
    edited = LiveState("Ready", updated_at="T2", content=after)
    asyncio.get_running_loop().call_at(5, run.api.live.__setitem__, "s/c0", edited)
    await run.run()
    assert run.outcomes()["c0"] == outcome
    assert len(run.api.reads("list")) == reads


async def test_rules_of_one_account_end_its_lane_and_not_the_others(rig):
    accounts = {name: {"account_id": name, "rate": "unlimited", "in_flight": 1} for name in ("acme", "bell")}
    campaigns = [{"stream": "s", "campaign": f"{n[0]}{i}", "account": n} for n in accounts for i in range(5)]
    run = rig(campaigns, accounts=accounts, stop_when={"failed": 5, "per_account": {"failed": "50%", "min_sample": 2}})
    run.api.script("s/a1", says(400))
    stop = await run.run()
    assert stop == Stop(
        StopReason.RULE,
        "account acme: 1 of 2 attempted failed: stops when 50% of at least 2 attempted failed",
    )
    assert len(run.api.started()) == 7
    assert [run.outcomes()[f"a{i}"] for i in range(2, 5)] == [STOPPED] * 3
    assert all(run.outcomes()[f"b{i}"] == STARTED for i in range(5))
    assert run.exit_code() == 12


async def test_what_a_lane_held_names_its_own_account(rig):
    accounts = {name: {"account_id": name, "rate": "unlimited", "in_flight": 1} for name in ("acme", "bell", "cern")}
    campaigns = [{"stream": "s", "campaign": f"{n[0]}{i}", "account": n} for n in accounts for i in range(4)]
    run = rig(campaigns, accounts=accounts, stop_when={"per_account": {"failed": 2}}, waves=[{"name": "one"}])
    for name in ("a0", "a1", "b1", "b2"):
        run.api.script(f"s/{name}", says(400))
    await run.run()
    held = {name: why for name, why in run.messages().items() if run.outcomes()[name] == STOPPED}
    assert held == {
        name: f"not started: account {account}: {seen} attempted failed: stops when 2 failed"
        for name, account, seen in (("a2", "acme", "2 of 2"), ("a3", "acme", "2 of 2"), ("b3", "bell", "2 of 3"))
    }


async def test_every_kind_of_lane_stop_holds_its_own_campaigns(rig):
    accounts = {name: {"account_id": name, "rate": "unlimited", "in_flight": 1} for name in ("acme", "bell", "cern")}
    campaigns = [{"stream": "s", "campaign": f"{n[0]}{i}", "account": n} for n in accounts for i in range(9)]
    run = rig(
        campaigns, accounts=accounts, preflight={"check": "status"}, probe={"settle": "0s"}, retry={"attempts": 1},
        breaker={"opens_after": 3, "looks_every": "30s"},
    )  # fmt: skip
    run.journal.lost.add(Lane("sandbox acme"))
    run.api.script("s/b0", says(401, "no"), says(401, "no"))
    for n in range(9):
        run.api.script(f"s/c{n}", loses(Progress.SENDING))
    await run.run()
    messages = run.messages()
    assert [messages[name] for name in ("a8", "b8", "c8")] == [
        "not started: account acme: this run's lease has ended, or another run has taken it",
        "not started: account bell: a new token was rejected too (HTTP 401: no)",
        "not started: account cern: starts got lost 3 times in a row, although reads work",
    ]


def judged(run):
    return [(wave["name"], wave["verdict"], wave["message"]) for wave in run.journal.of("end")[0].data["waves"]]


async def test_only_a_wave_that_met_its_rule_has_passed(rig):
    run = rig(CAMPAIGNS, waves=[CANARY])
    await run.run()
    assert judged(run) == [("canary", "passed", ""), ("rest", "no_rule", "")]


async def test_a_wave_that_its_check_let_through_has_passed(rig):
    run = rig(CAMPAIGNS, waves=[{**CANARY, "pass": {"command": ["true"]}}])
    await run.run()
    assert judged(run) == [("canary", "passed", ""), ("rest", "no_rule", "")]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (None, "3 of 4 campaigns were held"),
        ({"started": "25%"}, "3 of 4 campaigns were held"),
        ({"started": "100%"}, "wave rest: 1 of 4 started, 100% are needed before the next wave"),
    ],
)
async def test_a_stop_cuts_a_wave_short(rig, stop_at, rule, message):
    run = rig(4, account={"in_flight": 1}, latency=5.0, waves=[{"name": "rest", **({"pass": rule} if rule else {})}])
    stop_at(run, 1)
    await run.run()
    assert judged(run) == [("rest", "cut_short", message)]
    (closed,) = run.observer.named("wave_closed")
    assert closed == {"wave": "rest", "passed": False, "verdict": "cut_short", "message": message}


async def test_a_stop_in_the_bake_cuts_the_wave_short(rig, stop_at):
    run = rig(CAMPAIGNS, waves=[CANARY])
    stop_at(run, 10)
    await run.run()
    assert judged(run) == [("canary", "cut_short", "its bake was not finished")]


async def test_a_closed_window_cuts_a_wave_short(rig):
    late = {"late": {"zones": ["UTC"], "hours": "23:58-23:59"}}
    run = rig([{**c, "window": "late"} for c in CAMPAIGNS], windows=late, no_wait=True)
    assert await run.run() is None
    assert judged(run) == [("rest", "cut_short", "4 of 4 campaigns were held")]


async def test_a_lane_that_stops_cuts_its_wave_short(rig):
    accounts = {name: {"account_id": name, "rate": "unlimited", "in_flight": 1} for name in ("acme", "bell")}
    campaigns = [{"stream": "s", "campaign": f"{n[0]}{i}", "account": n} for n in accounts for i in range(3)]
    run = rig(campaigns, accounts=accounts, stop_when={"per_account": {"failed": 1}})
    run.api.script("s/a0", says(400))
    await run.run()
    assert judged(run) == [("rest", "cut_short", "2 of 6 campaigns were held")]
