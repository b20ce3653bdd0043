"""Who waits for a slot looks again whenever its time has changed, and sleeps otherwise."""

import asyncio

import pytest
import pytest_asyncio

from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.stop_signal import LaneStop, StopSignal
from orchestrator.model import Lane, Reply, Window
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
def limiter(clock, pacer):
    observer, lane = RecordingObserver(), Lane("sandbox a1")
    stop = LaneStop(StopSignal(), lane, "acme", observer)
    return RateLimiter(pacer, clock, stop, observer=observer, lane=lane, patience=600.0)


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
