"""Who waits for a slot looks again whenever its time has changed, and sleeps otherwise."""

import asyncio

import pytest
import pytest_asyncio

from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.model import Window
from orchestrator.rehearsal.virtual_loop import VirtualClock
from tests.fakes import BASE


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
def gate(clock, pacer):
    return RateLimiter(pacer, clock, StopSignal(), lambda: True)


async def entered(gate, clock):
    await gate.enter()
    return clock.now() - BASE


async def test_a_reply_wakes_the_one_who_waits_for_it(gate, clock):
    await gate.enter()
    await gate.enter()
    third = asyncio.create_task(entered(gate, clock))
    await asyncio.sleep(5)
    gate.leave(clock.now())
    assert await third == pytest.approx(15, abs=0.1)


async def test_a_reply_that_frees_a_slot_earlier_than_a_lost_call_wakes_the_one_who_waits(gate, clock):
    await gate.enter()
    await gate.enter()
    gate.leave(clock.now() + 30)  # a call without a reply, which may arrive until then
    third = asyncio.create_task(entered(gate, clock))
    await asyncio.sleep(1)
    gate.leave(clock.now())
    assert await third == pytest.approx(11, abs=0.1)


async def test_a_reply_that_changes_nothing_wakes_nobody(gate, clock, pacer):
    await gate.enter()
    gate.leave(clock.now())
    await gate.enter()
    third = asyncio.create_task(entered(gate, clock))
    await asyncio.sleep(1)
    before = pacer.looks
    gate.leave(clock.now())
    await asyncio.sleep(1)
    assert pacer.looks == before + 1  # by the one who left
    assert await third == pytest.approx(10, abs=0.1)


async def test_a_limited_call_holds_the_one_who_waits(gate, clock):
    await gate.enter()
    await gate.enter()
    gate.leave(clock.now())
    third = asyncio.create_task(entered(gate, clock))
    await asyncio.sleep(1)
    gate.pause(60)
    gate.leave(clock.now())
    assert await third == pytest.approx(61, abs=0.1)
