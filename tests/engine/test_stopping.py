"""Signals, a failing journal, a lost lease and stop rules."""

import asyncio

import pytest

from orchestrator.core.journal.states import State
from orchestrator.errors import JournalWriteError
from orchestrator.model import Lane, Progress, Stop, StopReason
from tests.fakes import UNSENT, loses, says

STARTED = ("started", "accepted")
STOPPED = ("held", "stopped")
LANE_A = Lane("sandbox a1")


async def test_after_a_stop_nothing_starts_and_calls_in_flight_count(rig, stop_at, elapsed):
    run = rig(20, account={"in_flight": 4}, latency=5.0)
    stop_at(run, 2)
    stop = await run.run()
    assert stop.reason is StopReason.SIGINT
    assert run.api.started() == [0, 0, 0, 0]
    assert elapsed() == pytest.approx(5)
    outcomes = run.outcomes()
    assert [outcomes[f"c{i}"] for i in range(20)] == [STARTED] * 4 + [STOPPED] * 16
    assert run.exit_code() == 130


async def test_workers_that_wait_for_a_slot_end_at_once(rig, stop_at, elapsed):
    run = rig(20, account={"rate": ["2/60s"], "in_flight": 8})
    stop_at(run, 10)
    await run.run()
    assert elapsed() == pytest.approx(10)
    assert len(run.api.started()) == 2


async def test_workers_that_wait_for_a_limited_lane_end_at_once(rig, stop_at, elapsed):
    run = rig(20)
    run.api.script("s/c0", says(429, retry_after="500"))
    stop_at(run, 10)
    await run.run()
    assert elapsed() == pytest.approx(10)
    assert run.outcomes()["c0"] == STOPPED


async def test_workers_that_back_off_end_at_once(rig, stop_at, elapsed):
    run = rig(1, retry={"backoff": "60s..60s"})
    run.api.script("s/c0", UNSENT)
    stop_at(run, 10)
    await run.run()
    assert elapsed() == pytest.approx(10)
    assert run.state() is State.RETRYABLE
    assert run.outcomes() == {"c0": STOPPED}


async def test_a_stop_before_the_first_byte_sends_nothing(rig, stop_at):
    run = rig(3)
    run.api.connecting = 1.0
    stop_at(run, 0.5)
    await run.run()
    assert run.api.started() == []
    assert run.api.prevented == ["not sent: SIGINT received"] * 3
    assert set(run.outcomes().values()) == {STOPPED}


async def test_a_stop_while_the_intent_is_stored_sends_nothing(rig, stop_at):
    run = rig(1)
    run.journal.latency = 1.0
    asyncio.get_running_loop().call_at(2.5, run.stop_signal.set, Stop(StopReason.SIGTERM, "SIGTERM received"))
    await run.run()
    assert len(run.journal.of("intent")) == 1
    assert run.api.started() == []
    assert run.outcomes() == {"c0": STOPPED}
    assert run.exit_code() == 143


async def test_an_answer_lost_after_the_stop_stays_a_suspect(rig, stop_at):
    run = rig(1)
    run.api.script("s/c0", says(500, takes=5.0))
    stop_at(run, 1)
    await run.run()
    assert run.state() is State.SUSPECT
    assert run.outcomes() == {"c0": ("unknown", "open_intent")}
    assert run.exit_code() == 11


async def test_a_token_refused_after_the_stop_is_not_tried_again(rig, stop_at):
    run = rig(1)
    run.api.script("s/c0", says(401, takes=5.0))
    stop_at(run, 1)
    await run.run()
    assert len(run.api.started()) == 1
    assert run.outcomes() == {"c0": STOPPED}


async def test_a_lane_that_fails_after_the_stop_held_nothing(rig, stop_at):
    run = rig(3, account={"in_flight": 1})
    run.api.script("s/c0", says(401), says(401, takes=5.0))
    stop_at(run, 1)
    await run.run()
    assert len(run.observer.named("lane_stopped")) == 1
    assert set(run.messages().values()) == {"not started: SIGINT received"}


async def test_the_second_signal_leaves_intents_open(rig, stop_at, elapsed):
    run = rig(8, account={"in_flight": 4}, latency=100.0)
    stop_at(run, 1)
    task = asyncio.create_task(run.run())
    asyncio.get_running_loop().call_at(2, task.cancel)
    stop = await task
    assert stop.reason is StopReason.SIGINT
    assert elapsed() == pytest.approx(2)
    assert run.journal.of("verdict") == []
    assert run.journal.of("end")[0].data["stop"]["reason"] == "SIGINT"
    assert run.state() is State.INTENDED
    outcomes = run.outcomes()
    assert [outcomes[f"c{i}"] for i in range(8)] == [("unknown", "open_intent")] * 4 + [STOPPED] * 4


async def test_a_second_signal_does_not_lose_a_verdict_being_stored(rig, stop_at):
    run = rig(1)
    run.journal.latency = 3.0  # run and plan until 6, intent until 9, answer at 9.1, verdict until 12.1
    stop_at(run, 9.5)
    task = asyncio.create_task(run.run())
    asyncio.get_running_loop().call_at(10, task.cancel)
    await task
    assert run.outcomes() == {"c0": STARTED}


async def test_cancelling_without_a_stop_is_no_end_of_the_run(rig):
    run = rig(1, latency=100.0)
    task = asyncio.create_task(run.run())
    asyncio.get_running_loop().call_at(2, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert run.journal.of("end") == []
    assert run.state() is State.INTENDED


async def test_a_start_cut_short_holds_its_slot_until_it_cannot_arrive(rig, stop_at):
    run = rig(1, account={"rate": ["1/10s"]}, latency=25.0, timeouts={"total": "30s"})
    stop_at(run, 1)
    task = asyncio.create_task(run.run())
    asyncio.get_running_loop().call_at(20, task.cancel)
    await task
    assert run.lane.limiter.pacer.wait(run.clock.now()) >= 20  # at 20 of 30 seconds, and then the window


async def test_a_journal_that_takes_no_header_sends_nothing(rig):
    run = rig(1)
    run.journal.refuses = lambda _: True
    with pytest.raises(JournalWriteError):
        await run.run()
    assert run.api.calls == []


async def test_a_journal_that_takes_no_intent_stops_the_run_unsent(rig):
    run = rig(20)
    run.journal.refuses = lambda record: record.kind == "intent"
    stop = await run.run()
    assert stop.reason is StopReason.JOURNAL
    assert run.api.started() == []
    assert run.deps.states.unrecorded == []
    assert set(run.outcomes().values()) == {STOPPED}
    assert run.exit_code() == 13


async def test_a_journal_that_takes_no_verdict_stops_the_run_intact(rig, elapsed):
    run = rig(20, account={"in_flight": 4})
    run.api.script("s/c3", says(400, takes=5.0))
    run.journal.refuses = lambda record: record.kind == "verdict"
    stop = await run.run()
    assert stop.reason is StopReason.JOURNAL
    assert len(run.api.started()) == 4
    assert elapsed() == pytest.approx(5)
    told = {record.campaign: record.data["event"] for record in run.deps.states.unrecorded}
    assert told == {"s/c0": "accepted", "s/c1": "accepted", "s/c2": "accepted", "s/c3": "rejected"}
    assert run.outcomes()["c0"] == ("unknown", "open_intent")
    assert run.exit_code() == 13


async def test_a_journal_that_takes_no_judgement_stops_the_run(rig):
    run = rig(1)
    run.api.script("s/c0", loses(Progress.SENDING))
    run.journal.refuses = lambda record: record.kind == "no_evidence"
    stop = await run.run()
    assert stop.reason is StopReason.JOURNAL
    assert [record.kind for record in run.deps.states.unrecorded] == ["no_evidence"]
    assert run.state() is State.SUSPECT


async def test_a_journal_that_takes_no_end_is_the_stop_of_the_run(rig):
    run = rig(1)
    run.journal.refuses = lambda record: record.kind == "end"
    await run.run()
    assert run.stop_signal.stop.reason is StopReason.JOURNAL


async def test_a_journal_that_breaks_after_a_signal_is_the_reason(rig, stop_at):
    run = rig(1, latency=5.0)
    run.journal.refuses = lambda record: record.kind == "verdict"
    stop_at(run, 1)
    await run.run()
    assert len(run.deps.states.unrecorded) == 1
    assert run.stop_signal.stop.reason is StopReason.JOURNAL  # 13 > 11 > 130 (design section 6)


async def test_a_lost_lease_stops_its_lane_alone(rig):
    accounts = {name: {"account_id": number, "rate": "unlimited"} for name, number in (("acme", "a1"), ("bell", "a2"))}
    campaigns = [{"stream": "s", "campaign": f"a{i}"} for i in range(3)]
    campaigns += [{"stream": "s", "campaign": f"b{i}", "account": "bell"} for i in range(3)]
    run = rig(campaigns, accounts=accounts)
    run.journal.lost.add(LANE_A)
    stop = await run.run()
    assert stop.reason is StopReason.LEASE_LOST
    assert run.outcomes() == {f"a{i}": STOPPED for i in range(3)} | {f"b{i}": STARTED for i in range(3)}
    assert len(run.api.started()) == 3


async def test_a_lease_lost_in_mid_run_holds_the_rest(rig):
    run = rig(5, account={"in_flight": 1})
    asyncio.get_running_loop().call_at(0.15, run.journal.lost.add, LANE_A)
    stop = await run.run()
    assert stop.reason is StopReason.LEASE_LOST
    assert run.api.started() == pytest.approx([0, 0.1])
    assert [run.outcomes()[f"c{i}"] for i in (0, 2, 3, 4)] == [STARTED, STOPPED, STOPPED, STOPPED]
    assert run.outcomes()["c1"] == ("unknown", "open_intent")  # its verdict came late, beside the journal's moves


@pytest.mark.parametrize(
    ("rules", "sent"),
    [
        ({"failed": 1}, 1),
        ({"failed": 3}, 3),
        ({"failed": "50%", "min_sample": 4}, 4),
        ({"failed": "1%", "min_sample": 10}, 10),
        ({"unknown": 1}, 10),
        (None, 10),
    ],
)
async def test_a_run_stops_when_too_many_failed(rig, rules, sent):
    run = rig(10, account={"in_flight": 1}, **({"stop_when": rules} if rules else {}))
    for i in range(10):
        run.api.script(f"s/c{i}", says(400))
    stop = await run.run()
    assert len(run.api.started()) == sent
    assert list(run.outcomes().values()).count(STOPPED) == 10 - sent
    assert (stop is not None and stop.reason is StopReason.RULE) == (rules not in (None, {"unknown": 1}))


async def test_a_run_stops_when_too_many_are_unknown_in_any_lane(rig):
    accounts = {name: {"account_id": name, "rate": ["1/50s"], "in_flight": 1} for name in ("acme", "bell")}
    campaigns = [{"stream": "s", "campaign": f"{n[0]}{i}", "account": n} for n in accounts for i in range(9)]
    run = rig(campaigns, accounts=accounts, stop_when={"unknown": 1}, probe={"settle": "0s"})
    run.api.script("s/a0", says(500))
    stop = await run.run()
    assert stop.reason is StopReason.RULE
    assert run.outcomes()["a0"] == ("unknown", "no_evidence")
    assert run.outcomes()["b8"] == STOPPED
    assert run.exit_code() == 11


async def test_a_rule_reads_starts_as_attempts_too(rig):
    run = rig(10, account={"in_flight": 1}, stop_when={"failed": "20%", "min_sample": 5})
    run.api.script("s/c0", says(400))
    stop = await run.run()
    assert stop.reason is StopReason.RULE
    assert len(run.api.started()) == 5
