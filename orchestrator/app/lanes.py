"""The lanes of a run or a follower: taken, held with the journal that only their holder may write, and given back."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from orchestrator.core.journal.lease import WATCH_SECONDS, AcquiredLease, Holder, LeaseDoubted
from orchestrator.core.manifest.models import Manifest
from orchestrator.engine.follower import after_followers
from orchestrator.engine.run import Run, inherited_calls, lanes_in_use
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import LedgerError
from orchestrator.ledger.machine_id import this_holder
from orchestrator.ledger.store import Store
from orchestrator.ledger.writer import Writer
from orchestrator.model import Lane
from orchestrator.ports import Clock, Observer


class HeldLanes:
    """A holder's leases and its journal. They are given back once."""

    def __init__(
        self, store: Store, manifest: Manifest, run_id: str, clock: Clock, leases: Sequence[AcquiredLease]
    ) -> None:
        self.leases = leases
        self.journal = Writer(store, run_id, leases, clock)
        self.run: Run | None = None
        """The run that calls in these lanes, as soon as there is one: its calls count for the next holder."""
        self._inherited = inherited_calls(manifest, leases, clock.now())
        self._store = store
        self._run_id = run_id
        self._clock = clock
        self._is_released = False

    async def release(self) -> None:
        """Close the journal, and give back the lanes, with when the last calls in each of them ended."""
        if self._is_released:
            return
        self._is_released = True
        await self.journal.close()
        recent = self._inherited | (self.run.recent_calls() if self.run is not None else {})
        # A lease that cannot be released ends by itself; that must not hide how the run went.
        with suppress(LedgerError):
            await asyncio.to_thread(self._store.release, self._run_id, recent, self._clock.now())


@asynccontextmanager
async def held_lanes(
    store: Store, manifest: Manifest, run_id: str, clock: Clock, *, observer: Observer, stop_signal: StopSignal
) -> AsyncIterator[HeldLanes]:
    """Hold the lanes of a manifest's accounts while the block runs.

    Raises LaneLeased and LedgerError, and StopRequested where a stop ends the wait for a holder whose clock was ahead.
    """
    holder = this_holder(run_id, manifest.launch)
    leases = await acquire_lanes(
        store, lanes_in_use(manifest), holder, clock, observer=observer, stop_signal=stop_signal
    )
    held = HeldLanes(store, manifest, run_id, clock, leases)
    held.journal.start()
    try:
        yield held
    finally:
        # Shielded: a lane that is not given back keeps the next run waiting until its lease ends.
        await asyncio.shield(held.release())


async def acquire_lanes(
    store: Store, lanes: Collection[Lane], holder: Holder, clock: Clock, *, observer: Observer, stop_signal: StopSignal
) -> list[AcquiredLease]:
    """Take all lanes or none, after a follower's short turn. Raises LaneLeased; StopRequested where a stop comes."""
    return await after_followers(
        lambda: _acquire(store, lanes, holder, clock, observer=observer, stop_signal=stop_signal), clock, stop_signal
    )


async def _acquire(
    store: Store, lanes: Collection[Lane], holder: Holder, clock: Clock, *, observer: Observer, stop_signal: StopSignal
) -> list[AcquiredLease]:
    # In threads: a database on the network may keep one waiting, and a worker has other lanes to run.
    try:
        return await asyncio.to_thread(store.acquire, lanes, holder, clock.now())
    except LeaseDoubted as doubted:
        # The lease may end hours from now, by a clock that was ahead when it was taken. A holder that is well renews it
        # within a lease's length, whatever its clock shows; so a lease that stays the same that long is nobody's.
        seen = await asyncio.to_thread(store.leases, lanes)
        observer.event("lease_watched", seconds=WATCH_SECONDS, message=doubted.message)
    await stop_signal.sleep(WATCH_SECONDS)
    return await asyncio.to_thread(partial(store.acquire, lanes, holder, clock.now(), unrenewed=seen))
