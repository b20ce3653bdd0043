"""Who waits for a slot looks again whenever its time has changed, and sleeps otherwise."""

import asyncio

import pytest
import pytest_asyncio

from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine.door import Door
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.stop_signal import LaneStop, StopRequested, StopSignal
from orchestrator.model import Lane, Reply, StopReason, Window
from orchestrator.rehearsal.virtual_loop import VirtualClock
from tests.fakes import BASE, RecordingObserver


class CountingPacer(Pacer):
    """Counts how often somebody takes a look."""

    looks = 0

    def wait(self, now):
        self.looks += 1
        return super().wait(now)


@pytest_asyncio.fixture
async def clock():
    return VirtualClock(BASE, asyncio.get_running_loop())


@pytest.fixture
def pacer():
    return CountingPacer((Window(2, 10.0),))


@pytest.fixture
def door():
    return Door(2)


@pytest.fixture
def stop():
    return LaneStop(StopSignal(), Lane("sandbox a1"), "acme", RecordingObserver())


@pytest.fixture
def limiter(clock, pacer, stop, door):
    return RateLimiter(
        pacer, clock, stop, observer=RecordingObserver(), lane=Lane("sandbox a1"), patience=600.0, door=door
    )


def nothing_forbids():
    """May the call leave? It may."""


async def entered(limiter, clock):
    await limiter.acquire(nothing_forbids)
    return clock.now() - BASE


async def test_a_reply_wakes_the_one_who_waits_for_it(limiter, clock):
    await limiter.acquire(nothing_forbids)
    await limiter.acquire(nothing_forbids)
    third = asyncio.create_task(entered(limiter, clock))
    await asyncio.sleep(5)
    limiter.release(clock.now())
    assert await third == pytest.approx(15, abs=0.1)


async def test_a_reply_that_frees_a_slot_early_wakes_the_waiter(limiter, clock):
    await limiter.acquire(nothing_forbids)
    await limiter.acquire(nothing_forbids)
    limiter.release(clock.now() + 30)  # a call without a reply, which may arrive until then
    third = asyncio.create_task(entered(limiter, clock))
    await asyncio.sleep(1)
    limiter.release(clock.now())
    assert await third == pytest.approx(11, abs=0.1)


async def test_a_reply_that_changes_nothing_wakes_nobody(limiter, clock, pacer):
    await limiter.acquire(nothing_forbids)
    limiter.release(clock.now())
    await limiter.acquire(nothing_forbids)
    third = asyncio.create_task(entered(limiter, clock))
    await asyncio.sleep(1)
    before = pacer.looks
    limiter.release(clock.now())
    await asyncio.sleep(1)
    assert pacer.looks == before + 1  # by the one who left
    assert await third == pytest.approx(10, abs=0.1)


async def test_a_limited_call_holds_the_one_who_waits(limiter, clock):
    await limiter.acquire(nothing_forbids)
    await limiter.acquire(nothing_forbids)
    limiter.release(clock.now())
    third = asyncio.create_task(entered(limiter, clock))
    await asyncio.sleep(1)
    limiter.on_limited(Reply(429, None, "", BASE, 0.1, retry_after="60"))
    limiter.release(clock.now())
    assert await third == pytest.approx(61, abs=0.1)


async def test_one_who_sleeps_for_the_rate_keeps_no_place(limiter, clock, door):
    await limiter.acquire(nothing_forbids)
    await limiter.acquire(nothing_forbids)
    limiter.release(clock.now())
    limiter.release(clock.now())
    third = asyncio.create_task(entered(limiter, clock))
    await asyncio.sleep(5)
    assert repr(door) == "<Door: 0 of 2 inside, 0 waiting>"
    await third


async def test_a_call_that_waits_for_a_place_takes_no_slot(limiter, clock, pacer, door):
    assert door.enter(print)
    assert door.enter(print)
    first = asyncio.create_task(entered(limiter, clock))
    await asyncio.sleep(30)
    assert (repr(door), pacer.snapshot().calls) == ("<Door: 2 of 2 inside, 1 waiting>", 0)
    door.leave()
    assert await first == 30


async def test_a_call_that_is_forbidden_gives_its_place_back(limiter, door):
    def forbids():
        raise RuntimeError("not now")

    with pytest.raises(RuntimeError, match="not now"):
        await limiter.acquire(forbids)
    assert repr(door) == "<Door: 0 of 2 inside, 0 waiting>"


async def test_a_stop_reaches_those_who_wait_for_a_place(limiter, clock, door, stop):
    assert door.enter(print)
    assert door.enter(print)
    waiting = asyncio.create_task(entered(limiter, clock))
    await asyncio.sleep(1)
    stop.stop_lane(StopReason.RULE, "enough")
    with pytest.raises(StopRequested):
        await waiting
    assert repr(door) == "<Door: 2 of 2 inside, 0 waiting>"


async def test_a_limit_takes_a_lane_out_of_the_line(limiter, clock, door):
    assert door.enter(print)
    await limiter.acquire(nothing_forbids)
    waiting = asyncio.create_task(entered(limiter, clock))
    await asyncio.sleep(1)
    assert repr(door) == "<Door: 2 of 2 inside, 1 waiting>"
    limiter.on_limited(Reply(429, {}, "", clock.now(), 0.0, retry_after="30"))
    await asyncio.sleep(1)
    assert repr(door) == "<Door: 2 of 2 inside, 0 waiting>"
    limiter.release(clock.now())
    assert await waiting == pytest.approx(31, abs=0.1)
