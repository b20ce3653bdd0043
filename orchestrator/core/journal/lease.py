"""Who runs a lane now: the rules of leases and fences (design section 8). Stores keep leases, and decide nothing."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.errors import LaneLeased
from orchestrator.model import Lane, Record

LEASE_SECONDS: Final = 30.0
"""How long a lease lasts from the holder's last commit."""

SURE_SECONDS: Final = LEASE_SECONDS - 1.0
"""For so long at least a lease is held after each commit: one in hundreds renews it, a second after the last."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lane: what a colleague needs to find the run."""

    run_id: str
    launch: str
    machine: str
    pid: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on a machine's calendar (POSIX seconds) and on the steady clock of its boot."""

    now: float
    boot: str = ""  # empty: not known
    steady: float = 0.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A lane's lease as it is stored. Times are POSIX seconds; an empty `run_id` means that nobody holds the lane.

    `recent` are the times at which the holder's calls ended, left behind by one that went in order. `moment` is when it
    came or went: it tells how the holder's calendar differs from that of another process on the machine.
    """

    holder: Holder
    fence: int
    acquired: float
    expires: float
    recent: tuple[float, ...] = ()
    moment: Moment | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """All leases of one run at a glance: how many, the sum of their fences, and when the first of them ends."""

    leases: int
    fences: int
    expires: float


@dataclass(frozen=True, slots=True)
class AcquiredLease:
    """A lane taken over. `clean`: its last holder left in order, and `recent` says when its last calls ended."""

    lane: Lane
    fence: int
    clean: bool
    recent: tuple[float, ...] = ()


def _step(lease: Lease, moment: Moment) -> float:
    """Seconds by which the machine's calendar was set forward since the holder read it; 0 where that is not known."""
    then = lease.moment
    if then is None or not then.boot or then.boot != moment.boot:
        return 0.0
    return (moment.now - moment.steady) - (then.now - then.steady)


def is_live(lease: Lease, machine: str, moment: Moment, is_alive: Callable[[int], bool]) -> bool:
    """Whether somebody may be running the lane. A pid says something on its own machine only."""
    # Without the step, setting the clock forward would take a lane from a run that is well.
    if not lease.holder.run_id or lease.expires + _step(lease, moment) <= moment.now:
        return False
    return lease.holder.machine != machine or is_alive(lease.holder.pid)


def refusal(lane: Lane, lease: Lease, now: float) -> LaneLeased:
    """The error that says who holds a lane."""
    holder = lease.holder
    return LaneLeased(
        f"account {lane.rpartition(' ')[2]} is in use by run {holder.run_id} of launch {holder.launch} "
        f"(pid {holder.pid} on {holder.machine}, since {max(0.0, now - lease.acquired):.0f} s)",
        next_step="wait for that run to end, then run again",
    )


def take(lane: Lane, last: Lease | None, holder: Holder, moment: Moment, is_alive: Callable[[int], bool]) -> Lease:
    """The new lease of a lane, its fence above the last one's. Raises LaneLeased while that one may be live."""
    if last is not None and is_live(last, holder.machine, moment, is_alive):
        raise refusal(lane, last, moment.now)
    fence = 1 if last is None else last.fence + 1
    return Lease(holder, fence, moment.now, moment.now + LEASE_SECONDS, moment=moment)


def taken(lane: Lane, last: Lease | None, new: Lease, moment: Moment) -> AcquiredLease:
    """What the new holder has to know of the last one."""
    clean = last is None or not last.holder.run_id
    # On the new holder's calendar: a step of the clock between them must free no slot.
    recent = tuple(at + _step(last, moment) for at in last.recent) if last is not None and clean else ()
    return AcquiredLease(lane, new.fence, clean, recent)


def is_due(lease: Lease | Sum, now: float) -> bool:
    """Whether a commit renews a lease that is still held, or the first of several."""
    return now < lease.expires < now + SURE_SECONDS


def are_held(fences: Mapping[Lane, int], seen: Sum, now: float) -> bool:
    """Whether a run with these fences holds all its lanes, by a glance at its own leases; if not, `lost` says which.

    A run takes a lane once, so its leases cannot have other fences that come to the same sum.
    """
    return 0 < seen.leases == len(fences) and seen.fences == sum(fences.values()) and seen.expires > now


def lost(fences: Mapping[Lane, int], leases: Mapping[Lane, Lease], run_id: str, now: float) -> set[Lane]:
    """The lanes that a run with these fences holds no longer: taken by another, or not renewed in time."""

    def is_held(lane: Lane, fence: int) -> bool:
        lease = leases.get(lane)
        return lease is not None and (lease.holder.run_id, lease.fence) == (run_id, fence) and lease.expires > now

    return {lane for lane, fence in fences.items() if not is_held(lane, fence)}


def kept(record: Record, lost_lanes: Collection[Lane]) -> Record | None:
    """How a record is kept: beside the journal's moves on a lost lane, where an intent is not kept at all."""
    if record.lane not in lost_lanes:
        return record
    return None if record.kind == "intent" else replace(record, kind=f"late_{record.kind}")
