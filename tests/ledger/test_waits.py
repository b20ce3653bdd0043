"""The marks of runs that wait for their time: whom they show, for how long, and what they leave alone."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing

import pytest

from orchestrator.app.journal_reader import record_command
from orchestrator.app.start_time import wait_without_lease
from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.journal.lease import LEASE_SECONDS, Holder
from orchestrator.core.journal.waits import current
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import LedgerError, Refused
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.store import Store
from orchestrator.model import Home, Lane
from tests.commands import HANGS
from tests.core.builders import manifest
from tests.fakes import RecordingObserver
from tests.raw_server import NOW

START = StartTime(NOW + 1e9, "America/New_York")
LANE = Lane("http://host account")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    is_file = request.param == "sqlite"
    opened = Store.open(f"sqlite:///{tmp_path}/l/ledger.db" if is_file else request.getfixturevalue("postgres_url"))
    opened.bind_launch("spring", Home("http://host"), NOW)
    yield opened
    opened.close()


def waiter(name="w-1", launch="spring", machine="elsewhere", pid=None):
    return Holder(name, launch, machine, os.getpid() if pid is None else pid)


def shown(store):
    return [(wait.launch, wait.machine, wait.is_live) for wait in store.waits()]


def test_a_wait_is_shown_until_it_ends(store):
    now = store.time()
    store.show_wait(waiter(), START, now - 10)
    store.show_wait(waiter(), START, now)
    (wait,) = store.waits()
    store.end_wait("w-1")

    assert (wait.start, wait.pid, wait.since, wait.seen) == (START, os.getpid(), now - 10, now)
    assert wait.is_live
    assert store.waits() == []


@pytest.mark.parametrize(("age", "is_live"), [(LEASE_SECONDS - 5, True), (LEASE_SECONDS + 1, False)])
def test_a_wait_that_nobody_renews_ages_as_a_lease(store, age, is_live):
    store.show_wait(waiter(), START, store.time() - age)
    assert shown(store) == [("spring", "elsewhere", is_live)]


def test_a_process_of_this_machine_that_died_waits_no_longer(store):
    dead = os.fork()
    if not dead:
        os._exit(0)
    os.waitpid(dead, 0)
    store.show_wait(waiter(machine=this_machine(), pid=dead), START, store.time())
    assert shown(store) == [("spring", this_machine(), False)]


def test_waits_keep_nobody_from_an_account(store):
    store.show_wait(waiter(), START, store.time())
    (lease,) = store.acquire([LANE], Holder("r-1", "spring", this_machine(), os.getpid()), store.time())

    assert lease.released_cleanly
    assert set(store.lanes_held("spring", store.time())) == {LANE}


def test_all_who_wait_are_shown_and_rows_are_used_again(store):
    for number in range(3):
        store.show_wait(waiter(f"w-{number}", machine=f"host-{number}"), START, store.time())
        store.show_wait(waiter(f"w-{number}0", machine="gone"), START, store.time() - 100)
    store.end_wait("w-0")
    store.show_wait(waiter("w-9", "other", "host-9"), START, store.time())
    live = sorted(wait.machine for wait in store.waits() if wait.is_live)

    assert live == ["host-1", "host-2", "host-9"]
    assert len(store.waits()) <= len(live) + 1


def test_an_abort_is_not_lifted_before_a_waiting_run_has_seen_it(store):
    store.show_wait(waiter(), START, store.time())
    store.record_command("spring", ControlCommand.ABORT, "ann", "wrong list", store.time())
    with pytest.raises(Refused, match="still ending"):
        store.record_command("spring", ControlCommand.UNPAUSE, "ann", "it is fixed", store.time())
    store.end_wait("w-1")
    state = store.record_command("spring", ControlCommand.UNPAUSE, "ann", "it is fixed", store.time())

    assert state.command is None


def test_a_dead_wait_is_shown_until_a_run_begins(store):
    store.show_wait(waiter(), START, store.time() - 100)
    marks = store.waits()

    assert len(current(marks, "spring", None)) == 1
    assert len(current(marks, "spring", "2001-01-01T00:00:00.000Z")) == 1
    assert current(marks, "spring", "2999-01-01T00:00:00.000Z") == current(marks, "other", None) == ()


@pytest.mark.parametrize(
    ("start", "fault"),
    [
        (None, "start is None, and should be a valid dictionary"),
        ({"at": 5}, "start.zone is missing"),
        ({"at": "soon", "zone": "UTC"}, "start.at is 'soon', and should be a valid number"),
        ({"at": 5, "zone": "Mars/Base"}, "start.zone is 'Mars/Base', and no time zone that is known here"),
        ({"at": 5, "zone": "../UTC"}, "start.zone is '../UTC', and no time zone that is known here"),
    ],
)
def test_a_wait_that_cannot_be_read_is_a_damaged_ledger(tmp_path, start, fault):
    with closing(Store.open(f"sqlite:///{tmp_path}/l/ledger.db")) as store:
        store.show_wait(waiter(), START, store.time())
        with closing(sqlite3.connect(tmp_path / "l" / "ledger.db")) as connection, connection:
            mark = json.loads(connection.execute("SELECT recent FROM leases").fetchone()[0])
            connection.execute("UPDATE leases SET recent = ?", (json.dumps({**mark, "start": start}),))
        with pytest.raises(LedgerError, match=f"^the ledger is damaged: the wait of spring cannot be read: {fault}$"):
            store.waits()
        store.bind_launch("spring", Home("sandbox"), NOW)
        state, shown = record_command(store.url, "spring", ControlCommand.ABORT, "wrong list")

        assert (state.command, shown) == (ControlCommand.ABORT, ())


async def test_an_abort_ends_a_wait_that_cannot_be_shown(tmp_path):
    with closing(Store.open(f"sqlite:///{tmp_path}/l/ledger.db")) as store:
        store.bind_launch("spring", Home("sandbox"), NOW)
        record_command(store.url, "spring", ControlCommand.ABORT, "wrong list")
        with closing(sqlite3.connect(tmp_path / "l" / "ledger.db")) as connection, connection:
            connection.execute("ALTER TABLE leases RENAME TO gone")
        with pytest.raises(LedgerError):
            store.show_wait(waiter(), START, store.time())
        waiting = wait_without_lease(
            manifest({"campaign": "c"}), START, StopSignal(), RecordingObserver(), ledger=store
        )
        with pytest.raises(Refused, match="launch spring is aborted"):
            await asyncio.wait_for(waiting, HANGS)
