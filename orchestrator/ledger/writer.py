"""One thread that commits what has gathered since its last commit (group commit)."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError

from orchestrator.core.permit import Permit, grant
from orchestrator.errors import JournalWriteError, LeaseLost, LedgerError
from orchestrator.ledger.store import LEASE_SECONDS, Lease, Store
from orchestrator.model import Lane, Record
from orchestrator.ports import Clock

_LARGEST: Final = 512
"""Records a commit: enough to hide the fsync, few enough that nobody waits long behind them."""


@dataclass(frozen=True, slots=True)
class _Item:
    record: Record
    done: asyncio.Future[None]


class Writer:
    """The journal of one run. `start` and `close` it in the event loop that uses it."""

    def __init__(self, store: Store, run_id: str, leases: Iterable[Lease], clock: Clock) -> None:
        self._store = store
        self._run_id = run_id
        self._fences = {lease.lane: lease.fence for lease in leases}
        self._clock = clock
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broken: JournalWriteError | None = None

    def start(self) -> None:
        """Start the thread."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def permit(self, intent: Record) -> Permit:
        """Commit the intent, then grant. Raises LeaseLost or JournalWriteError."""
        await self.record(intent)
        return grant(intent)

    async def record(self, record: Record) -> None:
        """Commit the record. Raises JournalWriteError, and LeaseLost for an intent on a lane that is lost."""
        if self._broken is not None:
            raise self._broken
        item = _Item(record, asyncio.get_running_loop().create_future())
        self._queue.put(item)
        await item.done

    async def close(self) -> None:
        """Commit what is queued and end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._broken = self._broken or JournalWriteError("the journal is closed")

    def _work(self) -> None:
        while True:
            batch, closing = self._gather()
            self._commit(batch)
            if closing:
                return

    def _gather(self) -> tuple[list[_Item], bool]:
        """What is queued by now; nothing after a third of a lease, when it is time to renew."""
        batch: list[_Item] = []
        with contextlib.suppress(queue.Empty):
            item = self._queue.get(timeout=LEASE_SECONDS / 3)
            while item is not None:
                batch.append(item)
                if len(batch) == _LARGEST:
                    return batch, False
                item = self._queue.get_nowait()
            return batch, True
        return batch, False

    def _commit(self, batch: Sequence[_Item]) -> None:
        if self._broken is not None:
            self._settle(batch, self._broken)
            return
        try:
            lost = self._store.commit([i.record for i in batch], self._run_id, self._fences, self._clock.now())
        except IntegrityError as error:
            self._commit_singly(batch, error)
        except LedgerError as error:
            self._break(batch, JournalWriteError(f"{error.message}; sending has ceased", next_step=error.next_step))
        except Exception as error:  # noqa: BLE001 - a thread that died would leave everybody waiting for ever
            self._break(batch, JournalWriteError(f"the journal's writer failed ({error!r}); sending has ceased"))
        else:
            self._settle_held(batch, lost)

    def _break(self, batch: Sequence[_Item], error: JournalWriteError) -> None:
        self._broken = error
        self._settle(batch, error)

    def _commit_singly(self, batch: Sequence[_Item], error: IntegrityError) -> None:
        """One record is there already: find it, so that the others are not refused with it."""
        if len(batch) > 1:
            for item in batch:
                self._commit([item])
            return
        record = batch[0].record
        what = f"{record.kind} of attempt {record.attempt} of {record.campaign}"
        self._settle(batch, JournalWriteError(f"the journal has a record already: {what} ({error.orig})"))

    def _settle_held(self, batch: Sequence[_Item], lost: set[Lane]) -> None:
        def is_refused(item: _Item) -> bool:
            return item.record.kind == "intent" and item.record.lane in lost

        refused = LeaseLost("this run's lease has ended, or another run has taken it")
        self._settle([i for i in batch if is_refused(i)], refused)
        self._settle([i for i in batch if not is_refused(i)], None)

    def _settle(self, batch: Sequence[_Item], error: Exception | None) -> None:
        if self._loop is None or not batch:
            return
        # A closed loop means that the run was torn down; its records are committed all the same.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_resolve, tuple(batch), error)


def _resolve(batch: Sequence[_Item], error: Exception | None) -> None:
    for item in batch:
        if item.done.done():
            continue
        if error is None:
            item.done.set_result(None)
        else:
            item.done.set_exception(error)
