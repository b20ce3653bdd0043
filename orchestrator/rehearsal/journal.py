"""The journal of a rehearsed run: it commits on the loop's own clock, without a thread."""

import asyncio
from collections.abc import Iterable
from typing import Final

from orchestrator.core.journal.control import ControlState
from orchestrator.core.journal.lease import LEASE_SECONDS, AcquiredLease
from orchestrator.errors import JournalWriteError
from orchestrator.ledger.committer import Commits, Committer, PermitGranting
from orchestrator.model import Lane, Record
from orchestrator.ports import Clock

COMMIT_SECONDS: Final = 0.002
"""Seconds that a commit takes: an fsync on an ordinary disk."""


class VirtualJournal(PermitGranting):
    """Commits the records gathered since its last commit. Create it in the loop that uses it, and `close` it.

    `takes` is how long a commit takes, in seconds of the loop's clock.
    """

    def __init__(
        self,
        store: Commits,
        run_id: str,
        lanes: Iterable[AcquiredLease],
        clock: Clock,
        *,
        takes: float = COMMIT_SECONDS,
    ) -> None:
        self._committer = Committer(store, run_id, lanes, clock)
        self._takes = takes
        self._loop = asyncio.get_running_loop()
        self._gathered: list[tuple[Record, asyncio.Future[None]]] = []
        self._next: asyncio.TimerHandle | None = None
        self._renewal = self._loop.call_later(LEASE_SECONDS / 3, self._renew)

    def holds(self, lane: Lane) -> bool:
        """Whether the run holds the lane now, as far as its last commit knows."""
        return self._committer.holds(lane)

    def record(self, record: Record) -> asyncio.Future[None]:
        """Commit the record. The future raises JournalWriteError; for an intent, also LeaseLost and LaunchHeld."""
        done: asyncio.Future[None] = self._loop.create_future()
        if self._committer.broken is not None:
            done.set_exception(self._committer.broken)
            return done
        self._gathered.append((record, done))
        if self._next is None:
            # One commit for all records that come while it takes, as in the writer's thread.
            self._next = self._loop.call_later(self._takes, self._commit)
        return done

    async def control_state(self, launch: str) -> ControlState:
        """The command in force for a launch. Raises LedgerError if it cannot be read now, and JournalWriteError."""
        answer = self._committer.broken or self._committer.control_state(launch)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Commit the gathered records; later ones are refused."""
        self._commit()
        self._renewal.cancel()
        self._committer.broken = self._committer.broken or JournalWriteError("the journal is closed")

    def die(self, *, committed: bool) -> None:
        """End as a killed process does: the gathered records get no answer, even if they are `committed`."""
        gathered, self._gathered = self._gathered, []
        if committed:
            # The disk has them, and the process never learns of it: the worst moment for a crash.
            self._committer.commit([record for record, _ in gathered])
        for _, done in gathered:
            done.cancel()
        self._renewal.cancel()
        self._committer.broken = JournalWriteError("the process is dead")

    def _commit(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        gathered, self._gathered = self._gathered, []
        for (_, done), error in zip(gathered, self._committer.commit([r for r, _ in gathered]), strict=True):
            # Its caller was cancelled meanwhile.
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

    def _renew(self) -> None:
        self._commit()
        self._renewal = self._loop.call_later(LEASE_SECONDS / 3, self._renew)
