"""Lanes whose last holder's clock was ahead: watched for a sign of life, then taken or refused."""

import asyncio
import os
from contextlib import closing

import pytest

from orchestrator import run_launch
from orchestrator.app.cancellation import Interrupted
from orchestrator.app.lanes import acquire_lanes
from orchestrator.core.journal.lease import LEASE_SECONDS, WATCH_SECONDS, Holder, LeaseDoubted, Moment
from orchestrator.engine.run import lanes_in_use
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.errors import LaneLeased
from orchestrator.ledger import sqlite
from orchestrator.ledger.store import Store
from orchestrator.model import Lane, Stop, StopReason
from tests.app.conftest import Watcher

SIGINT = Stop(StopReason.SIGINT, "SIGINT received")
NOW, HOURS = 1_700_000_000.0, 8 * 3600.0
LANES = [Lane("https://host a1"), Lane("https://host a2")]
DEAD, OURS = Holder("r-1", "spring", "tower#boot-a", 41), Holder("r-2", "spring", "tower#boot-b", os.getpid())


class Clock:
    at = NOW

    def now(self):
        return self.at


class WatchedStop(StopSignal):
    """Sleeps for no time, and does what happens meanwhile."""

    def __init__(self, clock, meanwhile):
        super().__init__()
        self.slept, self._clock, self._meanwhile = [], clock, meanwhile

    async def sleep(self, seconds):
        self.check()
        self.slept.append(seconds)
        self._clock.at += seconds
        await asyncio.to_thread(self._meanwhile)
        self.check()


@pytest.fixture
def boot(monkeypatch):
    """The boot and its steady clock stand still; the test names the boot."""
    now = {"boot": "boot-a"}
    monkeypatch.setattr(sqlite, "moment", lambda at: Moment(at, now["boot"], 7.0))
    return now


@pytest.fixture
def store(tmp_path, boot):
    """A ledger whose lanes were taken under a clock that was 8 h ahead, before the machine was started again."""
    tmp_path.chmod(0o700)
    store = Store.open(f"sqlite:///{tmp_path}/ledger.db")
    store.acquire(LANES, DEAD, NOW + HOURS)
    boot["boot"] = "boot-b"
    yield store
    store.close()


async def acquire(store, meanwhile=lambda: None):
    clock, watcher = Clock(), Watcher()
    stop_signal = WatchedStop(clock, meanwhile)
    taken = await acquire_lanes(store, LANES, OURS, clock, observer=watcher, stop_signal=stop_signal)
    return taken, stop_signal.slept, watcher.events


async def test_a_lease_of_a_clock_that_was_ahead_costs_half_a_minute(store):
    taken, slept, events = await acquire(store)

    assert [(lane.fence, lane.released_cleanly) for lane in taken] == [(2, False)] * 2
    assert slept == [WATCH_SECONDS] == [LEASE_SECONDS + 1]
    ((name, fields),) = events
    assert name == "lease_watched"
    assert "its lease ends in 8 h 30 s, and a lease lasts 30 s" in fields["message"]


async def test_a_healthy_holder_keeps_its_lanes_whatever_its_clock(store):
    def renew():
        fences = dict.fromkeys(LANES, 1)
        store.commit([], DEAD.run_id, fences, NOW + HOURS + 10)

    with pytest.raises(LeaseDoubted, match="in use by run r-1 of launch spring"):
        await acquire(store, renew)

    assert store.commit([], DEAD.run_id, dict.fromkeys(LANES, 1), NOW + HOURS + 31).lost == frozenset()


async def test_one_renewed_lane_keeps_the_other_from_being_taken(store):
    def renew():
        with store._transaction() as connection:
            connection.exec_driver_sql("UPDATE leases SET expires = expires + 9 WHERE lane = ?", (LANES[1],))

    with pytest.raises(LeaseDoubted, match="account a2"):
        await acquire(store, renew)

    assert {fence for _, fence, _ in store.leases(LANES)} == {1}


async def test_a_stop_ends_the_watching_at_once(store):
    stop_signal = WatchedStop(Clock(), lambda: stop_signal.set(SIGINT))
    with pytest.raises(StopRequested):
        await acquire_lanes(store, LANES, OURS, Clock(), observer=Watcher(), stop_signal=stop_signal)

    assert {fence for _, fence, _ in store.leases(LANES)} == {1}


async def test_a_run_that_is_stopped_while_it_watches_says_so(places):
    """At once, and with the code of its signal: 31 s have not passed."""
    place, stop_signal = await places(), StopSignal()
    loaded = place.load()
    store = Store.open(loaded.manifest.ledger)
    store.acquire(lanes_in_use(loaded.manifest), DEAD, store.time() + HOURS)
    with closing(store), store._transaction() as connection:
        connection.exec_driver_sql('UPDATE leases SET recent = replace(recent, \'"boot": "\', \'"boot": "old \')')
    with pytest.raises(Interrupted) as interrupted:
        await run_launch(loaded, observer=Watcher(lease_watched=lambda: stop_signal.set(SIGINT)), stop=stop_signal)

    assert interrupted.value.exit_code == 130
    assert interrupted.value.nothing_was_sent
    assert place.starts == {}


# Followers.

FOLLOWER = Holder("f-1", "spring", "tower#boot-b", os.getpid())


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A ledger on a machine whose steady clock is the tests' clock."""
    monkeypatch.setattr(sqlite, "moment", lambda at: Moment(at, "boot-b", at - NOW))
    tmp_path.chmod(0o700)
    with closing(Store.open(f"sqlite:///{tmp_path}/fresh.db")) as store:
        yield store


async def acquired(store, clock, stop_signal):
    return await acquire_lanes(store, LANES, OURS, clock, observer=Watcher(), stop_signal=stop_signal)


async def test_a_run_waits_for_the_turn_of_a_follower(fresh):
    clock = Clock()
    fresh.acquire(LANES[:1], FOLLOWER, clock.now())

    def release():
        if clock.at >= NOW + 3:
            fresh.release("f-1", {LANES[0]: [NOW + 2.5]}, clock.now())

    leases = await acquired(fresh, clock, WatchedStop(clock, release))

    assert clock.at == NOW + 3
    assert [lease.recent_calls for lease in leases] == [(NOW + 2.5,), ()]  # its calls count


async def test_a_run_does_not_wait_forever_for_a_follower(fresh):
    clock = Clock()
    fresh.acquire(LANES[:1], FOLLOWER, clock.now())
    with pytest.raises(LaneLeased, match="in use by run f-1"):
        await acquired(fresh, clock, WatchedStop(clock, lambda: fresh.commit([], "f-1", {LANES[0]: 1}, clock.now())))

    assert NOW + 2 * LEASE_SECONDS < clock.at < NOW + 2 * LEASE_SECONDS + 5


async def test_a_run_that_holds_a_lane_is_not_waited_for(fresh):
    clock = Clock()
    fresh.acquire(LANES[:1], Holder("r-9", "spring", "tower#boot-b", os.getpid()), clock.now())
    with pytest.raises(LaneLeased):
        await acquired(fresh, clock, WatchedStop(clock, lambda: None))

    assert clock.at == NOW
