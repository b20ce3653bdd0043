"""A lane whose starts get lost one after the other holds the rest, and looks with reads."""

import asyncio

import pytest

from orchestrator.model import LiveState, Progress, Stop, StopReason
from tests.fakes import UNSENT, loses, says

BREAKER = {"opens_after": 3, "looks_every": "30s", "gives_up_after": "100s"}
STARTED = ("started", "accepted")
STOPPED = ("held", "stopped")
NOT_READABLE = says(503)


def broken(rig, campaigns, lost, **changes):
    run = rig(campaigns, account={"in_flight": 1}, breaker=BREAKER, probe={"settle": "0s"},
              preflight={"check": "status"}, retry={"attempts": 1}, **changes)  # fmt: skip
    for key in lost:
        run.api.script(f"s/{key}", loses(Progress.SENDING))
    return run


async def test_after_lost_starts_the_rest_is_held_until_a_read_works(rig):
    run = broken(rig, 6, ["c0", "c1", "c2"])
    stop = await run.run()
    starts = run.api.started()
    assert stop is None
    assert starts[3] - starts[2] == pytest.approx(30.2, abs=0.2)
    assert any(starts[2] + 30 < at < starts[3] for at in run.api.reads("status"))
    assert [event["worked"] for event in run.observer.named("breaker_looked")] == [True]
    assert len(run.observer.named("breaker_closed")) == 1
    assert [run.outcomes()[f"c{n}"][0] for n in range(6)] == ["unknown"] * 3 + ["started"] * 3


async def test_while_reads_fail_no_start_leaves_until_the_lane_stops(rig, elapsed):
    run = broken(rig, 6, ["c0", "c1", "c2"])
    run.api.read_steps.extend([None] * 6 + [NOT_READABLE] * 20)  # the probes' reads work
    stop = await run.run()
    assert stop.reason is StopReason.BREAKER
    assert len(run.api.started()) == 3
    assert "no read has worked for 1 min 40 s" in stop.detail
    assert 100 <= elapsed() < 160
    assert [run.outcomes()[f"c{n}"] for n in range(3, 6)] == [STOPPED] * 3


async def test_a_lost_start_reopens_it_and_the_third_time_is_final(rig):
    run = broken(rig, 9, ["c0", "c1", "c2", "c3", "c4", "c5"])
    stop = await run.run()
    assert stop.reason is StopReason.BREAKER
    assert len(run.api.started()) == 5  # three, and one for each of two looks
    assert [event["lost"] for event in run.observer.named("breaker_opened")] == [3, 4, 5]


async def test_after_a_read_one_start_goes_and_its_answer_frees_others(rig):
    run = rig(20, account={"in_flight": 8}, breaker={**BREAKER, "opens_after": 8}, probe={"settle": "0s"}, latency=5.0)
    for n in range(8):
        run.api.script(f"s/c{n}", loses(Progress.SENDING))
    await run.run()
    starts = run.api.started()
    assert starts[:8] == [0] * 8
    assert starts[9] - starts[8] == pytest.approx(5)
    assert starts[9:16] == pytest.approx([starts[9]] * 7)


async def test_what_could_not_be_sent_counts_too_and_costs_no_campaign(rig):
    run = rig(2, account={"in_flight": 2}, breaker=BREAKER, retry={"attempts": 4, "backoff": "1s..1s"})
    run.api.script("s/c0", UNSENT, UNSENT)
    run.api.script("s/c1", UNSENT, UNSENT)
    stop = await run.run()
    assert stop is None
    assert set(run.outcomes().values()) == {STARTED}
    assert len(run.observer.named("breaker_opened")) == 1
    assert min(run.api.started()) > 30


async def test_any_answer_in_between_begins_the_count_again(rig):
    run = broken(rig, 7, ["c0", "c1", "c3", "c4", "c6"])
    run.api.script("s/c2", says(400))
    await run.run()
    assert run.observer.named("breaker_opened") == []
    assert len(run.api.started()) == 7


async def test_a_start_still_connecting_as_the_breaker_opens_is_unsent(rig):
    run = rig(4, account={"in_flight": 2}, breaker={**BREAKER, "opens_after": 1}, retry={"attempts": 1})
    run.api.script("s/c0", loses(Progress.SENDING, takes=5.0))
    asyncio.get_running_loop().call_at(0.05, setattr, run.api, "connecting", 10.0)  # for c2, from 0.1 to 10.1
    await run.run()
    assert run.api.prevented == ["not sent: the starts before it got lost"]
    assert run.outcomes()["c2"] == STARTED  # although it has one attempt only
    assert min(run.api.started("s/c2") + run.api.started("s/c3")) > 35


async def test_a_stop_ends_the_wait_of_a_held_lane(rig, stop_at, elapsed):
    run = broken(rig, 6, ["c0", "c1", "c2"])
    stop_at(run, 10)
    stop = await run.run()
    assert stop.reason is StopReason.SIGINT
    assert elapsed() == pytest.approx(10)
    assert len(run.api.started()) == 3


async def test_lanes_have_breakers_of_their_own(rig):
    accounts = {name: {"account_id": name, "rate": "unlimited", "in_flight": 1} for name in ("acme", "bell")}
    campaigns = [{"stream": n, "campaign": f"{n}{i}", "account": n} for n in accounts for i in range(5)]
    run = rig(campaigns, accounts=accounts, breaker=BREAKER, probe={"settle": "0s"})
    for n in range(3):
        run.api.script(f"acme/acme{n}", loses(Progress.SENDING, then=LiveState("Active")))
    await run.run()
    assert max(at for n in range(5) for at in run.api.started(f"bell/bell{n}")) < 1
    assert min(run.api.started("acme/acme3")) > 30


async def test_starts_queued_as_the_breaker_opens_get_no_permit(rig):
    breaker = {"opens_after": 1, "looks_every": "1h"}
    run = rig(6, account={"in_flight": 4, "rate": ["1/20s"]}, breaker=breaker, probe={"settle": "0s"})
    run.api.script("s/c0", loses(Progress.SENDING))
    asyncio.get_running_loop().call_at(1000, run.stop_signal.set, Stop(StopReason.SIGINT, "SIGINT received"))
    await run.run()
    assert len(run.journal.of("intent")) == 1
