"""Commits batches of records for a run, and decides what becomes of each: a writer without its thread and loop."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlalchemy.exc import IntegrityError

from orchestrator.core.attempt.permit import Permit, grant
from orchestrator.core.journal.control import Committed, ControlState
from orchestrator.core.journal.lease import SURE_SECONDS, AcquiredLease, Fences
from orchestrator.errors import JournalWriteError, LedgerError
from orchestrator.model import Lane, PosixSeconds, Record
from orchestrator.ports import Clock


class Commits(Protocol):
    """What a committer needs of a store."""

    def commit(self, records: Sequence[Record], run_id: str, fences: Fences, now: PosixSeconds) -> Committed:
        """Append records in one transaction, renewing leases. Returns the lost lanes and the commands in force."""
        ...

    def check_place(self) -> None:
        """Raise LedgerError if the next run would not find the journal at its address."""
        ...

    def control_state(self, launch: str) -> ControlState:
        """The command in force for a launch."""
        ...


class Committer:
    """Commits batches for one run. After a failed commit it refuses every record. Not for use by threads at once."""

    def __init__(self, store: Commits, run_id: str, lanes: Iterable[AcquiredLease], clock: Clock) -> None:
        self._store = store
        self._run_id = run_id
        self._fences = {lane.lane: lane.fence for lane in lanes}
        self._clock = clock
        self._lost: frozenset[Lane] = frozenset()
        self._held_until = clock.now() + SURE_SECONDS
        self.broken: JournalWriteError | None = None

    def holds(self, lane: Lane) -> bool:
        """Whether the run holds the lane now, as far as its last commit knows."""
        return lane not in self._lost and self._clock.now() < self._held_until

    def commit(self, batch: Sequence[Record]) -> list[Exception | None]:
        """Commit, and return for each record why it was refused, or None if it is stored."""
        if self.broken is not None:
            return [self.broken] * len(batch)
        now = self._clock.now()
        try:
            # Before, so that a journal that was moved away gets no more intents; after, for a move during the commit.
            self._store.check_place()
            found = self._store.commit(batch, self._run_id, self._fences, now)
            self._store.check_place()
        except IntegrityError as error:
            return self._commit_singly(batch, error)
        except LedgerError as error:
            return self._break(batch, _journal_error(error))
        except Exception as error:  # noqa: BLE001 - if the thread died, every caller would wait forever
            return self._break(batch, JournalWriteError(f"the journal's writer failed ({error!r})"))
        self._lost, self._held_until = found.lost, now + SURE_SECONDS
        return [found.refusal(record) for record in batch]

    def control_state(self, launch: str) -> ControlState | Exception:
        """The command in force, or why it is not known.

        LedgerError: it cannot be read now. JournalWriteError: the journal is broken for good.
        """
        # A run may wait for hours between two commits, and its ledger be gone.
        try:
            self._store.check_place()
        except LedgerError as error:
            self.broken = self.broken or _journal_error(error)
        if self.broken is not None:
            return self.broken
        try:
            return self._store.control_state(launch)
        except Exception as error:  # noqa: BLE001 - on the same thread, which must not die
            return LedgerError(f"the ledger cannot be read ({error})")

    def _break(self, batch: Sequence[Record], error: JournalWriteError) -> list[Exception | None]:
        self.broken = error
        return [error] * len(batch)

    def _commit_singly(self, batch: Sequence[Record], error: IntegrityError) -> list[Exception | None]:
        """Commit one by one, so that only the record that is there already is refused."""
        if len(batch) > 1:
            return [answer for record in batch for answer in self.commit([record])]
        what = f"{batch[0].kind} of attempt {batch[0].attempt} of {batch[0].campaign}"
        return [JournalWriteError(f"the journal has a record already: {what} ({error.orig})")]


def _journal_error(error: LedgerError) -> JournalWriteError:
    return JournalWriteError(error.message, next_step=error.next_step)


class PermitGranting(ABC):
    """The rule of permits for every kind of writer: a permit is granted after its intent is committed."""

    @abstractmethod
    def record(self, record: Record) -> asyncio.Future[None]:
        """Commit the record. The future raises JournalWriteError; for an intent, also LeaseLost and LaunchHeld."""

    async def permit(self, intent: Record) -> Permit:
        """Commit the intent, then grant. Raises LeaseLost, LaunchHeld, JournalWriteError; then nothing may be sent."""
        await self.record(intent)
        return grant(intent)
