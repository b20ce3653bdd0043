"""A ledger in an SQLite file: one machine."""

import time
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from orchestrator.clock import moment
from orchestrator.ledger.backend import Backend
from orchestrator.ledger.sqlite_file import check_file, create_file, safe_path

_BUSY_SECONDS: Final = 10


def open_sqlite(url: sa.URL, *, create: bool) -> Backend:
    """The database in a file. Raises LedgerError: damaged, not a ledger, or in an unsafe place."""
    path = safe_path(Path(url.database or ""), create=create)
    if create and not path.exists():
        create_file(path)
    check_file(path)
    # No patience: a disk that failed once may have lost what it acknowledged before.
    return Backend(
        engine=_engine(path),
        hint="check the disk and the file, then run again",
        patience=0.0,
        now=lambda _: time.time(),
        moment=moment,
        lock_launch=_lock_launch,
        check=_check,
        begin=_begin,
    )


def _begin(connection: sa.Connection) -> None:
    # The driver's own deferred BEGIN would let two runs read a lease before either writes it.
    # A transaction that only reads must not ask for the write lock: it has to work on a full disk, too.
    # Not in an event listener: with one, SQLAlchemy looks for listeners around every statement, a tenth of a commit.
    writes = connection.get_execution_options()["writes"]
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _lock_launch(connection: sa.Connection, launch: str, /, *, shared: bool) -> None:
    """Do nothing: a transaction that writes began with BEGIN IMMEDIATE, and has the whole file."""


def _check(connection: sa.Connection) -> str | None:
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    return None if found == "ok" else f"is damaged ({found})"


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        # A connection for each thread: one thread's long read must not be part of another thread's transaction.
        poolclass=sa.pool.QueuePool,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
    )

    def prepare(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    sa.event.listen(engine, "connect", prepare)
    return engine
