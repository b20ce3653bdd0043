"""What the ledger's statements need to know of the database below them; made by `sqlite` and by `postgres`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from orchestrator.core.journal.lease import Moment
from orchestrator.errors import LedgerError


class UnreachableError(LedgerError):
    """The database did not answer, or broke off. A commit may or may not have been carried out."""


class LockLaunch(Protocol):
    """Orders, until the transaction ends, what people say of a launch among the commits that ask for its permits."""

    def __call__(self, connection: sa.Connection, launch: str, /, *, shared: bool) -> None:
        """Wait for the lock: `shared` for those who ask, alone for a word."""
        ...


def _autobegin(_: sa.Connection) -> None:
    """The driver begins a transaction with its first statement."""


@dataclass(frozen=True, slots=True)
class Backend:
    """An open database. `check` raises LedgerError for one that is damaged or unsafe."""

    engine: sa.Engine
    hint: str  # what to do about a failure, in words
    patience: float  # seconds for which a commit is tried again while the database does not answer
    now: Callable[[sa.Connection], float]  # POSIX seconds by the one clock that all users of the ledger share
    moment: Callable[[float], Moment]  # the instant of the call, where `now` is the caller's time
    lock_launch: LockLaunch
    check: Callable[[sa.Connection], str | None]  # what is wrong with it, None where nothing is
    begin: Callable[[sa.Connection], None] = _autobegin  # the execution option `writes` says whether it will write

    def is_away(self, error: BaseException) -> bool:
        """Whether the error says that the database cannot be reached for now, rather than that it refused."""
        is_away = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
        # A process that woke in a transaction which the server had ended is told so by an InternalError.
        is_away |= isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
        return self.patience > 0 and is_away
