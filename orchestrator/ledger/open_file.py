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
        _open_here.add(self)

    def remember_log(self) -> None:
        """Remember the write-ahead log that the first connection opened."""
        if self._log_identity is None and self._log.exists():
            self._log_identity = _identity(self._log)

    def check(self) -> None:
        """Raise LedgerError where the path leads to another file, or to none.

        SQLite goes on writing into a file that was removed or renamed, and to a removed log: the next run would find
        nothing of it, and start the same campaigns again.
        """
        _check(self._path, self.identity)
        if self._log_identity is not None:
            _check(self._log, self._log_identity)

    def close(self) -> None:
        """The ledger is closed."""
        _open_here.discard(self)


def _identity(path: Path) -> Identity:
    found = os.stat(path)  # noqa: PTH116 - at every commit, and Path.stat takes twice as long
    return found.st_dev, found.st_ino


def _check(path: Path, expected: Identity) -> None:
    try:
        if _identity(path) == expected:
            return
        what = "was replaced by another file"
    except FileNotFoundError:
        what = "was moved or removed"
    except OSError as error:
        what = f"cannot be found any more ({error.strerror})"
    raise LedgerError(
        f"{path} {what} while this run had it open: put the old one back before you run again, since without it "
        "a run knows nothing of what was sent"
    )
