"""A ledger that is only watched: what is read of it, and that not a byte of its files changes."""

import subprocess
import sys
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from orchestrator.errors import LedgerError
from orchestrator.ledger.store import Store
from orchestrator.model import PosixSeconds, Record
from tests.paths import ROOT

WRITER = """
import sys
from orchestrator.ledger.store import Store
from orchestrator.model import Record
store = Store.open(sys.argv[1])
for name in sys.stdin:
    store.commit([Record("spring", name.strip(), 1, "tomorrow", "r-1", 1.0, "lane", {})], "r-1", {}, 1.0)
    print("written", flush=True)
store.close()
"""


def record(name):
    return Record("spring", name, 1, "tomorrow", "r-1", PosixSeconds(1.0), "lane", {})


def files(folder):
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


class Run:
    """Another process that has the ledger open for writing."""

    def __init__(self, url):
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def write(self, name):
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "written\n"


@contextmanager
def run_on(url, *, is_killed=False):
    run = Run(url)
    try:
        yield run
    finally:
        if is_killed:
            run.process.kill()
        run.process.communicate(timeout=60)


@pytest.fixture
def url(tmp_path):
    tmp_path.chmod(0o700)
    return f"sqlite:///{tmp_path}/ledger.db"


def names(store):
    found = [record.campaign for _, record in store.tail("spring", 0)]
    store.check_place()
    return found


def test_watching_sees_all_and_changes_no_byte(url, tmp_path):
    with run_on(url) as run:
        run.write("a")
        watcher = Store.watch(url)
        for seen in (["a"], ["a", "b"]):
            before = files(tmp_path)
            assert set(before) == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
            assert names(watcher) == seen
            assert files(tmp_path) == before
            run.write("b" if len(seen) == 1 else "c")
    before = files(tmp_path)

    assert set(before) == {"ledger.db"}  # watching did not keep the run from folding its log into the file
    assert names(watcher) == ["a", "b", "c"]
    assert files(tmp_path) == before
    watcher.close()


def test_watching_after_a_crash_changes_no_byte(url, tmp_path):
    with run_on(url, is_killed=True) as run:
        run.write("a")
    before = files(tmp_path)
    watcher = Store.watch(url)

    assert set(before) == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert names(watcher) == ["a"]
    assert files(tmp_path) == before
    with run_on(url) as run:
        run.write("b")
        assert names(watcher) == ["a", "b"]
    watcher.close()


def test_what_was_read_while_a_run_began_is_not_believed(url):
    Store.open(url).close()
    watcher = Store.watch(url)
    assert watcher.tail("spring", 0) == []
    with run_on(url) as run:
        run.write("a")
        with pytest.raises(LedgerError, match="was written to while it was read"):
            watcher.check_place()
        assert names(watcher) == ["a"]
    watcher.close()


def test_a_ledger_that_was_moved_or_replaced_is_noticed(url, tmp_path):
    Store.open(url).close()
    watcher = Store.watch(url)
    assert names(watcher) == []
    (tmp_path / "ledger.db").rename(tmp_path / "elsewhere.db")
    with pytest.raises(LedgerError, match="was moved or replaced"):
        watcher.check_place()
    Store.open(url).close()
    with pytest.raises(LedgerError, match="was moved or replaced"):
        watcher.check_place()
    watcher.close()


def test_a_log_without_its_index_is_explained_and_left_alone(url, tmp_path):
    with run_on(url, is_killed=True) as run:
        run.write("a")
    (tmp_path / "ledger.db-shm").unlink()
    before = files(tmp_path)
    watcher = Store.watch(url)

    with pytest.raises(LedgerError, match="has a log without its index") as caught:
        watcher.tail("spring", 0)
    assert caught.value.next_step.endswith("python -m orchestrator list")
    assert files(tmp_path) == before
    watcher.close()


def test_nothing_can_be_written_through_a_watched_ledger(url):
    Store.open(url).close()
    watcher = Store.watch(url)
    with pytest.raises(LedgerError, match="only watched"):
        watcher.commit([record("a")], "r-1", {}, PosixSeconds(1.0))
    watcher.close()


def test_on_postgresql_every_transaction_is_read_only(postgres_url):
    Store.open(postgres_url).close()
    watcher = Store.watch(postgres_url)
    with pytest.raises(LedgerError, match="read-only transaction"):
        watcher.commit([record("a")], "r-1", {}, PosixSeconds(1.0))
    with watcher._transaction() as connection:
        for name in ("default_transaction_read_only", "transaction_read_only"):
            assert connection.execute(sa.text(f"SHOW {name}")).scalar() == "on"
    assert watcher.tail("spring", 0) == []
    watcher.close()
