import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from orchestrator.core.attempt.permit import Permit
from orchestrator.core.journal.damage import RecordDamaged
from orchestrator.core.journal.lease import LEASE_SECONDS, Holder
from orchestrator.core.journal.states import State, fold
from orchestrator.errors import JournalWriteError, LaneLeased, LeaseLost, LedgerError, NothingSelected, Refused
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.store import Store
from orchestrator.ledger.writer import Writer
from orchestrator.model import Home, Lane, Record
from tests import postgres
from tests.core.builders import LEAST
from tests.raw_server import NOW, TARGET, StillClock, intent_of, record_of

LANE, OTHER = TARGET.lane, Lane("http://host other")
HERE = this_machine()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledgers" / "ledger.db"


class File:
    """A ledger in a file, seen as another process would see it."""

    def __init__(self, path):
        self.url = f"sqlite:///{path}"
        self._path = path

    def connected(self):
        return closing(sqlite3.connect(self._path, isolation_level=None))

    lock = "BEGIN IMMEDIATE"


class Schema:
    """The same for a ledger on PostgreSQL."""

    def __init__(self, url):
        self.url = url

    def connected(self):
        return closing(postgres.connected(self.url))

    lock = "BEGIN; LOCK TABLE leases"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, path):
    return File(path) if request.param == "sqlite" else Schema(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(place):
    yield from opened(place.url)


@pytest.fixture
def file_store(path):
    yield from opened(f"sqlite:///{path}")


def opened(url):
    store = Store.open(url)
    yield store
    store.close()


@pytest.fixture(scope="module")
def dead_pid():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def holder(run: str = "run-1", *, pid: int | None = None, machine: str = HERE):
    return Holder(run, "launch-1", machine, os.getpid() if pid is None else pid)


@asynccontextmanager
async def writing(store: Store, leases, clock=None, run: str = "run-1"):
    writer = Writer(store, run, leases, clock or StillClock())
    writer.start()
    try:
        yield writer
    finally:
        await writer.close()


def rows(place):
    """What another process would see."""
    with place.connected() as connection:
        return connection.execute("SELECT campaign, attempt, kind FROM journal ORDER BY id").fetchall()


def counted(store: Store, monkeypatch):
    sizes = []
    commit = store.commit

    def count(records, *rest):
        sizes.append(len(records))
        return commit(records, *rest)

    monkeypatch.setattr(store, "commit", count)
    return sizes


# Permits and records


async def test_a_permit_is_granted_after_its_intent_is_committed(place, store):
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        permit = await writer.permit(intent_of("s/c"))

        assert rows(place) == [("s/c", 1, "intent")]
        assert isinstance(permit, Permit)
        assert (permit.campaign, permit.attempt, permit.deadline) == ("s/c", 1, NOW + 5)


async def test_no_permit_is_granted_while_the_commit_cannot_be_made(place, store):
    leases = store.acquire([LANE], holder(), NOW)
    with place.connected() as blocker:
        async with writing(store, leases) as writer:
            blocker.execute(place.lock)
            task = asyncio.create_task(writer.permit(intent_of("s/c")))
            _, pending = await asyncio.wait({task}, timeout=0.1)
            assert {task} == pending
            blocker.execute("ROLLBACK")
            await task

    assert rows(place) == [("s/c", 1, "intent")]


async def test_records_come_back_as_they_were_written(store):
    records = [
        intent_of("s/é", 1),
        record_of("s/é", "verdict", 1, data={"message": "half \ud83d", "n": [1.5, None, True]}),
        record_of("@run", "end", 0, lane=""),
    ]
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        for record in records:
            await writer.record(record)

    assert records == store.read("launch-1")
    assert store.read("launch-2") == []


async def test_a_journal_is_read_as_it_was_while_others_write_it(store):
    """A long read takes longer than a lease: it must keep nobody from committing, nor see half of what they commit."""
    before = [intent_of(f"s/{n}") for n in range(1000)]
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        await asyncio.gather(*(writer.record(record) for record in before))
        reading = store.stream("launch-1")
        seen = [next(reading)]
        await writer.record(record_of("s/0", "verdict"))
        seen += reading

    assert seen == before
    assert len(store.read("launch-1")) == 1001


async def test_records_of_some_campaigns_come_alone_and_in_order(store):
    records = [intent_of(f"s/{n}") for n in range(1200)] + [record_of(f"s/{n}", "verdict") for n in range(1200)]
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        await asyncio.gather(*(writer.record(record) for record in records))
    wanted = [f"s/{n}" for n in range(1100)]
    found = store.read_some("launch-1", [*wanted, "s/none"])

    assert {name: ["intent", "verdict"] for name in wanted} == {
        name: [record.kind for record in found if record.campaign == name] for name in {r.campaign for r in found}
    }
    assert store.read_some("launch-2", wanted) == store.read_some("launch-1", []) == []


async def test_a_record_that_is_there_already_is_refused_alone(place, store, monkeypatch):
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        await writer.permit(intent_of("s/c"))
        batch = [writer.permit(intent_of(name)) for name in ("s/a", "s/c", "s/b")]
        first, second, third = await asyncio.gather(*batch, return_exceptions=True)

        assert isinstance(second, JournalWriteError)
        assert "intent of attempt 1 of s/c" in second.message
        assert [first.campaign, third.campaign] == ["s/a", "s/b"]
        await writer.permit(intent_of("s/c", 2))

    assert sorted(rows(place)) == [
        ("s/a", 1, "intent"),
        ("s/b", 1, "intent"),
        ("s/c", 1, "intent"),
        ("s/c", 2, "intent"),
    ]


def test_a_commit_with_a_duplicate_in_it_leaves_nothing(place, store):
    with pytest.raises(IntegrityError):
        store.commit([record_of("s/a", "intent"), record_of("s/a", "intent")], "run-1", {}, NOW)

    assert rows(place) == []


async def test_five_hundred_records_share_a_few_commits(place, store, monkeypatch):
    leases = store.acquire([LANE], holder(), NOW)
    sizes = counted(store, monkeypatch)
    async with writing(store, leases) as writer:
        permits = await asyncio.gather(*(writer.permit(intent_of(f"s/{n}")) for n in range(500)))

    assert {f"s/{n}" for n in range(500)} == {permit.campaign for permit in permits}
    assert 500 == len(rows(place)) == sum(sizes)
    assert len(sizes) < 50
    assert max(sizes) <= 512


async def test_close_commits_what_is_queued(place, store):
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        committed = [writer.record(record_of(f"s/{n}", "verdict")) for n in range(50)]
    await asyncio.gather(*committed)

    assert len(rows(place)) == 50


async def test_a_journal_that_cannot_be_written_never_grants_again(place, store):
    leases = store.acquire([LANE], holder(), NOW)
    with place.connected() as vandal:
        vandal.execute("ALTER TABLE journal RENAME TO gone")
        async with writing(store, leases) as writer:
            for _ in range(2):
                with pytest.raises(JournalWriteError, match="journal"):
                    await writer.permit(intent_of("s/c"))
            vandal.execute("ALTER TABLE gone RENAME TO journal")
            with pytest.raises(JournalWriteError, match="journal"):
                await writer.permit(intent_of("s/c"))

    assert rows(place) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_record_that_cannot_be_written_leaves_nobody_waiting(store):
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        with pytest.raises(JournalWriteError):
            await asyncio.wait_for(writer.record(record_of("s/c", "verdict", data={"x": object()})), 30)


async def test_a_record_after_the_close_leaves_nobody_waiting(store):
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        pass
    with pytest.raises(JournalWriteError):
        await asyncio.wait_for(writer.record(record_of("s/c", "verdict")), 30)


# Leases


def test_a_new_lane_is_clean(store):
    (lease,) = store.acquire([LANE], holder(), NOW)

    assert (lease.lane, lease.fence, lease.released_cleanly, lease.recent_calls) == (LANE, 1, True, ())


@pytest.mark.parametrize("machine", [HERE, "elsewhere"])
def test_a_lane_that_is_held_is_refused_with_who_holds_it(store, machine):
    store.acquire([LANE], holder(machine=machine), NOW)
    with pytest.raises(LaneLeased) as caught:
        store.acquire([LANE], holder("run-2"), NOW + 7)

    for part in ("run-1", "launch-1", f"pid {os.getpid()}", machine, "7 s", LANE.split()[1]):
        assert part in caught.value.message
    assert caught.value.exit_code == 6
    assert "wait" in caught.value.next_step


def test_all_lanes_are_taken_or_none(store):
    store.acquire([LANE], holder(), NOW)
    with pytest.raises(LaneLeased):
        store.acquire([Lane("a first"), LANE, Lane("z last")], holder("run-2"), NOW)

    assert [lease.fence for lease in store.acquire(["a first", "z last"], holder("run-3"), NOW)] == [1, 1]


def test_a_dead_holder_on_this_machine_is_followed_at_once(store, dead_pid):
    store.acquire([LANE], holder(pid=dead_pid), NOW)
    (lease,) = store.acquire([LANE], holder("run-2"), NOW)

    assert (lease.fence, lease.released_cleanly, lease.recent_calls) == (2, False, ())


def test_a_pid_of_another_machine_says_nothing(store, dead_pid):
    store.acquire([LANE], holder(pid=dead_pid, machine="elsewhere"), NOW)
    with pytest.raises(LaneLeased):
        store.acquire([LANE], holder("run-2"), NOW + LEASE_SECONDS - 0.001)

    assert not store.acquire([LANE], holder("run-2"), NOW + LEASE_SECONDS)[0].released_cleanly


def test_a_lane_given_back_is_clean_and_recalls_its_calls(store):
    store.acquire([LANE, OTHER], holder(), NOW)
    store.release("run-1", {LANE: [NOW + 1, NOW + 2.5], OTHER: []}, NOW)
    leases = {lease.lane: lease for lease in store.acquire([LANE, OTHER], holder("run-2"), NOW + 3)}

    assert (leases[LANE].fence, leases[LANE].released_cleanly, leases[LANE].recent_calls) == (
        2,
        True,
        (NOW + 1, NOW + 2.5),
    )
    assert (leases[OTHER].fence, leases[OTHER].released_cleanly, leases[OTHER].recent_calls) == (2, True, ())


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_setting_the_clock_frees_no_slot(file_store, steady, step):
    steady["steady"] = 100.0
    file_store.acquire([LANE], holder(), NOW)
    file_store.release("run-1", {LANE: [NOW - 7]}, NOW)
    steady["steady"] = 102.0
    (taken,) = file_store.acquire([LANE], holder("run-2"), NOW + 2 + step)

    assert taken.recent_calls == (NOW - 7 + step,)


def test_a_clock_set_forward_takes_no_lane_from_a_healthy_run(file_store, steady):
    steady["steady"] = 100.0
    file_store.acquire([LANE], holder(), NOW)
    steady["steady"] = 101.0

    with pytest.raises(LaneLeased):
        file_store.acquire([LANE], holder("run-2"), NOW + 3600)


@pytest.mark.parametrize(("ahead", "is_live"), [(0.0, True), (4.0, True), (6.0, False), (8 * 3600.0, False)])
def test_a_lease_of_a_clock_that_was_ahead_shows_no_life(file_store, steady, ahead, is_live):
    file_store.acquire([LANE], holder(machine="before-the-reboot"), NOW + ahead)
    steady["boot"] = "after-the-reboot"

    assert file_store.is_live("run-1", NOW) is is_live


def test_a_stranger_cannot_give_a_lane_back(store):
    store.acquire([LANE], holder(), NOW)
    store.release("run-2", {LANE: []}, NOW)
    with pytest.raises(LaneLeased):
        store.acquire([LANE], holder("run-2"), NOW)


def test_an_earlier_holders_calls_are_not_recalled_after_a_crash(store, dead_pid):
    store.acquire([LANE], holder(), NOW)
    store.release("run-1", {LANE: [NOW]}, NOW)
    store.acquire([LANE], holder("run-2", pid=dead_pid), NOW)
    (lease,) = store.acquire([LANE], holder("run-3"), NOW)

    assert (lease.fence, lease.released_cleanly, lease.recent_calls) == (3, False, ())


async def test_a_commit_renews_the_lease(store):
    clock = StillClock()
    async with writing(store, store.acquire([LANE], holder(machine="elsewhere"), NOW), clock) as writer:
        clock.at += LEASE_SECONDS - 1
        await writer.permit(intent_of("s/c"))
        with pytest.raises(LaneLeased):
            store.acquire([LANE], holder("run-2"), clock.at + LEASE_SECONDS - 1)


async def test_an_old_fence_gets_no_permit_and_its_verdict_stays_aside(place, store, dead_pid):
    old = store.acquire([LANE], holder(pid=dead_pid), NOW)
    async with writing(store, old) as writer:
        await writer.permit(intent_of("s/c"))
        store.acquire([LANE], holder("run-2"), NOW)
        with pytest.raises(LeaseLost):
            await writer.permit(intent_of("s/d"))
        await writer.record(record_of("s/c", "verdict", data={"message": "late"}))
        await writer.record(record_of("@run", "end", 0, lane=""))

    assert rows(place) == [("s/c", 1, "intent"), ("s/c", 1, "late_verdict"), ("@run", 0, "end")]


async def test_the_same_run_with_an_older_fence_gets_no_permit(place, store):
    (lease,) = store.acquire([LANE], holder(), NOW)
    store.release("run-1", {LANE: []}, NOW)
    store.acquire([LANE], holder(), NOW)
    async with writing(store, [lease]) as writer:
        with pytest.raises(LeaseLost):
            await writer.permit(intent_of("s/c"))

    assert rows(place) == []


async def test_an_expired_lease_gets_no_permit_even_if_nobody_took_it(place, store):
    clock = StillClock()
    async with writing(store, store.acquire([LANE], holder(), NOW), clock) as writer:
        clock.at += LEASE_SECONDS
        for campaign in ("s/c", "s/d"):
            with pytest.raises(LeaseLost):
                await writer.permit(intent_of(campaign))
        await writer.record(record_of("s/b", "verdict"))

    assert rows(place) == [("s/b", 1, "late_verdict")]


async def test_one_lost_lane_costs_the_other_nothing(place, store, dead_pid):
    leases = store.acquire([LANE, OTHER], holder(pid=dead_pid), NOW)
    store.acquire([LANE], holder("run-2"), NOW)
    async with writing(store, leases) as writer:
        batch = [writer.permit(intent_of("s/c")), writer.permit(intent_of("t/c", lane=OTHER))]
        lost, granted = await asyncio.gather(*batch, return_exceptions=True)

    assert isinstance(lost, LeaseLost)
    assert granted.campaign == "t/c"
    assert rows(place) == [("t/c", 1, "intent")]


async def test_a_released_lane_no_longer_belongs_to_its_holder(place, store):
    leases = store.acquire([LANE], holder(machine="elsewhere"), NOW)
    async with writing(store, leases) as writer:
        await writer.permit(intent_of("s/c"))
        store.release_dead(store.lanes_held("launch-1", NOW), "ann", "its host burned down", NOW)
        with pytest.raises(LeaseLost):
            await writer.permit(intent_of("s/d"))
        await writer.record(record_of("s/c", "verdict"))
    (taken,) = store.acquire([LANE], holder("run-2"), NOW)
    (record,) = store.read("launch-1", campaign="@lease")

    assert (taken.fence, taken.released_cleanly) == (3, False)
    assert rows(place) == [("s/c", 1, "intent"), ("@lease", 1, "release"), ("s/c", 1, "late_verdict")]
    assert (record.run_id, record.lane, record.at) == ("person:ann", LANE, NOW)
    assert record.data == {
        "by": "ann", "reason": "its host burned down", "fence": 1,
        "holder": {"run_id": "run-1", "launch": "launch-1", "machine": "elsewhere", "pid": os.getpid()},
    }  # fmt: skip


def test_one_account_is_released_and_the_others_stay(store):
    store.acquire([LANE, OTHER], holder(machine="elsewhere"), NOW)
    assert set(store.lanes_held("launch-1", NOW)) == {LANE, OTHER}
    store.release_dead(store.lanes_held("other", NOW), "ann", "x", NOW)

    assert set(store.lanes_held("launch-1", NOW)) == {LANE}
    assert store.lanes_held("other", NOW) == {}
    with pytest.raises(NothingSelected, match="no lease of a launch or an account id launch-2"):
        store.lanes_held("launch-2", NOW)


def test_a_lane_that_changed_hands_meanwhile_is_not_released(store):
    store.acquire([LANE, OTHER], holder(machine="elsewhere"), NOW)
    seen = store.lanes_held("launch-1", NOW)
    store.acquire([OTHER], holder("run-2", machine="elsewhere"), NOW + LEASE_SECONDS)
    with pytest.raises(Refused, match="account other was taken by another run in the meantime"):
        store.release_dead(seen, "ann", "x", NOW)

    assert store.read("launch-1") == []
    assert {fence for _, fence, _ in store.leases([LANE])} == {1}


def test_a_run_that_is_alive_on_this_machine_is_not_released(store):
    store.acquire([LANE], holder(), NOW)
    with pytest.raises(Refused, match=f"is alive: pid {os.getpid()} on this machine"):
        store.release_dead(store.lanes_held("launch-1", NOW), "ann", "x", NOW)

    assert store.read("launch-1") == []


def lost(store):
    """A start whose answer was lost: a person may resolve it."""
    (lease,) = store.acquire([LANE], holder(), NOW)
    verdict = record_of("s/c", "verdict", data={"event": "indeterminate", "message": "HTTP 500"})
    store.commit([record_of("s/c", "intent"), verdict], "run-1", {LANE: lease.fence}, NOW)


def resolved(by, event="resolved_not_started"):
    return record_of("s/c", "resolve", run=f"person:{by}", data={"event": event, "message": "seen", "by": by})


def test_a_persons_word_waits_until_the_lane_is_free(place, store):
    lost(store)
    with pytest.raises(LaneLeased, match="run-1"):
        store.append(resolved("ann"), NOW)
    store.release("run-1", {LANE: []}, NOW)
    store.append(resolved("ann"), NOW)

    assert rows(place) == [("s/c", 1, "intent"), ("s/c", 1, "verdict"), ("s/c", 1, "resolve")]


@pytest.mark.parametrize(("other", "event"), [("bob", "resolved_started"), ("bob", "resolved_not_started")])
def test_of_two_people_who_resolve_at_once_the_second_is_refused(store, other, event):
    lost(store)
    store.release("run-1", {LANE: []}, NOW)
    store.append(resolved("ann"), NOW)
    with pytest.raises(Refused, match="s/c has changed since it was looked at"):
        store.append(resolved(other, event), NOW)

    assert fold(store.read("launch-1"))["s/c"].state is State.CLEARED  # the journal can still be read


def test_what_a_run_found_out_meanwhile_is_not_resolved_over(store):
    lost(store)
    found = record_of("s/c", "evidence", data={"message": "it is Active"})
    store.commit([found], "run-1", {LANE: 1}, NOW)
    store.release("run-1", {LANE: []}, NOW)
    with pytest.raises(Refused, match="s/c has changed since it was looked at"):
        store.append(resolved("ann"), NOW)

    assert fold(store.read("launch-1"))["s/c"].state is State.STARTED


# Launches


A, B = "http://host", "https://other"
"""The host of LANE, and another one."""


async def begun(store):
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        await writer.permit(intent_of("s/c"))
    store.release("run-1", {LANE: []}, NOW)


async def test_a_launch_stays_with_the_host_of_its_first_permit(store):
    store.bind_launch("launch-1", Home(A), NOW)
    await begun(store)
    store.bind_launch("launch-1", Home(A), NOW + 1)
    with pytest.raises(Refused, match=f"launch-1 began on host {A}, but the manifest names {B}") as caught:
        store.bind_launch("launch-1", Home(B), NOW)
    store.bind_launch("spring", Home(B), NOW + 2)

    assert caught.value.exit_code == 4
    assert store.launches() == ["spring", "launch-1"]


async def test_a_launch_without_a_permit_follows_its_manifest(store):
    store.bind_launch("launch-1", Home(B), NOW)
    store.bind_launch("launch-1", Home(A), NOW + 1)
    await begun(store)
    with pytest.raises(Refused, match=f"began on host {A}"):
        store.bind_launch("launch-1", Home(B), NOW + 2)


def test_a_launch_keeps_its_host_while_a_run_there_is_live(store):
    store.bind_launch("launch-1", Home(A), NOW)
    store.acquire([LANE], holder(), NOW)
    with pytest.raises(Refused, match=f"began on host {A}"):
        store.bind_launch("launch-1", Home(B), NOW)
    store.release("run-1", {LANE: []}, NOW)
    store.bind_launch("launch-1", Home(B), NOW)


async def test_a_launch_stays_with_the_environment_of_its_first_permit(store):
    store.bind_launch("launch-1", Home(A, "staging"), NOW)
    store.bind_launch("launch-1", Home(A, "production"), NOW)
    await begun(store)
    store.bind_launch("launch-1", Home(A, "production"), NOW + 1)
    for other in ("staging", None):
        with pytest.raises(
            Refused, match=f"began on host {A} in environment production, but the manifest names"
        ) as caught:
            store.bind_launch("launch-1", Home(A, other), NOW + 2)
        assert caught.value.next_step.startswith("give each environment a ledger of its own")


def test_a_live_run_keeps_a_launch_in_its_environment(store):
    store.bind_launch("launch-1", Home(A, "staging"), NOW)
    store.acquire([LANE], holder(), NOW)
    with pytest.raises(Refused, match="in environment staging"):
        store.bind_launch("launch-1", Home(A, "production"), NOW, "run-2")
    # Its own leases are no other run.
    store.bind_launch("launch-1", Home(A, "production"), NOW, "run-1")


# The file and its place


def open_at(path: Path, *, create: bool = True):
    store = Store.open(f"sqlite:///{path}", create=create)
    store.close()


def refused(path: Path, *, create: bool = True) -> LedgerError:
    with pytest.raises(LedgerError) as caught:
        open_at(path, create=create)
    assert caught.value.exit_code == 8
    return caught.value


def mode(path: Path):
    return path.stat().st_mode & 0o777


def test_a_new_ledger_is_for_its_owner_alone(path):
    umask = os.umask(0)
    try:
        open_at(path)
    finally:
        os.umask(umask)

    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    assert [path] == list(path.parent.iterdir())


def test_the_files_beside_an_open_ledger_are_for_its_owner_alone(path, file_store):
    file_store.bind_launch("winter", Home("https://a"), NOW)

    assert {0o600} == {mode(file) for file in path.parent.iterdir()}


@pytest.mark.parametrize("wide", [0o644, 0o660, 0o606])
def test_a_file_that_others_can_reach_is_refused(path, wide):
    open_at(path)
    path.chmod(wide)
    error = refused(path)

    assert f"{wide:04o}" in error.message
    assert f"chmod 600 {path}" == error.next_step


@pytest.mark.parametrize("wide", [0o775, 0o777, 0o1777])
def test_a_folder_that_others_can_write_is_refused(path, wide):
    open_at(path)
    path.parent.chmod(wide)
    error = refused(path)
    path.parent.chmod(0o700)

    assert f"{wide:04o}" in error.message
    assert f"chmod 700 {path.parent}" == error.next_step


@pytest.mark.parametrize("kind", ["nfs4", "virtiofs", ""])
def test_a_file_system_that_may_be_shared_is_refused(path, monkeypatch, kind):
    monkeypatch.setattr("orchestrator.ledger.file_system.file_system", lambda _: kind)
    error = refused(path)

    assert f"is on a file system of kind {kind or 'unknown'}, which is not known to be local" in error.message
    assert (
        error.next_step == "put the ledger on a disk of this machine (ext4, xfs, btrfs, zfs, apfs), or use PostgreSQL"
    )
    assert not path.exists()


def test_a_missing_ledger_is_refused_where_none_may_be_made(path):
    error = refused(path, create=False)

    assert "there is no ledger" in error.message
    assert not path.parent.exists()


def foreign(path: Path):
    path.parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    path.chmod(0o600)


def test_another_database_is_refused(path):
    foreign(path)

    assert "is not a ledger" in refused(path).message


def test_another_database_is_left_as_it_was(path):
    foreign(path)
    before = path.read_bytes()
    refused(path)

    assert before == path.read_bytes()


def test_a_ledger_of_another_version_is_refused(path):
    open_at(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=2")

    error = refused(path)

    assert "is not a ledger of this version: a newer program made it (ledger 2, this one reads 1)" in error.message
    assert error.next_step.startswith("use the program that made it, or a newer one: pip install --upgrade")


@pytest.mark.parametrize("data", [b"", b"\0", b"SQLite format 3\0", b"x" * 100, b"x" * 8192, b"\0" * 8192])
def test_a_file_that_is_no_database_is_refused(path, data):
    path.parent.mkdir(mode=0o700)
    path.write_bytes(data)
    path.chmod(0o600)
    refused(path)


def test_a_folder_in_the_files_place_is_refused(path):
    path.mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o700)
    path.chmod(0o600)
    refused(path)


def test_an_unsupported_database_is_refused_without_its_password():
    with pytest.raises(LedgerError, match="must not contain a password") as caught:
        Store.open("mysql://u:letmein@h/d")

    assert "letmein" not in caught.value.message


@pytest.mark.parametrize("url", ["ledger.db", "", "sqlite//x.db", "postgresql://h", "postgresql://h:x/d"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(LedgerError):
        Store.open(url, create=False)


def test_what_was_read_as_an_address_is_shown_if_it_is_no_secret():
    with pytest.raises(LedgerError) as plain:
        Store.open("my.db", create=False)
    with pytest.raises(LedgerError) as secret:
        Store.open("ann:letmein@h", create=False)

    assert plain.value.message.startswith("ledger 'my.db' names neither an SQLite file nor")
    assert "write sqlite:///my.db;" in plain.value.next_step
    assert "letmein" not in secret.value.message + secret.value.next_step


def test_the_command_that_narrows_a_mode_can_be_pasted(tmp_path):
    file = tmp_path / "my ledgers" / "ledger.db"
    file.parent.mkdir(mode=0o755)
    error = refused(file)

    assert error.next_step == f"chmod 700 '{file.parent}'"


def test_a_ledger_that_cannot_be_made_says_what_to_do(path):
    path.parent.parent.joinpath("file").touch()
    error = refused(path.parent.parent / "file" / "below" / "ledger.db")

    assert error.next_step == "make its folder for this user, with mode 700, or name another place"


def twenty(path: Path) -> list[Record]:
    store = Store.open(f"sqlite:///{path}")
    store.bind_launch("launch-1", Home("https://a"), NOW)
    leases = {lease.lane: lease.fence for lease in store.acquire([LANE], holder(), NOW)}
    for n in range(20):
        for kind in ("intent", "verdict"):
            data = {"deadline": NOW, "message": "m" * 300}
            store.commit([record_of(f"s/{n}", kind, data=data)], "run-1", leases, NOW)
    records = store.read("launch-1")
    store.release("run-1", {LANE: [NOW] * 60}, NOW)
    store.close()
    return records


def reading(path: Path) -> list[Record] | None:
    """The journal, or None where the ledger says that it is damaged."""
    try:
        store = Store.open(f"sqlite:///{path}")
    except LedgerError:
        return None
    try:
        return store.read("launch-1")
    except LedgerError:
        return None
    finally:
        store.close()


def test_any_prefix_of_a_closed_ledger_opens_whole_or_is_refused(path, tmp_path):
    records = twenty(path)
    data = path.read_bytes()
    assert len(records) == 40
    assert len(data) % 4096 == 0
    folder = tmp_path / "cut"
    folder.mkdir(mode=0o700)
    near = {size + step for size in range(0, len(data), 4096) for step in (-1, 0, 1, 100, 2048)}
    for size in sorted({*near, 15, 16, 17, 99, 101, 512, 1024, len(data) - 1} & set(range(len(data)))):
        cut = folder / f"{size}.db"
        cut.write_bytes(data[:size])
        cut.chmod(0o600)
        found = reading(cut)
        assert found in (None, records), f"{size} of {len(data)} bytes open with a part of the journal"


def test_every_page_overwritten_is_refused_or_harmless(path, tmp_path):
    records = twenty(path)
    data = path.read_bytes()
    folder = tmp_path / "torn"
    folder.mkdir(mode=0o700)
    for start in range(0, len(data), 4096):
        torn = folder / f"{start}.db"
        torn.write_bytes(data[:start] + b"\0" * 4096 + data[start + 4096 :])
        torn.chmod(0o600)
        assert reading(torn) in (None, records)


@pytest.mark.parametrize("lost", [1, 100])
def test_a_ledger_without_the_end_of_its_last_page_does_not_open(path, lost):
    twenty(path)
    os.truncate(path, path.stat().st_size - lost)
    refused(path)


@pytest.mark.parametrize(("levels", "found"), [(98, 1), (99, None)])
def test_a_record_nests_a_hundred_levels_at_most(path, file_store, levels, found):
    deep = f'{{"a":{{"b":{"[" * levels}{"]" * levels}}}}}'
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO journal (launch, campaign, attempt, kind, run_id, at, lane, data)"
            " VALUES ('spring', 's/c0', 1, 'odd', 'r-1', 0, '', ?)",
            (deep,),
        )
    if found:
        assert len(list(file_store.stream("spring"))) == found
    else:
        with pytest.raises(LedgerError, match="is damaged: a record is nested too deep"):
            list(file_store.stream("spring"))


ODD = r"odd 1 of s/c0 \(launch spring, run r-1\)"


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("data", b"{}", f"a record has a value of another type: row 1, {ODD}"),
        ("campaign", b"s/c0", "a record has a value of another type: row 1, odd 1 of b's/c0'"),
        ("kind", b"odd", "a record has a value of another type: row 1, b'odd' 1 of s/c0"),
        ("data", "[]", f"a record is not a JSON object: row 1, {ODD}"),
        ("data", "{", f"a record is not JSON: row 1, {ODD}"),
        ("data", "{},{}", f"a record is not one JSON value: row 1, {ODD}"),
        ("data", "7" * 5000, f"a record has a number that is too long: row 1, {ODD}"),
        ("at", "noon", f"{ODD}: its time is 'noon', and should be a valid number"),
        ("at", 9e999, f"{ODD}: its time is inf, and should be less than or equal to 100000000000"),
        ("attempt", "x", r"odd x of s/c0 .*: its number is 'x', and should be a valid integer"),
        ("attempt", -1, r"odd -1 of s/c0 .*: its number is -1, and should be greater than or equal to 0"),
    ],
)
def test_a_record_of_another_type_is_a_damaged_ledger(path, file_store, column, value, words):
    """SQLite takes values of any type where somebody writes them into a column."""
    names = {"attempt": 1, "at": 0.0, "data": "{}", "campaign": "s/c0", "kind": "odd", column: value}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO journal (launch, campaign, attempt, kind, run_id, at, lane, data)"
            " VALUES ('spring', :campaign, :attempt, :kind, 'r-1', :at, '', :data)",
            names,
        )
    with pytest.raises(LedgerError, match=f"is damaged: {words}"):
        list(file_store.stream("spring"))


@pytest.mark.parametrize("kind", ["verdict", "late_verdict"])
def test_a_record_without_the_data_of_its_kind_is_named(store, kind):
    store.commit(
        [record_of("s/a", "verdict"), record_of("s/b", kind, data={**LEAST["verdict"], "sent_at": 1e300})],
        "run-1",
        {},
        NOW,
    )

    readings = (store.read, lambda launch: store.read_some(launch, ["s/b"]), lambda launch: store.tail(launch, 0))
    for reading in readings:
        with pytest.raises(RecordDamaged) as damaged:
            reading("launch-1")
        assert str(damaged.value) == (
            f"the ledger is damaged: {kind} 1 of s/b (launch launch-1, run run-1): "
            "sent_at is 1e+300, and should be less than or equal to 100000000000"
        )
    assert len(list(store.numbered(is_checked=False))) == 2


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("recent", "[1", "it ends too early"),
        ("recent", b"x", ".*"),
        ("recent", "[]", r"recent is \[\], and should be a valid dictionary"),
        (
            "recent",
            '{"ended": [1e400], "moment": {}}',
            r"recent.ended\[0\] is inf, and should be less than or equal to 1\d+",
        ),
        ("recent", '{"ended": [], "moment": {"now": 5}}', "recent.moment.boot is missing"),
        ("expires", "x", "expires is 'x', and should be a valid number"),
        ("fence", "x", r"fence is 'x', and should be a valid integer"),
        ("pid", "x", r"pid is 'x', and should be a valid integer"),
        ("machine", b"x", "machine is b'x', and should be a valid string"),
    ],
)
def test_a_lease_that_cannot_be_read_is_a_damaged_ledger(path, file_store, column, value, fault):
    file_store.acquire([LANE], holder(), NOW)
    file_store.release("run-1", {LANE: [NOW]}, NOW)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE leases SET {column} = ?", (value,))  # noqa: S608 - a test's own words
    with pytest.raises(LedgerError, match=f"^the ledger is damaged: the lease of {LANE} cannot be read: {fault}$"):
        file_store.acquire([LANE], holder("run-2"), NOW)


def test_two_runs_that_make_the_ledger_at_once_share_it(path):
    code = "import sys; from orchestrator.ledger.store import Store; Store.open(sys.argv[1]).close()"
    arguments = [sys.executable, "-c", code, f"sqlite:///{path}"]
    processes = [subprocess.Popen(arguments) for _ in range(3)]

    assert [process.wait() for process in processes] == [0, 0, 0]
    assert [path] == list(path.parent.iterdir())


async def test_what_one_turn_of_the_loop_asks_is_one_commit(place, store, monkeypatch):
    sizes, commit = [], Store.commit

    def counted(self, records, *args, **kwargs):
        sizes.append(len(records))
        return commit(self, records, *args, **kwargs)

    monkeypatch.setattr(Store, "commit", counted)
    async with writing(store, store.acquire([LANE], holder(), NOW)) as writer:
        await asyncio.gather(*(writer.record(record_of(f"s/{n}", "verdict")) for n in range(100)))

    assert [size for size in sizes if size] == [100]
