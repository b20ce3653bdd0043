"""A ledger in an SQLite file as it is watched: not a byte of it, nor of the files beside it, is changed.

SQLite alone would change some: a reader makes the write-ahead log and its index where they are missing, marks in the
index what it reads, and folds the log into the file when it is the last to close it.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Final

import sqlalchemy as sa

from orchestrator.clock import moment
from orchestrator.errors import LedgerError
from orchestrator.ledger.backend import Backend
from orchestrator.ledger.sqlite_file import check_file, safe_path
from orchestrator.model import PosixSeconds

_BUSY_SECONDS: Final = 2
_SHARED_FIRST: Final = 0x40000002
_SHARED_SIZE: Final = 510
"""The bytes that SQLite locks while a connection has the file open: a run that ends leaves its log beside it then."""

_State = tuple[tuple[int, int, int, int] | None, ...]


def watch_sqlite(url: sa.URL) -> Backend:
    """The database in a file, for reading alone. Raises LedgerError: damaged, not a ledger, or in an unsafe place.

    `check_place` of the backend is to be called after what was read, and before it is believed.
    """
    path = safe_path(url.database or "", create=False)
    check_file(path)
    watched = _Watched(path, _file_locks())
    return Backend(
        engine=sa.create_engine("sqlite://", creator=watched.connect, poolclass=sa.pool.NullPool),
        hint="check the disk and the file",
        patience=0.0,
        now=lambda _: PosixSeconds(time.time()),
        moment=moment,
        lock_launch=_refuse_lock,
        check=lambda _: None,  # a whole check takes as long as the file is large; runs make it
        begin=_begin,
        check_place=watched.check,
        closed=watched.close,
    )


def _refuse_lock(*_: object, **__: object) -> None:
    raise LedgerError("this ledger is only watched")


def _begin(connection: sa.Connection) -> None:
    if connection.get_execution_options()["writes"]:
        raise LedgerError("this ledger is only watched")
    connection.exec_driver_sql("BEGIN")


def _file_locks() -> ModuleType | None:
    """The module of POSIX file locks; None on Windows, which has none.

    There, an empty log may stay beside the file where a run closes it in the very moment of a look. It holds nothing.
    """
    try:
        import fcntl
    except ImportError:
        return None
    return fcntl


class _Watched:
    """The file, and whether what was read of it is one state of the ledger."""

    def __init__(self, path: Path, locks: ModuleType | None) -> None:
        self._path = path
        self._locks = locks
        self._files = tuple(path.with_name(f"{path.name}{ending}") for ending in ("", "-wal", "-shm"))
        try:
            # Open until the end: to close it would end the locks that SQLite has of this process.
            self._handle = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise LedgerError(f"ledger {path} cannot be read: {error.strerror}") from error
        self._identity = _state(path)
        self._at_rest: _State | None = None

    def connect(self) -> sqlite3.Connection:
        """A connection for one transaction: a longer one would keep runs from folding their log into the file."""
        with self._unclosed():
            log, index = (_state(file) for file in self._files[1:])
            if log is not None and log[2] > 0:
                if index is None:
                    raise LedgerError(
                        f"ledger {self._path} has a log without its index, as a restored backup may have",
                        next_step="repair it with a command that may write: python -m orchestrator list",
                    )
                return self._connected("readonly_shm=1")
            self._unlock()
        # All of it is in the one file, as long as nobody begins to write: `check` finds out.
        self._at_rest = self._at_rest or self._found()
        return self._connected("immutable=1")

    @contextmanager
    def _unclosed(self) -> Iterator[None]:
        """While the block runs, no process that closes the ledger removes its log: SQLite would make an empty one.

        A connection that is made meanwhile has the lock of its own, and ends both.
        """
        try:
            if self._locks is not None:
                how = self._locks.LOCK_SH | self._locks.LOCK_NB
                self._locks.lockf(self._handle, how, _SHARED_SIZE, _SHARED_FIRST)
        except OSError as error:
            raise LedgerError(f"ledger {self._path} is being closed by a run") from error
        try:
            yield
        except BaseException:
            self._unlock()
            raise

    def _unlock(self) -> None:
        if self._locks is not None:
            self._locks.lockf(self._handle, self._locks.LOCK_UN, _SHARED_SIZE, _SHARED_FIRST)

    def _connected(self, how: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=ro&{how}", uri=True, timeout=_BUSY_SECONDS, check_same_thread=False,
            isolation_level=None,
        )  # fmt: skip
        try:
            # The log is opened by the first statement, while it cannot go away.
            connection.execute("PRAGMA query_only=ON")
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _found(self) -> _State:
        return tuple(_state(file) for file in self._files[:2])

    def close(self) -> None:
        """The ledger is closed."""
        os.close(self._handle)

    def check(self) -> None:
        """Raise LedgerError if the path leads to another file by now, or was written while it seemed at rest."""
        found, before = _state(self._path), self._identity
        if found is None or before is None or found[:2] != before[:2]:
            raise LedgerError(f"ledger {self._path} was moved or replaced")
        at_rest, self._at_rest = self._at_rest, None
        if at_rest is not None and at_rest != self._found():
            raise LedgerError(f"ledger {self._path} was written to while it was read")


def _state(path: Path) -> tuple[int, int, int, int] | None:
    """Device, inode, size in bytes and time of the last change of a file; None if there is none."""
    with suppress(FileNotFoundError):
        found = path.stat()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
    return None
