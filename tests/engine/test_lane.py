"""Starts, retries and refusals of one lane."""

import asyncio
from dataclasses import replace

import pytest

from orchestrator.core.journal.states import State
from orchestrator.core.rules.pacing import Pacer
from orchestrator.model import CampaignKey, LiveState, Progress, StopReason, Window
from tests.fakes import ACCEPTED, BASE, UNSENT, loses, says

HOURLY = "You have exceeded the hourly rate limit"
TWO_ACCOUNTS = {
    "accounts": {
        "acme": {"account_id": "a1", "rate": "unlimited", "in_flight": 1},
        "bell": {"account_id": "a2", "rate": "unlimited", "in_flight": 1},
    }
}
TWO_LANES = [
    {"stream": "s", "campaign": "a0"},
    {"stream": "s", "campaign": "a1"},
    {"stream": "s", "campaign": "b0", "account": "bell"},
    {"stream": "s", "campaign": "b1", "account": "bell"},
]
STARTED = ("started", "accepted")
STOPPED = ("held", "stopped")


def assert_never_more(times, limit, seconds):
    """No window of that length, wherever it begins, holds more arrivals than the limit."""
    times = sorted(times)
    crowded = [(a, b) for a, b in zip(times, times[limit:], strict=False) if b - a < seconds]
    assert crowded == []


async def test_a_run_without_faults_starts_every_campaign_once(rig):
    run = rig(20)
    stop = await run.run()
    assert stop is None
    assert len(run.api.started()) == 20
    assert set(run.outcomes().values()) == {STARTED}
    assert run.exit_code() == 0


async def test_every_start_has_a_stored_intent_before_it_leaves(rig):
    run = rig(3, account={"in_flight": 1})
    run.journal.latency = 2.0
    await run.run()
    intents = [record.at - BASE for record in run.journal.of("intent")]
    assert [at + 2.0 for at in intents] == pytest.approx(run.api.started())


async def test_lanes_are_independent_while_one_is_limited(rig):
    run = rig(TWO_LANES, **TWO_ACCOUNTS)
    run.api.script("s/a0", says(429, retry_after="300"))
    await run.run()
    assert max(run.api.started("s/b0") + run.api.started("s/b1")) < 1
    assert min(run.api.started("s/a1")) >= 300
    assert set(run.outcomes().values()) == {STARTED}


async def test_lanes_are_independent_when_one_stops(rig):
    run = rig(TWO_LANES, **TWO_ACCOUNTS)
    run.api.script("s/a0", says(401), says(401))
    stop = await run.run()
    assert stop.reason is StopReason.CREDENTIAL
    assert run.outcomes() == {"a0": STOPPED, "a1": STOPPED, "b0": STARTED, "b1": STARTED}


@pytest.mark.parametrize("in_flight", [1, 3, 8])
async def test_in_flight_bounds_the_open_starts(rig, elapsed, in_flight):
    run = rig(24, account={"in_flight": in_flight}, latency=1.0)
    await run.run()
    assert run.api.most_open_starts == in_flight
    assert elapsed() == pytest.approx(24 / in_flight)


async def test_500_starts_at_50_a_minute_take_nine_windows(rig, elapsed):
    run = rig(500, account={"rate": ["50/60s"]}, preflight={"check": "off"})
    await run.run()
    assert len(run.api.started()) == 500
    assert 540 <= elapsed() <= 545
    assert_never_more(run.api.started(), 50, 60)
    assert run.lane.limiter.pacer.snapshot().peaks == (50,)


async def test_what_waits_for_its_turn_for_long_is_read_again(rig):
    """Somebody starts one by hand, and edits another, while hundreds are before them in a busy lane."""
    run = rig(1000, account={"rate": ["50/60s"]})
    changes = {
        CampaignKey("s/c900"): LiveState("Active", instance_id="i1"),
        CampaignKey("s/c950"): LiveState("Ready", instance_id="i0", updated_at="2026-03-02T15:00:00.000Z"),
    }
    run.api.live[CampaignKey("s/c950")] = LiveState("Ready", instance_id="i0", updated_at="2026-03-01T15:00:00.000Z")
    asyncio.get_running_loop().call_at(600, run.api.live.update, changes)
    await run.run()
    assert len(run.api.started()) == 998
    assert {run.outcomes()["c900"], run.outcomes()["c950"]} == {("held", "changed")}


async def test_reading_again_takes_few_of_a_busy_lanes_calls(rig):
    run = rig(3000, account={"rate": ["50/60s"]})
    await run.run()
    assert len(run.api.started()) == 3000
    assert (
        1 <= len(run.api.reads("list")) <= 3000 / 25 + 60
    )  # the rig's plan takes no call, so the first read comes early
    assert_never_more([call.at for call in run.api.calls], 50, 60)


async def test_every_window_holds_with_uneven_latency_and_retries(rig):
    run = rig(200, account={"rate": ["50/60s", "10/10s"]})
    for i in range(200):
        run.api.script(f"s/c{i}", says(401, takes=i * 7 % 13) if i % 9 == 0 else None)
    await run.run()
    assert len(run.api.started()) == 223
    assert_never_more(run.api.started(), 50, 60)
    assert_never_more(run.api.started(), 10, 10)


async def test_a_lost_answer_does_not_free_the_slots_of_others(rig):
    run = rig(200, account={"rate": ["50/60s"], "in_flight": 1}, latency=1.0, preflight={"check": "off"})
    run.api.script("s/c108", loses(Progress.SENDING, takes=0.5))
    for i in range(109, 200):
        run.api.script(f"s/c{i}", replace(ACCEPTED, takes=0.05))
    await run.run()
    assert_never_more([call.at for call in run.api.calls], 50, 60)


@pytest.mark.parametrize(
    ("rate", "retry_after", "pause"),
    [
        (["50/60s", "10/10s"], "7", 7),
        (["50/60s", "10/10s"], None, 60),
        (["5/10s"], None, 10),
        ("unlimited", None, 60),
        (["50/60s"], "Tue, 14 Nov 2023 22:15:00 GMT", 99.9),
    ],
)
async def test_a_limited_answer_pauses_the_whole_lane(rig, rate, retry_after, pause):
    run = rig(4, account={"rate": rate, "in_flight": 2}, retry={"attempts": 1})
    run.api.script("s/c0", says(429, "slow down", retry_after=retry_after))
    run.api.script("s/c1", None)
    await run.run()
    first, second, *later = run.api.started()
    assert (first, second) == (0, 0)
    assert min(later) == pytest.approx(0.1 + pause, abs=0.05)
    assert len(later) == 3


async def test_limited_answers_do_not_use_up_attempts(rig):
    run = rig(1, retry={"attempts": 1, "max_elapsed": "10m"})
    run.api.script("s/c0", *[says(429, retry_after="30")] * 5)
    await run.run()
    assert run.outcomes() == {"c0": STARTED}
    assert len(run.api.started()) == 6
    assert run.lane.limiter.pacer.snapshot().throttled == 5


async def test_a_documented_limit_text_pauses_the_lane_like_429(rig):
    run = rig(1)
    run.api.script("s/c0", says(403, "You have exceeded the per-minute rate limit"))
    await run.run()
    assert run.api.started() == pytest.approx([0, 60.1])


@pytest.mark.parametrize("step", [says(429, HOURLY, retry_after="5"), says(429, retry_after="3600")])
async def test_a_long_limit_stops_the_lane_and_holds_the_rest(rig, step):
    run = rig(3, account={"in_flight": 1})
    run.api.script("s/c1", step)
    stop = await run.run()
    assert stop.reason is StopReason.LIMITED
    assert run.outcomes() == {"c0": STARTED, "c1": STOPPED, "c2": STOPPED}
    assert run.state("s/c1") is State.RETRYABLE
    assert run.exit_code() == 12


async def test_a_refused_token_is_tried_once_more_as_a_new_attempt(rig):
    run = rig(2, account={"in_flight": 1}, retry={"attempts": 1})
    run.api.script("s/c0", says(401))
    stop = await run.run()
    assert stop is None
    assert [record.attempt for record in run.journal.of("intent") if record.campaign == "s/c0"] == [1, 2]
    assert run.outcomes() == {"c0": STARTED, "c1": STARTED}


async def test_a_token_refused_twice_stops_the_lane(rig):
    run = rig(3, account={"in_flight": 1})
    run.api.script("s/c1", says(401), says(401))
    stop = await run.run()
    assert stop.reason is StopReason.CREDENTIAL
    assert len(run.api.started("s/c1")) == 2
    assert run.outcomes() == {"c0": STARTED, "c1": STOPPED, "c2": STOPPED}


async def test_what_was_not_sent_is_tried_again_with_back_off(rig):
    run = rig(1, retry={"attempts": 4, "backoff": "1s..3s"})
    run.api.script("s/c0", UNSENT, UNSENT, UNSENT)
    await run.run()
    intents = [record.at - BASE for record in run.journal.of("intent")]
    assert intents == pytest.approx([0, 1, 3, 6])
    assert run.api.started() == pytest.approx([6])
    assert run.outcomes() == {"c0": STARTED}


async def test_what_is_never_sent_gives_up_after_its_attempts(rig):
    run = rig(2, retry={"attempts": 3}, account={"in_flight": 1})
    run.api.script("s/c0", *[UNSENT] * 9)
    stop = await run.run()
    assert stop is None
    assert len([r for r in run.journal.of("intent") if r.campaign == "s/c0"]) == 3
    assert run.outcomes() == {"c0": ("failed", "gave_up"), "c1": STARTED}
    assert run.state() is State.FAILED
    assert run.exit_code() == 10


async def test_what_is_never_sent_gives_up_after_its_time(rig):
    run = rig(1, retry={"attempts": 20, "backoff": "10s..10s", "max_elapsed": "25s"})
    run.api.script("s/c0", *[UNSENT] * 20)
    await run.run()
    assert len(run.journal.of("intent")) == 4
    assert run.outcomes() == {"c0": ("failed", "gave_up")}


async def test_an_expired_permit_sends_nothing_and_is_tried_again(rig):
    run = rig(1, timeouts={"total": "30s"})
    run.api.connecting = 31.0
    await run.run()
    assert run.api.started() == []
    assert run.api.prevented == ["this permit's deadline has passed"] * 4
    assert run.outcomes() == {"c0": ("failed", "gave_up")}


@pytest.mark.parametrize("status", [302, 400, 403, 404, 405, 412, 422])
async def test_a_refusal_fails_and_is_never_sent_again(rig, status):
    run = rig(1)
    run.api.script("s/c0", says(status, "no", payload={"message": "wrong state"}))
    await run.run()
    assert len(run.api.started()) == 1
    assert run.outcomes() == {"c0": ("failed", "rejected")}
    assert run.api.reads("status") == []


def test_a_call_that_may_still_arrive_frees_no_other_slot():
    pacer = Pacer((Window(50, 60.0),))
    for at in [*range(50), *range(70, 120)]:
        pacer.reserve(at)
        pacer.release(at)
    held = len(pacer.recent(131))
    pacer.reserve(131)
    pacer.release(160)  # it was sent at 130 and cut off; it arrives by 160 or never
    assert len(pacer.recent(131)) == held + 1
