"""Accounts read in rounds: how many calls that takes, who goes first, and what is found."""

import asyncio
from dataclasses import replace

import pytest

from orchestrator.core.delivery.delivery import deliveries
from orchestrator.core.delivery.goal import Goal
from orchestrator.core.delivery.readings import FOLLOW
from orchestrator.core.journal.lease import Holder
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import CredentialError
from orchestrator.model import Stop, StopReason
from orchestrator.rehearsal.network import Answer, CallFate
from orchestrator.sandbox import people
from tests.fakes import BASE
from tests.following import Following, campaigns


def journaled(world):
    return deliveries(world.store.read("spring"))


def states(world):
    return {key: (str(one.state), one.sent) for key, one in journaled(world).items()}


async def test_all_is_read_until_all_is_completed(elapsed):
    world = Following(campaigns(3, recipients=150))
    world.start_all()
    rounds = world.rounds()
    await rounds.run()

    assert states(world) == {f"s0/c0000{n}": ("completed", 150) for n in range(3)}
    assert world.calls == 4  # at 0, 60, 120 and 180 seconds
    assert elapsed() == pytest.approx(180, abs=5)


async def test_10_000_campaigns_take_200_calls_a_round():
    world = Following(campaigns(10_000, streams=20, recipients=60 * 60), rate=["1000/60s"], limit=(1000, 60.0))
    world.start_all()
    rounds = world.rounds(every=600.0, timeout=1200.0)
    await rounds.run()

    # Rounds at 0, 600 and 1,200 seconds; ended campaigns of a page cost it nothing more.
    assert world.calls <= 3 * 200
    assert len(world.store.read("spring")) == 3
    assert len(journaled(world)) == 10_000
    assert all(one.sent >= 1150 for one in journaled(world).values())


async def test_only_pages_with_something_unfinished_are_asked_for():
    first, second = campaigns(50, recipients=10), campaigns(150, recipients=100_000)[50:]
    world = Following([*first, *second], rate="unlimited", limit=(10_000, 60.0))
    world.start_all()
    await world.rounds(timeout=600.0).run()

    assert world.calls == 3 + 10 * 2 + 1  # page 1 is at its end after the second round


async def test_a_round_at_the_platforms_rate_is_never_over_it(elapsed):
    world = Following(campaigns(2000, streams=4, recipients=100_000), limit=(50, 60.0))
    world.start_all()
    await world.rounds(timeout=200.0).run()

    assert world.platform.arrivals["a1"].throttled == 0
    assert world.platform.arrivals["a1"].peak <= 50
    assert len(journaled(world)) == 2000


async def test_readings_are_what_the_platform_has_told():
    world = Following(campaigns(120, recipients=700), per_minute=6000.0)
    world.start_all()
    await world.rounds(every=20.0).run()

    told = [(at, listed) for at, listed in world.lists]
    for record in world.store.read("spring"):
        for one in deliveries([record]).items():
            key, found = one
            at, listed = max((pair for pair in told if pair[0] <= found.read_at and key in pair[1]), key=lambda p: p[0])
            assert listed[key] == (found.status, found.sent)
            assert found.read_at - at < 1


async def test_a_follower_that_comes_later_goes_on_from_the_journal():
    world = Following(campaigns(60, recipients=600))
    world.start_all()
    await world.rounds(timeout=120.0).run()
    begun = len(world.store.read("spring"))
    await world.rounds().run()

    assert begun == 3
    assert set(states(world).values()) == {("completed", 600)}
    assert {record.run_id for record in world.store.read("spring")} == {"f-1", "f-2"}


async def test_a_killed_follower_loses_one_round_at_most():
    world = Following(campaigns(60, recipients=600))
    world.start_all()
    task = asyncio.create_task(world.rounds().run())
    await asyncio.sleep(150)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert [one.read_at - BASE for one in journaled(world).values()] == pytest.approx([120] * 60, abs=2)


async def test_what_is_stopped_paused_or_gone_ends_the_wait(elapsed):
    world = Following(campaigns(4, recipients=1000))
    world.start_all()
    for n, act in enumerate((people.stop, people.pause, people.remove)):
        world.at(
            100 + n,
            lambda n=n, act=act: act(world.platform, world.platform.campaign("s0", f"c0000{n}"), BASE + 100 + n),
        )
    await world.rounds().run()

    found = journaled(world)
    assert [str(found[f"s0/c0000{n}"].state) for n in range(4)] == ["stopped", "paused", "gone", "completed"]
    # The platform forgets what a stopped campaign has sent; its last reading is kept.
    assert [found[f"s0/c0000{n}"].sent for n in range(4)] == [60, 101, 60, 1000]
    assert [one["state"] for one in world.observer.named("delivery_ended")][:3] == ["stopped", "paused", "gone"]


async def test_a_campaign_is_gone_at_the_second_sight_only():
    world = Following(campaigns(60, recipients=100_000))
    world.start_all()
    world.platform.remove(world.campaign(0), BASE)
    await world.rounds(timeout=0.0).run()
    assert "s0/c00000" not in journaled(world)

    world = Following(campaigns(60, recipients=100_000))
    world.start_all()
    world.platform.remove(world.campaign(0), BASE)
    await world.rounds(timeout=60.0).run()
    assert journaled(world)["s0/c00000"].state == "gone"


async def test_a_campaign_that_moved_to_another_page_is_found():
    world = Following(campaigns(120, recipients=100_000), rate="unlimited", limit=(10_000, 60.0))
    world.start_all()
    remove = [world.campaign(n) for n in range(30)]
    world.at(30, lambda: [world.platform.remove(one, BASE + 30) for one in remove])
    await world.rounds(timeout=120.0).run()

    found = journaled(world)
    assert [str(found[f"s0/c{n:05}"].state) for n in (0, 29, 30, 119)] == ["gone", "gone", "active", "active"]


async def test_a_share_of_the_recipients_can_be_the_goal(elapsed):
    world = Following(campaigns(2, recipients=1000))
    world.start_all()
    rounds = world.rounds(goal=Goal.parse("sent:50%"))
    await rounds.run()

    assert elapsed() == pytest.approx(540, abs=5)
    assert all(Goal.parse("sent:50%").is_reached(one) for one in rounds.deliveries.all().values())


async def test_time_that_is_up_ends_it(elapsed):
    world = Following(campaigns(1, recipients=100_000))
    world.start_all()
    rounds = world.rounds(timeout=150.0)
    await rounds.run()

    assert rounds.timed_out
    assert elapsed() == pytest.approx(150, abs=2)


async def test_a_pause_the_platform_asks_for_outlasts_no_timeout(elapsed):
    world = Following(campaigns(1, recipients=100_000))
    world.start_all()
    world.fate = lambda _: CallFate(refused=Answer(429, {}, retry_after="86400"))
    rounds = world.rounds(timeout=150.0)
    await rounds.run()

    assert rounds.timed_out
    assert elapsed() == pytest.approx(150, abs=2)
    assert len(world.observer.named("follow_skipped")) == 1


async def test_a_signal_ends_it_and_gives_the_account_back():
    world, signal = Following(campaigns(1, recipients=100_000)), StopSignal()
    world.start_all()
    world.at(70, lambda: signal.set(Stop(StopReason.SIGINT, "SIGINT received")))
    await world.rounds(signal).run()

    assert len(world.store.read("spring")) == 2
    world.store.acquire([world.lane], Holder("r-1", "other", "here", 1), world.clock.now())


# Stalls.


async def test_a_stalled_campaign_is_an_alarm_once():
    world = Following(campaigns(2, recipients=10_000))
    stalled = replace(world.campaign(0), stalls_after=30)
    world.platform.put(stalled)
    world.start_all()
    await world.rounds(timeout=3600.0).run()

    alarms = world.observer.named("delivery_stalled")
    assert [(one["campaign"], one["sent"]) for one in alarms] == [("s0/c00000", 30)]
    assert journaled(world)["s0/c00000"].is_stalled
    assert not journaled(world)["s0/c00001"].is_stalled


async def test_calling_hours_are_asked_for_once_and_only_of_suspects():
    hours = {"timezone": "UTC", "days": [{"day": "SU", "start": "09:00", "end": "09:01"}]}
    world = Following(campaigns(2, recipients=10_000, calling_hours=hours))
    world.platform.put(replace(world.campaign(0), stalls_after=30))
    world.start_all()
    await world.rounds(timeout=3600.0).run()
    calls = world.calls

    assert world.observer.named("delivery_stalled") == []  # closed on this day
    assert calls == 61 + 1
    await world.rounds(timeout=1800.0).run()
    assert world.calls == calls + 31  # a later follower knows them from the journal
    assert [record.kind for record in world.store.read("spring")] == [FOLLOW] * (61 + 31)


# Other runs, and failures.


async def test_while_a_run_has_the_account_nothing_is_read():
    world = Following(campaigns(1, recipients=100_000))
    world.start_all()
    run = Holder("r-1", "other", "here", 1)
    world.store.acquire([world.lane], run, world.clock.now())
    for at in (20, 40, 60, 80):  # it is alive
        world.at(at, lambda: world.store.commit([], "r-1", {world.lane: 1}, world.clock.now()))
    world.at(90, lambda: world.store.release("r-1", {world.lane: []}, BASE + 90))
    await world.rounds(timeout=130.0).run()

    assert [one[0] - BASE for one in world.lists] == pytest.approx([120, 130], abs=3)
    skipped = world.observer.named("follow_skipped")
    assert len(skipped) == 1
    assert "in use by run r-1 of launch other" in skipped[0]["message"]


async def test_an_account_is_free_again_within_seconds_of_a_round():
    world = Following(campaigns(2000, streams=40, recipients=100_000))
    world.start_all()
    task = asyncio.create_task(world.rounds().run())
    held = []
    for _ in range(400):
        await asyncio.sleep(0.25)
        lease = world.store._leases[world.lane]
        held.append(bool(lease.holder.run_id))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    longest = max(map(len, "".join(" X"[one] for one in held).split()))
    assert any(held)
    assert longest * 0.25 <= 4


async def test_a_list_that_cannot_be_read_is_read_in_the_next_round():
    world = Following(campaigns(2, streams=2, recipients=100_000))
    world.start_all()
    ordinary, broken = world.fate, CallFate(answer=Answer(500, {"errors": [{"msg": "oops", "code": 500}]}))
    world.fate = lambda call: broken if call.stream == "s1" and world.clock.now() < BASE + 30 else ordinary(call)
    await world.rounds(timeout=60.0).run()

    assert set(states(world)) == {"s0/c00000", "s1/c00001"}
    assert "oops" in world.observer.named("follow_skipped")[0]["message"]
    assert [one["unread"] for one in world.observer.named("follow_read")] == [1, 0]


async def test_a_limited_call_makes_the_follower_wait_a_window():
    world = Following(campaigns(2, streams=2, recipients=100_000))
    world.start_all()
    ordinary, limited = world.fate, CallFate(limited=True)
    world.fate = lambda call: limited if world.clock.now() < BASE + 1 else ordinary(call)
    await world.rounds(timeout=80.0).run()

    assert world.lists[0][0] >= BASE + 1


async def test_a_limited_call_ends_the_turn():
    world, asked = Following(campaigns(3, streams=3, recipients=100_000), rate="unlimited"), []
    world.start_all()
    world.fate = lambda _: asked.append(world.clock.now()) or CallFate(refused=Answer(429, {}, retry_after="20"))
    await world.rounds(timeout=50.0).run()

    assert [round(at - BASE) for at in asked] == [0, 20, 40]


async def test_a_rejected_credential_ends_it():
    world = Following(campaigns(5, streams=5, recipients=100_000))
    world.start_all()
    refused = CallFate(refused=Answer(401, {"errors": [{"msg": "Invalid SDK credentials", "code": 4002}]}))
    world.fate = lambda _: refused
    with pytest.raises(CredentialError, match="account acme"):
        await world.rounds().run()
    assert world.calls == 3


async def test_a_rejected_credential_ends_it_with_one_stream_too():
    world = Following(campaigns(5, recipients=100_000))
    world.start_all()
    refused = CallFate(refused=Answer(401, {"errors": [{"msg": "Invalid SDK credentials", "code": 4002}]}))
    world.fate = lambda _: refused
    with pytest.raises(CredentialError, match="account acme"):
        await world.rounds().run()
    assert world.calls == 3  # one in each round
