"""Where a ledger's file may lie, and how a new one appears as a whole."""

import os
import shlex
import sqlite3
import stat
import uuid
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.schema import CreateTable

from orchestrator import places
from orchestrator.errors import LedgerError
from orchestrator.ledger.file_system import check_local
from orchestrator.ledger.schema import APPLICATION_ID, UPGRADE, VERSION, metadata, newer_version
from orchestrator.places import ledger_file

_SQLITE_HEADER: Final = b"SQLite format 3\0"
_MAKE_ROOM: Final = "make its folder for this user, with mode 700, or name another place"


def safe_path(database: str, *, create: bool) -> Path:
    """The absolute path. Raises LedgerError if others could write there, or locks cannot be trusted."""
    try:
        path = ledger_file(database)
    except OSError as error:
        raise LedgerError(
            f"ledger {database}: {error.strerror}", next_step="write the full path of the ledger"
        ) from error
    try:
        if create:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not path.exists():
            raise LedgerError(
                f"there is no ledger at {path}", next_step="run a manifest first, or name its ledger with --ledger"
            )
        _check_modes_and_file_system(path)
    except OSError as error:
        raise LedgerError(f"ledger {path}: {error.strerror}", next_step=_MAKE_ROOM if create else "") from error
    return path


def check_place(path: Path) -> None:
    """Raise LedgerError if a ledger that is not there yet could not be made. Makes nothing."""
    try:
        folder = next(folder for folder in path.parents if os.path.lexists(folder))
        if not folder.is_dir():
            raise LedgerError(f"ledger {path}: {folder} is not a folder")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise LedgerError(
                f"ledger {path} cannot be created: {folder} is not writable",
                next_step=_MAKE_ROOM,
            )
        _check_modes_and_file_system(path)
    except OSError as error:
        raise LedgerError(f"ledger {path}: {error.strerror}") from error


def _check_modes_and_file_system(path: Path) -> None:
    # On Windows modes say nothing: who may write there is decided by the folder, and by default that is its owner.
    modes = () if places.IS_WINDOWS else ((path.parent, 0o700), (path, 0o600))
    for part, widest in modes:
        # Not the bits above: a folder inherits setgid from its parent, and lets nobody in by it.
        if part.exists() and part.stat().st_mode & 0o777 & ~widest:
            mode = f"{stat.S_IMODE(part.stat().st_mode):04o}"
            raise LedgerError(
                f"{part} has mode {mode}, wider than {widest:04o}: others could change the journal",
                next_step=f"chmod {widest:o} {shlex.quote(str(part))}",
            )
    check_local(path)


def check_file(path: Path) -> None:
    """Raise LedgerError for a file that is not a whole ledger. It is only read."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
        size = path.stat().st_size
    except OSError as error:
        raise LedgerError(f"ledger {path}: {error.strerror}") from error
    if len(header) < 100 or not header.startswith(_SQLITE_HEADER):
        raise LedgerError(f"{path} is damaged or not a ledger: it has no database header")
    page = int.from_bytes(header[16:18], "big")
    if size % (65536 if page == 1 else max(page, 1)):
        # SQLite reads a page that was cut as if zeros ended it, and its own check finds nothing wrong.
        raise LedgerError(f"{path} is damaged: it ends in the middle of a page")
    version, identity = int.from_bytes(header[60:64], "big"), int.from_bytes(header[68:72], "big")
    if identity != APPLICATION_ID or version != VERSION:
        newer = newer_version(version) if identity == APPLICATION_ID else ""
        other = "name the ledger's file with sqlite:///PATH, or restore it from a backup"
        raise LedgerError(f"{path} is not a ledger of this version{newer}", next_step=UPGRADE if newer else other)


def create_file(path: Path) -> bool:
    """Make an empty ledger appear as a whole: a half-made one would look like a launch that never started anything.

    Whether it was made here: another run may have been quicker.
    """
    # Not the pid: two launches in one process share it, and so may a run in a new container after a crash.
    draft = path.with_name(f"{path.name}.new-{uuid.uuid4().hex}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _fill(draft)
            return _link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"cannot create ledger {path}: {error}") from error


def _fill(draft: Path) -> None:
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")  # `_link` synchronises the whole file before it is visible
        for table in metadata.sorted_tables:
            connection.execute(str(CreateTable(table).compile(dialect=dialect())))
        # Before the file is visible: two runs that both switch it to WAL find it locked, whatever the busy timeout.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={VERSION}")


def _link(draft: Path, path: Path) -> bool:
    _synchronise(draft)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False  # another run was quicker; its file is used
    _synchronise(path.parent)
    return True


def _synchronise(path: Path) -> None:
    if places.IS_WINDOWS and path.is_dir():
        return  # a folder cannot be opened there
    # Windows writes out only what may be written to.
    handle = os.open(path, os.O_RDWR if places.IS_WINDOWS else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
