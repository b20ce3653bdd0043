"""Taking a run's lanes: also after one that only follows, and from a holder whose clock was ahead."""

import asyncio
from collections.abc import Collection
from functools import partial

from orchestrator.core.journal.lease import (
    WATCH_SECONDS,
    AcquiredLease,
    Holder,
    LeaseDoubted,
)
from orchestrator.engine.follower import after_followers
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.ledger.store import Store
from orchestrator.model import Lane
from orchestrator.ports import Clock, Observer


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
