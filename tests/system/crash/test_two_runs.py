"""Two runs of one launch at once, and one that was stopped for longer than its lease."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from orchestrator.ledger.store import Store
from tests.system.crash.conftest import ACCOUNT, Scene, Zygote

RACES = 50
PATIENT = {"connect": "10s", "total": "20s"}  # nobody dies in a race: a late answer is not to be a lost one


@contextlib.asynccontextmanager
async def zygotes(count):
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Zygote.started()) for _ in range(count)]


async def test_two_runs_of_one_launch_never_start_anything_twice(tmp_path):
    async with zygotes(4) as (a, b, c, d):
        codes = []

        async def race(first, second, numbers):
            for number in numbers:
                async with Scene.opened(tmp_path / f"race-{number}", count=4, timeouts=PATIENT) as scene:
                    both = await asyncio.gather(
                        first.run(scene.directory, "run", "m.yaml"), second.run(scene.directory, "run", "m.yaml")
                    )
                    codes.append(sorted(both))
                    scene.check_never_twice()
                    assert sum(scene.starts.values()) == 4, scene.log

        await asyncio.gather(race(a, b, range(0, RACES, 2)), race(c, d, range(1, RACES, 2)))

    assert len(codes) == RACES
    odd = [pair for pair in codes if pair not in ([0, 6], [0, 0])]
    assert odd == []


@pytest.mark.parametrize("taken_over", [True, False], ids=["taken over", "not taken over"])
async def test_a_holder_asleep_past_its_lease_sends_nothing_more(tmp_path, taken_over):
    """It sleeps with a permit in its hand, granted but not used: the permit's deadline must stop it."""
    reference = {"client_id": {"env": "ACME_ID"}, "client_secret": {"env": "ACME_SECRET"}}
    accounts = {"acme": {"account_id": ACCOUNT, "rate": "unlimited", "in_flight": 1, **reference}}
    async with Scene.opened(tmp_path / "scene", count=6, accounts=accounts) as scene, zygotes(2) as (first, second):
        sleeper = asyncio.create_task(
            first.run(scene.directory, "run", "m.yaml", point="before_start", nth=3, signal=int(signal.SIGSTOP))
        )
        ledger = f"sqlite:///{scene.directory}/.orchestrator/ledger.db"
        pid = await stopped_holder(scene.directory, ledger)
        let_the_lease_end(ledger)
        deadline = max(h.intent.get("deadline", 0.0) for h in scene.histories().values())
        await asyncio.sleep(max(0.0, deadline - time.time()))
        if taken_over:
            assert await second.run(scene.directory, "run", "m.yaml") == 11, scene.log
        before = scene.starts
        os.kill(pid, signal.SIGCONT)

        assert await sleeper == 11, scene.log
        assert scene.starts == before
        assert await second.run(scene.directory, "run", "m.yaml") == 11, scene.log
        scene.check_the_end(11)
        assert scene.starts == {f"st-1/cd-{n}": 1 for n in (0, 1, 3, 4, 5)}


async def stopped_holder(directory, url):
    """The process that holds the lease, once it has stopped itself."""
    async with asyncio.timeout(30):
        while True:
            await asyncio.sleep(0)
            has_ledger = (directory / ".orchestrator" / "ledger.db").exists()
            if has_ledger and (pid := holder_of(url)) and is_stopped(pid):
                return pid


def is_stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"


def holder_of(url):
    store = Store.open(url, create=False)
    try:
        with store._transaction(writes=False) as connection:
            return connection.exec_driver_sql("SELECT pid FROM leases").scalar()
    finally:
        store.close()


def let_the_lease_end(url):
    """What half a minute of sleep does, without the half minute: the lease's end moves into the past."""
    store = Store.open(url, create=False)
    try:
        with store._transaction() as connection:
            connection.exec_driver_sql("UPDATE leases SET expires = 1.0")
    finally:
        store.close()
