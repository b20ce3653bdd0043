import pytest

from orchestrator.core.delivery.delivery import Deliveries
from orchestrator.core.delivery.readings import FOLLOW, round_of
from orchestrator.core.plan.stop_plan import StopJob, stops
from orchestrator.engine.stop_sender import StopSender
from orchestrator.errors import JournalWriteError
from orchestrator.model import LiveState, Progress
from tests.fakes import loses, says


async def stop(rig, *, number=1):
    jobs = [StopJob(target, number) for target in rig.targets]
    await StopSender(rig.deps, rig.lanes, "ann", "wrong list").run(jobs)
    return {key: one.is_confirmed for key, one in stops(rig.journal.records).items()}


async def test_each_stop_is_journaled_before_and_after_it_is_sent(rig):
    rig = rig(2)
    assert await stop(rig) == {"s/c0": True, "s/c1": True}
    kinds = [(record.campaign, record.kind) for record in rig.journal.records]
    assert kinds.index(("s/c0", "stop_intent")) < kinds.index(("s/c0", "stop_reply"))
    assert rig.journal.of("stop_intent")[0].data == {"by": "ann", "reason": "wrong list"}
    assert rig.api.started() == []


async def test_stops_keep_the_accounts_rate(rig):
    rig = rig(6, account={"rate": ["2/10s"]})
    await stop(rig)
    left = rig.api.reads("stop")
    assert len(left) == 6
    assert all(late - early > 10 for early, late in zip(left, left[2:], strict=False))


async def test_a_stop_whose_answer_was_lost_is_sent_again(rig):
    rig = rig(1)
    rig.api.script("stop s/c0", loses(Progress.SENDING), says(502), says(429, retry_after="1"))
    assert await stop(rig) == {"s/c0": True}
    assert len(rig.api.reads("stop")) == 4
    assert len(rig.journal.of("stop_intent")) == 1


async def test_what_is_refused_or_never_answered_is_not_confirmed(rig):
    rig = rig(2, retry={"attempts": 2})
    rig.api.script("stop s/c0", says(400, payload={"errors": [{"msg": "Campaign not found"}]}))
    rig.api.script("stop s/c1", *[loses(Progress.SENDING)] * 2)
    assert await stop(rig) == {"s/c0": False, "s/c1": False}
    assert "Campaign not found" in stops(rig.journal.records)["s/c0"].message


async def test_a_rejected_token_ends_the_lane(rig):
    rig = rig(20)
    for n in range(20):
        rig.api.script(f"stop s/c{n}", *[says(401)] * 2)
    found = await stop(rig)
    assert not any(found.values())
    assert len(rig.api.reads("stop")) <= 8


async def read_and_stop(rig):
    jobs = [StopJob(target, 1) for target in rig.targets]
    await StopSender(rig.deps, rig.lanes, "ann", "wrong list").run(jobs, Deliveries())
    assert all(one.is_confirmed for one in stops(rig.journal.records).values())


async def test_what_was_sent_is_journaled_before_the_first_stop(rig):
    rig = rig(2)
    rig.api.live["s/c0"] = LiveState("Active", instance_id="i1", messages_sent=50)
    await read_and_stop(rig)
    assert rig.journal.records[0].kind == FOLLOW
    assert [one.sent for one in round_of(rig.journal.of(FOLLOW)[0]).readings] == [50, None]


async def test_an_account_that_is_limited_holds_up_no_other_one(rig):
    two = {"acme": {"account_id": "a1", "rate": "unlimited"}, "bell": {"account_id": "a2", "rate": "unlimited"}}
    campaigns = [{"stream": "s", "campaign": "c0"}, {"stream": "t", "campaign": "c1", "account": "bell"}]
    rig = rig(campaigns, accounts=two)
    rig.api.read_steps.append(says(429, retry_after="20"))
    await read_and_stop(rig)
    assert rig.api.reads("stop") == pytest.approx([0.1, 20.1], abs=1)


async def test_a_long_list_does_not_hold_up_stops_for_long(rig):
    rig = rig(5000, account={"rate": ["10/10s"]})
    jobs = [StopJob(rig.targets[-1], 1)]
    await StopSender(rig.deps, rig.lanes, "ann", "wrong list").run(jobs, Deliveries())
    assert rig.api.reads("stop")[0] < 45


async def test_a_signal_ends_the_stops_that_wait(rig, stop_at):
    rig = rig(5, account={"rate": ["1/60s"]})
    stop_at(rig, 70)
    found = await stop(rig)
    assert len(rig.api.reads("stop")) == 2
    assert sum(found.values()) == 2


async def test_without_a_journal_no_stop_is_sent(rig):
    rig = rig(3)
    rig.journal.refuses = lambda _: True
    with pytest.raises(JournalWriteError):
        await stop(rig)
    assert rig.api.calls == []


async def test_without_the_lane_no_stop_is_sent(rig):
    rig = rig(2)
    rig.journal.lost.add(rig.lane.lane)
    await stop(rig)
    assert rig.api.calls == []
