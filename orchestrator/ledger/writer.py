"""A thread that commits, each time, all records queued since its last commit (group commit)."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.core.journal.control import ControlState
from orchestrator.core.journal.lease import LEASE_SECONDS, AcquiredLease
from orchestrator.errors import JournalWriteError
from orchestrator.ledger.committer import Commits, Committer, PermitGranting
from orchestrator.model import Lane, Record
from orchestrator.ports import Clock

_LARGEST_BATCH: Final = 512
"""The most records in one commit: enough to hide the fsync, few enough that no record waits long."""

RENEW_EVERY: Final = LEASE_SECONDS / 3
"""Seconds without a record after which an empty commit renews the leases."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A record to commit, or the name of a launch whose control state to read. `done` gets the answer."""

    request: Record | str
    done: asyncio.Future[Any]


class Writer(PermitGranting):
    """The journal of one run. `start` and `close` it in the event loop that uses it."""

    def __init__(self, store: Commits, run_id: str, lanes: Iterable[AcquiredLease], clock: Clock) -> None:
        self._committer = Committer(store, run_id, lanes, clock)
        self._asked: list[_Item] = []  # in this turn of the loop
        self._queue: queue.SimpleQueue[list[_Item] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[Any]] = set()

    def start(self) -> None:
        """Start the thread."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def holds(self, lane: Lane) -> bool:
        """Whether the run holds the lane now, as far as its last commit knows."""
        return self._committer.holds(lane)

    def record(self, record: Record) -> asyncio.Future[None]:
        """Commit the record. The future raises JournalWriteError; for an intent, also LeaseLost and LaunchHeld."""
        return self._submit(record)

    async def control_state(self, launch: str) -> ControlState:
        """The command in force for a launch. Raises LedgerError if it cannot be read now, and JournalWriteError."""
        control_state: ControlState = await self._submit(launch)
        return control_state

    def _submit(self, request: Record | str) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        if self._committer.broken is not None:
            done.set_exception(self._committer.broken)
            return done
        # What one turn of the loop asks for is handed over at once: each hand-over costs a switch of threads.
        if not self._asked:
            loop.call_soon(self._hand_over)
        self._asked.append(_Item(request, done))
        self._waiting.add(done)
        return done

    def _hand_over(self) -> None:
        try:
            asked, self._asked = self._asked, []
            for first in range(0, len(asked), _LARGEST_BATCH):
                self._queue.put(asked[first : first + _LARGEST_BATCH])
        except BaseException as error:
            self._fail(error)  # else those who asked would wait forever
            raise

    async def close(self) -> None:
        """Commit what is queued and end the thread."""
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._committer.broken = self._committer.broken or JournalWriteError("the journal is closed")

    def _work(self) -> None:
        try:
            while not self._commit_next():
                pass
        except BaseException as error:  # noqa: BLE001 - if the thread just died, every caller would wait forever
            self._fail(error)

    def _commit_next(self) -> bool:
        """Commit what is queued by now, and answer it. Returns whether to end."""
        batch, closing = self._gather()
        records = [item.request for item in batch if isinstance(item.request, Record)]
        answers = iter(self._committer.commit(records))
        asked = {
            item.request: self._committer.control_state(item.request) for item in batch if isinstance(item.request, str)
        }
        if batch:
            found = [next(answers) if isinstance(item.request, Record) else asked[item.request] for item in batch]
            self._call_in_loop(self._resolve, tuple(batch), tuple(found))
        return closing

    def _fail(self, error: BaseException) -> None:
        """Refuse every request from now on, also those that were taken and not answered."""
        message = f"the journal's writer failed ({type(error).__name__})"
        self._committer.broken = self._committer.broken or JournalWriteError(message)
        self._call_in_loop(self._refuse_waiting)

    def _gather(self) -> tuple[list[_Item], bool]:
        """The requests queued by now, and whether to end; an empty batch when it is time to renew the leases."""
        batch: list[_Item] = []
        with contextlib.suppress(queue.Empty):
            asked = self._queue.get(timeout=RENEW_EVERY)
            while asked is not None:
                batch += asked
                if len(batch) >= _LARGEST_BATCH:
                    return batch, False
                asked = self._queue.get_nowait()
            return batch, True
        return batch, False

    def _call_in_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            # The loop is closed when the run was torn down; its records are committed all the same.
            if not self._loop.is_closed():
                raise

    def _resolve(self, batch: Sequence[_Item], answers: Sequence[Exception | ControlState | None]) -> None:
        try:
            for item, answer in zip(batch, answers, strict=True):
                if item.done.done():
                    continue
                if isinstance(answer, Exception):
                    item.done.set_exception(answer)
                else:
                    item.done.set_result(answer)
            self._waiting.difference_update(item.done for item in batch)
        except BaseException as error:
            self._fail(error)
            raise

    def _refuse_waiting(self) -> None:
        for done in tuple(self._waiting):
            if not done.done() and self._committer.broken is not None:
                done.set_exception(self._committer.broken)
