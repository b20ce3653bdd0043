"""Ledgers on a disk that is read-only or full: what was sent can be read there, and nothing pretends to be recorded."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing

import pytest

from orchestrator.core.journal.lease import Holder
from orchestrator.errors import LedgerError
from orchestrator.ledger import read_only
from orchestrator.ledger.store import Store
from orchestrator.model import Home, Lane, Record
from tests.paths import ROOT

UNSHARE = shutil.which("unshare")
NOW = 1_700_000_000.0
LANE = Lane("https://host a1")

MOUNT = """
set -e
mount -t tmpfs -o size=3m,mode=0700 tmpfs "$1"
cp -p "$2"/* "$1"
"""
READ_ONLY = 'mount -o remount,ro "$1"\n'
FULL = 'dd if=/dev/zero of="$1/other" bs=64k 2> /dev/null || true\n'
COMMAND = 'shift 2; exec "$@"\n'


def may_mount():
    done = subprocess.run([UNSHARE, "-m", "true"], check=False, capture_output=True)
    return os.geteuid() == 0 and done.returncode == 0


needs_mounts = pytest.mark.skipif(UNSHARE is None or not may_mount(), reason="no file system may be mounted here")


@pytest.fixture
def ledger(tmp_path):
    """The folder of a ledger with one campaign started, and the folder that a disk is mounted on."""
    tmp_path.chmod(0o700)
    source = tmp_path / "source"
    source.mkdir(mode=0o700)
    store = Store.open(f"sqlite:///{source}/ledger.db")
    store.bind_launch("spring", Home("https://host"), NOW)
    store.acquire([LANE], Holder("r-1", "spring", "elsewhere", 1), NOW)
    header = {"manifest": "m.yaml", "manifest_sha256": "0", "plan_sha256": "0", "host": "https://host", "ledger": "x",
              "warnings": []}  # fmt: skip
    store.commit([Record("spring", "@r-1", 0, "run", "r-1", NOW, "", header)], "r-1", {}, NOW)
    yield source, store
    store.close()


def with_log(source, tmp_path, *, index):
    """A copy as a killed run leaves it: the newest records are in the log alone."""
    left = tmp_path / "left"
    left.mkdir(mode=0o700)
    for name in ("ledger.db", "ledger.db-wal", *(["ledger.db-shm"] if index else [])):
        shutil.copy2(source / name, left)
    return left


class Disk:
    """Runs commands where the ledger's folder is on a disk of its own."""

    def __init__(self, tmp_path, source, state):
        self._script, self._source = MOUNT + state + COMMAND, source
        self.folder = tmp_path / "disk"
        self.folder.mkdir(mode=0o700)
        self.temporary = tmp_path / "tmp"
        self.temporary.mkdir()

    def run(self, *arguments):
        return self._run(*arguments, "--ledger", f"sqlite:///{self.folder}/ledger.db")

    def run_on(self, manifest):
        return self._run("run", manifest)

    def _run(self, *arguments):
        command = [sys.executable, "-m", "orchestrator", *arguments]
        return subprocess.run(
            [UNSHARE, "-m", "sh", "-c", self._script, "sh", self.folder, self._source, *command],
            check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary)},
        )  # fmt: skip


STATES = {"read-only": READ_ONLY, "full": FULL}


@needs_mounts
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("left", ["closed", "log", "log without index"])
def test_status_reads_a_ledger_on_a_disk_that_takes_nothing(ledger, tmp_path, state, left):
    source, store = ledger
    if left == "closed":
        store.close()
    else:
        source = with_log(source, tmp_path, index=left == "log")
    disk = Disk(tmp_path, source, STATES[state])
    done = disk.run("status", "spring", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["run"]["run_id"] == "r-1"
    assert list(disk.temporary.iterdir()) == []


@needs_mounts
@pytest.mark.parametrize(
    ("command", "state", "left"),
    [
        ("abort", "read-only", "closed"),
        ("abort", "full", "log"),
        ("abort", "full", "log without index"),
        ("pause", "read-only", "log"),
        ("pause", "full", "closed"),
    ],
)
def test_a_command_that_cannot_be_recorded_ends_with_8(ledger, tmp_path, state, left, command):
    source, store = ledger
    if left == "closed":
        store.close()
    else:
        source = with_log(source, tmp_path, index=left == "log")
    disk = Disk(tmp_path, source, STATES[state])
    done = disk.run(command, "spring", "--reason", "x")

    assert done.returncode == 8, done.stdout + done.stderr
    assert done.stdout == ""
    words = {"full": "free up space on the disk of", "read-only": "mount the disk of"}[state]
    assert f"next: {words} {disk.folder}/ledger.db" in done.stderr
    assert "a run in progress also stops cleanly on SIGTERM" in done.stderr
    if left != "log":
        assert f"nothing can be recorded in ledger {disk.folder}/ledger.db: its disk is {state}" in done.stderr


@needs_mounts
@pytest.mark.parametrize("state", STATES)
def test_a_report_is_written_elsewhere_from_such_a_disk(ledger, tmp_path, state):
    source, store = ledger
    store.close()
    done = Disk(tmp_path, source, STATES[state]).run("report", "spring", "--dir", str(tmp_path / "reports"))

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "reports" / "spring" / "result.json").read_text(encoding="utf-8"))["run"]


@needs_mounts
@pytest.mark.parametrize(("state", "words"), [("read-only", "its disk is read-only"), ("full", "its disk is full")])
def test_doctor_finds_a_ledger_that_cannot_be_written(ledger, tmp_path, state, words):
    source, store = ledger
    store.close()
    done = Disk(tmp_path, source, STATES[state]).run("doctor")

    assert done.returncode == 4
    assert f"bad   ledger: nothing can be recorded in ledger {tmp_path}/disk/ledger.db: {words}" in done.stdout


@needs_mounts
@pytest.mark.parametrize("state", STATES)
def test_a_run_on_such_a_disk_is_refused_before_its_first_call(ledger, tmp_path, state):
    source, store = ledger
    store.close()
    disk = Disk(tmp_path, source, STATES[state])
    manifest = {"version": 1, "launch": "spring", "host": "sandbox", "accounts": {"a": {"account_id": "a1"}},
                "defaults": {"account": "a"}, "campaigns": [{"stream": "s", "campaign": "c"}],
                "ledger": f"sqlite:///{disk.folder}/ledger.db"}  # fmt: skip
    (tmp_path / "m.yaml").write_text(json.dumps(manifest), encoding="utf-8")
    done = disk.run_on(tmp_path / "m.yaml")

    assert done.returncode == 8, done.stderr
    assert "no start was sent" in done.stderr
    assert f"the disk of {disk.folder}/ledger.db" in done.stderr


# Without a mount


@pytest.fixture
def nothing_beside(monkeypatch):
    """SQLite can make no file beside a ledger, as on such a disk."""

    def connect(*arguments, **options):
        if str(arguments[0]).endswith("?mode=rw") and "orchestrator-ledger-" not in str(arguments[0]):
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        return real(*arguments, **options)

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", connect)


def test_what_only_the_log_has_is_read_from_a_copy(ledger, tmp_path, nothing_beside):
    source, _ = ledger
    left = with_log(source, tmp_path, index=False)
    with closing(Store.open(f"sqlite:///{left}/ledger.db", create=False)) as store:
        assert [record.kind for record in store.read("spring")] == ["run"]
        with pytest.raises(LedgerError, match="nothing can be recorded"):
            store.bind_launch("autumn", Home("https://host"), NOW)

    assert {file.name for file in left.iterdir()} == {"ledger.db", "ledger.db-wal"}


def test_a_copy_without_room_asks_for_a_folder_that_has_it(ledger, tmp_path, nothing_beside, monkeypatch):
    source, _ = ledger
    left = with_log(source, tmp_path, index=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    monkeypatch.setattr(read_only, "_IN_MEMORY", tmp_path / "missing")
    with pytest.raises(LedgerError, match="can only be read from a copy, and there is no room for one") as caught:
        Store.open(f"sqlite:///{left}/ledger.db", create=False)

    assert caught.value.next_step.startswith("set TMPDIR to a folder with 1 MiB of free space")


def test_a_run_reads_no_copy(ledger, tmp_path, nothing_beside):
    source, _ = ledger
    with pytest.raises(LedgerError, match="unable to open database file"):
        Store.open(f"sqlite:///{with_log(source, tmp_path, index=False)}/ledger.db")


SETPRIV = shutil.which("setpriv")


@pytest.mark.skipif(SETPRIV is None or os.geteuid() != 0, reason="the rights of root cannot be set aside here")
@pytest.mark.parametrize(("command", "code"), [(("status", "spring"), 0), (("abort", "spring", "--reason", "x"), 8)])
def test_a_folder_that_its_user_may_not_write_can_be_read(ledger, command, code):
    source, store = ledger
    store.close()
    (source / "ledger.db").chmod(0o400)
    source.chmod(0o500)
    address = f"sqlite:///{source}/ledger.db"
    done = subprocess.run(
        [SETPRIV, "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-m", "orchestrator", *command,
         "--ledger", address], check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    source.chmod(0o700)

    assert done.returncode == code, done.stderr
    if code:
        assert "the file or its folder is not writable" in done.stderr
