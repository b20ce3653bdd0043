"""What the ledger's statements need of the database below them; `sqlite` and `postgres` each make one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from orchestrator.core.journal.lease import Moment
from orchestrator.core.text import names_secret
from orchestrator.errors import LedgerError
from orchestrator.model import PosixSeconds


class UnreachableError(LedgerError):
    """The database did not answer, or the connection broke. A commit may or may not have been carried out."""


class LockLaunch(Protocol):
    """Takes a launch's lock until the transaction ends: a command and a commit with intents exclude each other."""

    def __call__(self, connection: sa.Connection, launch: str, /, *, shared: bool) -> None:
        """Wait for the lock: `shared` for a commit with intents, exclusive for a command."""
        ...


def refuse_password(url: sa.URL) -> None:
    """Raise LedgerError for an address that holds a secret: it is printed, and ends up in reports and process lists."""
    if url.password is not None or names_secret(url.query):
        raise LedgerError(
            "the ledger's address must not contain a password", next_step="leave it out; use PGPASSWORD or ~/.pgpass"
        )


def autobegin(_: sa.Connection) -> None:
    """The driver begins a transaction with its first statement."""


def _no_advice(_: BaseException) -> str | None:
    """A failure that has no next step of its own."""
    return None


def _nothing_lacks(_: sa.Connection) -> None:
    """To have begun a transaction that writes is all the right that it takes."""


def _nothing() -> None:
    """A database server looks after its files itself."""


@dataclass(frozen=True, slots=True)
class Backend:
    """An open database. `check` raises LedgerError for one that is damaged or unsafe."""

    engine: sa.Engine
    hint: str  # the next step after a failure, for a person
    patience: float  # seconds for which a commit is tried again while the database does not answer
    now: Callable[[sa.Connection], PosixSeconds]  # POSIX seconds by the one clock that all users of the ledger share
    moment: Callable[[PosixSeconds], Moment]  # the instant of the call, where `now` is the caller's time
    lock_launch: LockLaunch
    check: Callable[[sa.Connection], str | None]  # what is wrong with it, or None
    advise: Callable[[BaseException], str | None] = _no_advice  # the next step after this failure, instead of `hint`
    check_rights: Callable[[sa.Connection], None] = _nothing_lacks  # raises LedgerError if a run could not write
    begin: Callable[[sa.Connection], None] = autobegin  # reads the execution option `writes`
    check_place: Callable[[], None] = _nothing  # raises LedgerError if its address leads to another ledger by now
    closed: Callable[[], None] = _nothing  # called after the last connection was closed
    place: str = ""  # where it lies, in words for people, if its address does not say it
    made: str = ""  # where it lies, in words for people, if there was none before it was opened

    def is_away(self, error: BaseException) -> bool:
        """Whether the error means that the database cannot be reached for now, not that it refused a statement."""
        is_away = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
        # A process that was suspended while the server ended its transaction gets an InternalError.
        is_away |= isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
        return self.patience > 0 and is_away
