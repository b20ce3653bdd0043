"""Where a ledger's file may lie, and how it comes to be there whole."""

import os
import sqlite3
import stat
import uuid
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.schema import CreateTable

from orchestrator.errors import LedgerError
from orchestrator.ledger.schema import APPLICATION_ID, VERSION, metadata

_MAGIC: Final = b"SQLite format 3\0"
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"})


def safe_path(path: Path, *, create: bool) -> Path:
    """The absolute path. Raises LedgerError where others could write there, or locks cannot be trusted."""
    path = path.absolute()
    try:
        if create:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not path.exists():
            raise LedgerError(
                f"there is no ledger at {path}", next_step="run a manifest first, or name its ledger with --ledger"
            )
        _check_place(path)
    except OSError as error:
        raise LedgerError(f"ledger {path}: {error.strerror}") from error
    return path


def _check_place(path: Path) -> None:
    for place, widest in ((path.parent, 0o700), (path, 0o600)):
        if place.exists() and stat.S_IMODE(place.stat().st_mode) & ~widest:
            mode = f"{stat.S_IMODE(place.stat().st_mode):04o}"
            raise LedgerError(
                f"{place} has mode {mode}, wider than {widest:04o}: others could change the journal",
                next_step=f"chmod {widest:o} {place}",
            )
    kind = file_system(path.parent)
    if kind in _NETWORK:
        raise LedgerError(
            f"{path} is on a network file system ({kind}), whose locks cannot be trusted",
            next_step="put the ledger on a local disk",
        )


def file_system(directory: Path) -> str:
    """The type of the file system that holds `directory`; empty where the machine does not say."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    real = directory.resolve()
    best = ("", "")
    for line in mounts.splitlines():
        fields = line.split()
        point = fields[1].replace("\\040", " ")
        if real.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, fields[2])
    return best[1]


def check_file(path: Path) -> None:
    """Raise LedgerError for a file that is no whole ledger; it is read here, never changed."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
        size = path.stat().st_size
    except OSError as error:
        raise LedgerError(f"ledger {path}: {error.strerror}") from error
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise LedgerError(f"{path} is damaged, or no ledger: it has no database header")
    page = int.from_bytes(header[16:18], "big")
    if size % (65536 if page == 1 else max(page, 1)):
        # SQLite reads a page that was cut as if zeros ended it, and its own check finds nothing wrong.
        raise LedgerError(f"{path} is damaged: it ends in the middle of a page")
    version, identity = int.from_bytes(header[60:64], "big"), int.from_bytes(header[68:72], "big")
    if identity != APPLICATION_ID or version != VERSION:
        raise LedgerError(f"{path} is not a ledger of this version")


def create_file(path: Path) -> None:
    """Make an empty ledger appear at once: a half-made one would look like a launch that never started anything."""
    # Not the pid: two launches of one process have the same, and so has a run after a crash in a new container.
    draft = path.with_name(f"{path.name}.new-{uuid.uuid4().hex}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _fill(draft)
            _link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"cannot create ledger {path}: {error}") from error


def _fill(draft: Path) -> None:
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")  # it is synchronised as a whole, before anybody can see it
        for table in metadata.sorted_tables:
            connection.execute(str(CreateTable(table).compile(dialect=dialect())))
        # Here, where nobody else is: two runs that both switch a new file to WAL find it locked, busy timeout or not.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={VERSION}")


def _link(draft: Path, path: Path) -> None:
    _synchronise(draft)
    try:
        os.link(draft, path)
    except FileExistsError:
        return  # another run was quicker; its file is as good
    _synchronise(path.parent)


def _synchronise(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
