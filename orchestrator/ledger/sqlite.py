"""A ledger in an SQLite file: one machine."""

import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from orchestrator.clock import moment
from orchestrator.ledger.backend import Backend
from orchestrator.ledger.open_file import OpenFile, is_open_here
from orchestrator.ledger.read_only import ReadOnlyLedger, cannot_write, has_no_place
from orchestrator.ledger.sqlite_file import check_file, create_file, safe_path
from orchestrator.model import PosixSeconds

_BUSY_SECONDS: Final = 10


def open_sqlite(url: sa.URL, *, create: bool) -> Backend:
    """The database in a file. Raises LedgerError: damaged, not a ledger, or in an unsafe place."""
    path = safe_path(url.database or "", create=create)
    is_new = create and not path.exists() and create_file(path)
    # A file that this process has open was checked then. To read it once more, without SQLite, would end the locks
    # that POSIX gives this process: the next process to close the ledger would remove the log that we write to.
    if not is_open_here(path):
        check_file(path)
    file = OpenFile(path)
    # A ledger that may be made here is one to write to: to read it alone would only put the refusal off.
    reader = None if create else ReadOnlyLedger(path)
    # No patience: a disk that failed once may have lost what it acknowledged before.
    return Backend(
        engine=_engine(path, file, reader),
        hint="check the disk and the file, then run again",
        patience=0.0,
        now=lambda _: PosixSeconds(time.time()),
        moment=moment,
        lock_launch=_lock_launch,
        check=_check,
        begin=partial(_begin, reader),
        advise=partial(_advise, path),
        check_place=file.check,
        closed=partial(_close, file, reader),
        place=str(path),
        made=str(path) if is_new else "",
    )


def _begin(reader: ReadOnlyLedger | None, connection: sa.Connection) -> None:
    # The driver's own deferred BEGIN would let two runs read a lease before either writes it.
    # A transaction that only reads must not ask for the write lock: it has to work on a full disk, too.
    # Not in an event listener: with one, SQLAlchemy looks for listeners around every statement, a tenth of a commit.
    writes = connection.get_execution_options()["writes"]
    if writes and reader is not None and reader.is_in_use:
        raise reader.refusal()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _lock_launch(connection: sa.Connection, launch: str, /, *, shared: bool) -> None:
    """Do nothing: a transaction that writes began with BEGIN IMMEDIATE, and has the whole file."""


def _check(connection: sa.Connection) -> str | None:
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    return None if found == "ok" else f"is damaged ({found})"


def _close(file: OpenFile, reader: ReadOnlyLedger | None) -> None:
    file.close()
    if reader is not None:
        reader.close()


def _advise(path: Path, error: BaseException) -> str | None:
    """What to do where SQLite found no place to write; None if its own words must do."""
    return cannot_write(path).next_step if has_no_place(error) else None


def _engine(path: Path, file: OpenFile, reader: ReadOnlyLedger | None) -> sa.Engine:
    # Not `mode=rwc`, the usual: where the file is gone, SQLite would make an empty one in its place.
    address = f"{path.as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        try:
            return _connected(address)
        except sqlite3.Error as error:
            if reader is None or not has_no_place(error):
                raise
            return reader.connect(_BUSY_SECONDS)

    def prepare(_: Any, __: Any) -> None:
        file.remember_log()
        file.check()

    # A connection for each thread: one thread's long read must not be part of another thread's transaction.
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool)
    sa.event.listen(engine, "connect", prepare)
    return engine


def _connected(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None
    )
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
