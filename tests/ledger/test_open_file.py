import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from orchestrator.core.journal.lease import Holder
from orchestrator.errors import JournalWriteError, LedgerError
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.store import Store
from orchestrator.ledger.writer import Writer
from orchestrator.model import Home
from tests.raw_server import NOW, TARGET, StillClock, intent_of, record_of


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    return tmp_path / "linked"


@pytest.fixture
def store(folder):
    store = Store.open(f"sqlite:///{folder}/ledger.db")
    yield store
    store.close()


def replace_by_copy(folder):
    shutil.copy2(folder / "ledger.db", folder / "copy")
    (folder / "copy").replace(folder / "ledger.db")


def restore(folder):
    for file in folder.glob("ledger.db*"):
        file.unlink()
    other = Store.open(f"sqlite:///{folder}/ledger.db")
    other.close()


def turn_link(folder):
    shutil.copytree(folder.resolve(), folder.parent / "twin")
    folder.unlink()
    folder.symlink_to(folder.parent / "twin")


def loop_link(folder):
    folder.unlink()
    folder.symlink_to(folder)


GOES_AWAY = {
    "the folder is removed": (lambda folder: shutil.rmtree(folder.resolve()), "was moved or removed"),
    "the folder is renamed": (lambda folder: folder.resolve().rename(folder.parent / "old"), "was moved or removed"),
    "the file is moved": (lambda folder: (folder / "ledger.db").rename(folder / "old.db"), "was moved or removed"),
    "a copy is put in its place": (replace_by_copy, "was replaced by another file"),
    "a new ledger is put in its place": (restore, "was replaced by another file"),
    "its log is removed": (lambda folder: (folder / "ledger.db-wal").unlink(), "was moved or removed"),
    "the link to its folder is turned": (turn_link, "was replaced by another file"),
    "the link to its folder is a loop": (loop_link, "can no longer be found"),
}


@pytest.mark.parametrize("how", GOES_AWAY)
async def test_no_permit_where_the_next_run_would_not_find_it(store, folder, how):
    act, what = GOES_AWAY[how]
    writer = Writer(store, "run-1", store.acquire([TARGET.lane], holder(), NOW), StillClock())
    writer.start()
    await writer.permit(intent_of("s/one"))
    act(folder)

    for _ in range(2):
        with pytest.raises(JournalWriteError, match=f"{what}.* while this run had it open"):
            await writer.permit(intent_of("s/two"))
    await writer.close()
    assert [record.campaign for record in store.read("launch-1")] == ["s/one"]


async def test_no_permit_where_the_file_goes_during_the_commit(store, folder, monkeypatch):
    leases, commit = store.acquire([TARGET.lane], holder(), NOW), store.commit

    def commit_and_lose(*arguments):
        found = commit(*arguments)
        (folder / "ledger.db").rename(folder / "old.db")
        return found

    monkeypatch.setattr(store, "commit", commit_and_lose)
    writer = Writer(store, "run-1", leases, StillClock())
    writer.start()

    with pytest.raises(JournalWriteError, match="was moved or removed"):
        await writer.permit(intent_of("s/one"))
    await writer.close()


async def test_no_permit_where_an_older_copy_was_written_into_it(store, folder):
    leases, file = store.acquire([TARGET.lane], holder(), NOW), folder / "ledger.db"
    backup = file.read_bytes()
    store.commit([record_of(f"s/{n}", "verdict", data={"message": "m" * 300}) for n in range(200)], "run-1", {}, NOW)
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA wal_checkpoint")
    writer = Writer(store, "run-1", leases, StillClock())
    writer.start()
    await writer.permit(intent_of("s/one"))
    file.write_bytes(backup)

    with pytest.raises(JournalWriteError, match="was overwritten by an older one"):
        await writer.permit(intent_of("s/two"))
    await writer.close()


async def test_a_run_that_waits_learns_that_its_ledger_is_gone(store, folder):
    writer = Writer(store, "run-1", store.acquire([TARGET.lane], holder(), NOW), StillClock())
    writer.start()
    assert (await writer.control_state("launch-1")).command is None
    (folder / "ledger.db").rename(folder / "old.db")

    with pytest.raises(JournalWriteError, match="was moved or removed"):
        await writer.control_state("launch-1")
    (folder / "old.db").rename(folder / "ledger.db")
    with pytest.raises(JournalWriteError, match="was moved or removed"):
        await writer.permit(intent_of("s/one"))
    await writer.close()


def test_a_file_that_is_gone_is_not_made_anew_by_a_reader(store, folder):
    (folder / "ledger.db").unlink()
    with store._reads.connect(), pytest.raises(LedgerError, match="unable to open"):  # the pool's one is in use
        store.launches()

    assert not (folder / "ledger.db").exists()


def test_a_second_ledger_of_a_process_keeps_the_firsts_locks(store, folder):
    """Closing any handle of a file ends a process's locks on it; the next to close the ledger removes its log."""
    store.bind_launch("one", Home("https://a"), NOW)
    second = Store.open(f"sqlite:///{folder}/ledger.db")
    assert others_launches(folder) == "one"
    store.bind_launch("two", Home("https://a"), NOW + 1)
    second.close()

    assert others_launches(folder) == "two one"
    store.check_place()


def others_launches(folder):
    url = f"sqlite:///{folder}/ledger.db"
    code = f"from orchestrator.ledger.store import Store; s = Store.open({url!r}); print(*s.launches()); s.close()"
    arguments = [sys.executable, "-c", code]
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()


def holder():
    return Holder("run-1", "launch-1", this_machine(), 1)
