"""The file of an open ledger: its path must lead to it for as long as it is open."""

import os
from pathlib import Path
from typing import Final

from orchestrator.errors import LedgerError

Identity = tuple[int, int]
"""Device and inode of a file."""

_open_here: Final[set["OpenFile"]] = set()


def is_open_here(path: Path) -> bool:
    """Whether this process has the file open as a ledger."""
    return path.exists() and _identity(path) in {file.identity for file in tuple(_open_here)}


class OpenFile:
    """An open ledger's file and its write-ahead log, by device and inode. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self.identity = _identity(path)
        self._log_identity: Identity | None = None
        self._size = 0
        _open_here.add(self)

    def remember_log(self) -> None:
        """Remember the write-ahead log that the first connection opened."""
        if self._log_identity is None and self._log.exists():
            self._log_identity = _identity(self._log)

    def check(self) -> None:
        """Raise LedgerError if the path leads to another file, or to none.

        SQLite goes on writing into a file that was removed or renamed, and to a removed log: the next run would find
        nothing of it, and start the same campaigns again.
        """
        size = _check(self._path, self.identity)
        # SQLite never makes it shorter: a copy of an older one was written into the same file.
        if size < self._size:
            raise _gone(self._path, "was overwritten by an older one")
        self._size = size
        if self._log_identity is not None:
            _check(self._log, self._log_identity)

    def close(self) -> None:
        """The ledger is closed."""
        _open_here.discard(self)


def _identity(path: Path) -> Identity:
    found = path.stat()
    return found.st_dev, found.st_ino


def _check(path: Path, expected: Identity) -> int:
    """The file's size in bytes. Raises LedgerError if it is not the one that is expected."""
    try:
        found = os.stat(path)  # noqa: PTH116 - at every commit, and Path.stat takes twice as long
    except FileNotFoundError:
        raise _gone(path, "was moved or removed") from None
    except OSError as error:
        raise _gone(path, f"can no longer be found ({error.strerror})") from error
    if (found.st_dev, found.st_ino) != expected:
        raise _gone(path, "was replaced by another file")
    return found.st_size


def _gone(path: Path, what: str) -> LedgerError:
    return LedgerError(
        f"{path} {what} while this run had it open: put the old one back before you run again: without it, "
        "a run does not know what was sent"
    )
