"""Reading a ledger where SQLite can make no files beside it: on a disk that is read-only, or full."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from orchestrator.errors import LedgerError

_NO_PLACE: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL,
                              sqlite3.SQLITE_IOERR})  # fmt: skip
_LITTLE_SPACE: Final = 2**20
"""Bytes free on a disk that is as good as full: SQLite's own index needs no less."""

_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the copy's own folder there is for its owner alone


def has_no_place(error: BaseException) -> bool:
    """Whether SQLite failed since it can write to no file: the ledger's, or one of its own beside it."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _NO_PLACE


def cannot_write(path: Path) -> LedgerError:
    """Why a ledger cannot be written, as far as its disk shows it, and what to do."""
    reason, next_step = "the file or its folder is not writable", f"check who owns {path.parent}, and its disk"
    with suppress(OSError, AttributeError):  # Windows has no statvfs
        disk = os.statvfs(path.parent)
        if disk.f_flag & os.ST_RDONLY:
            reason, next_step = "its disk is read-only", f"mount the disk of {path} for writing"
        elif disk.f_bavail * disk.f_frsize < _LITTLE_SPACE:
            reason, next_step = "its disk is full", f"free up space on the disk of {path}"
    return LedgerError(
        f"nothing can be recorded in ledger {path}: {reason}",
        next_step=f"{next_step}, then run this again; a run in progress also stops cleanly on SIGTERM",
    )


class ReadOnlyLedger:
    """A ledger that is only read, without a file beside it. Not for one that another process may be writing.

    With one in use SQLite needs no help: its write-ahead log and the index of that are there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._address: str | None = None
        self._copies = ExitStack()

    def connect(self, timeout: float) -> sqlite3.Connection:
        """A connection that writes nothing. Raises LedgerError if there is no room for a copy."""
        if self._address is None:
            self._address = self._find()
        connection = sqlite3.connect(
            self._address, uri=True, timeout=timeout, check_same_thread=False, isolation_level=None
        )
        connection.execute("PRAGMA query_only=ON")
        return connection

    def _find(self) -> str:
        log = self._path.with_name(f"{self._path.name}-wal")
        if not log.exists() or not log.stat().st_size:
            # All of it is in the one file. `immutable`: SQLite looks for no log, and takes no lock.
            return f"{self._path.as_uri()}?mode=ro&immutable=1"
        # The newest records are in the log alone, and to read them SQLite needs a place for its index.
        return f"{self._copied(log).as_uri()}?mode=rw"

    def _copied(self, log: Path) -> Path:
        """The ledger with its log, in a folder of the system's for files that do not stay."""
        error: OSError | None = None
        for place in (None, _IN_MEMORY):  # None: what the system, or TMPDIR, names
            try:
                folder = Path(
                    self._copies.enter_context(tempfile.TemporaryDirectory(prefix="orchestrator-ledger-", dir=place))
                )
                for file in (self._path, log):
                    shutil.copyfile(file, folder / file.name)
            except OSError as failed:
                error = failed
                continue
            return folder / self._path.name
        size = (self._path.stat().st_size + log.stat().st_size) // 2**20 + 1
        reason = error.strerror if error is not None else ""
        raise LedgerError(
            f"ledger {self._path} can only be read from a copy, and there is no room for one ({reason})",
            next_step=f"set TMPDIR to a folder with {size} MiB of free space, then run this again",
        )

    @property
    def is_in_use(self) -> bool:
        """Whether a connection had to be made this way."""
        return self._address is not None

    def refusal(self) -> LedgerError:
        """What a command that writes ends with."""
        return cannot_write(self._path)

    def close(self) -> None:
        """Remove the copy."""
        self._copies.close()
