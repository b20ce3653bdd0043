"""Which run holds a lane now: the rules of leases and fences (design section 8). Stores only keep the leases."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.core.text import command_line, duration
from orchestrator.errors import LaneLeased, Refused
from orchestrator.model import Lane, MonotonicSeconds, PosixSeconds, Record

LEASE_SECONDS: Final = 30.0
"""Seconds that a lease lasts after it is taken or renewed."""

SURE_SECONDS: Final = LEASE_SECONDS - 1.0
"""Seconds that a lease surely lasts after any commit.

A commit renews the leases only when the last renewal is a second old, so that hundreds of commits share one renewal.
"""


WATCH_SECONDS: Final = LEASE_SECONDS + 1.0
"""Seconds for which a doubtful lease is watched: a holder that is alive renews it within them."""

FOLLOWER: Final = "f-"
"""The beginning of the id of a run that only follows what others started. It holds an account for seconds at a time."""

BRIEF_SECONDS: Final = 2 * WATCH_SECONDS
"""Seconds after which a follower has surely given an account back, even one that hangs in a call, or was killed."""

_READ_LATE: Final = 2.0
"""Seconds by which the clock may seem to have been set back without a doubt: then a slot is held that much longer."""

_CLOCKS_APART: Final = 5.0
"""Seconds by which the clocks of two runs may differ without a doubt."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The run that holds a lane, with what a person needs to find it: its launch, machine and process id."""

    run_id: str
    launch: str
    machine: str
    pid: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on two clocks: `now` in POSIX seconds, `steady` in seconds of the boot's monotonic clock.

    An empty `boot` means that the steady clock is not known.
    """

    now: PosixSeconds
    boot: str = ""
    steady: MonotonicSeconds = MonotonicSeconds(0.0)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lane's lease as it is stored. Times are POSIX seconds; an empty `run_id` means that no run holds the lane.

    `recent_calls` are the times at which the last holder's calls ended, stored when it released the lane cleanly.
    `moment` is when the lease was taken or released; with it, a later step of the system clock can be measured.
    """

    holder: Holder
    fence: int
    acquired: PosixSeconds
    expires: PosixSeconds
    recent_calls: tuple[PosixSeconds, ...] = ()
    moment: Moment | None = None


Fences = Mapping[Lane, int]
"""A run's lanes, each with the number by which an old holder is known."""

HeldLease = tuple[Lane, int, PosixSeconds]
"""What a commit reads of a lease of its own run: the lane, the fence, and the end in POSIX seconds.

A tuple, because every commit reads one for each lane: an object per row would double the time of the check.
"""


@dataclass(frozen=True, slots=True)
class AcquiredLease:
    """A lane that a run has just taken, and what it knows of the lane's last holder.

    `released_cleanly`: the last holder gave the lane back (or there was none), so `recent_calls` is complete: the POSIX
    seconds at which its calls ended. Otherwise calls of a dead process may still be on their way.
    """

    lane: Lane
    fence: int
    released_cleanly: bool
    recent_calls: tuple[PosixSeconds, ...] = ()


def _step(lease: Lease, moment: Moment) -> float:
    """Seconds by which the system clock was set forward since the lease was written; 0 if that is not known."""
    then = lease.moment
    if then is None or not then.boot or then.boot != moment.boot:
        return 0.0
    return (moment.now - moment.steady) - (then.now - then.steady)


def account_of(lane: Lane) -> str:
    """The id of a lane's account."""
    return lane.rpartition(" ")[2]


class LeaseDoubted(LaneLeased):
    """The lease ends later than any lease can. A clock was ahead: its holder may be dead by now, or alive."""


class LeasedBriefly(LaneLeased):
    """The account is held by a follower, which gives it back within BRIEF_SECONDS."""


def is_follower(run_id: str) -> bool:
    """Whether the run with this id only reads, and starts nothing."""
    return run_id.startswith(FOLLOWER)


def is_doubtful(lease: Lease, moment: Moment) -> bool:
    """Whether the lease ends later than any lease can by the caller's clock, so that its end says nothing."""
    return lease.expires + _step(lease, moment) > moment.now + LEASE_SECONDS + _CLOCKS_APART


def is_live(lease: Lease, machine: str, moment: Moment, is_alive: Callable[[int], bool]) -> bool:
    """Whether a process may be running the lane now.

    `machine` is the caller's, and `is_alive` looks up a pid there: a pid of another machine cannot be looked up.
    """
    # Without the step, setting the clock forward would take a lane from a healthy run.
    if not lease.holder.run_id or lease.expires + _step(lease, moment) <= moment.now:
        return False
    # A crash on this machine frees the lane at once. From another machine only the lease's end proves it.
    return lease.holder.machine != machine or is_alive(lease.holder.pid)


def refusal(lane: Lane, lease: Lease, moment: Moment) -> LaneLeased:
    """The error that names the run which holds a lane."""
    holder = lease.holder
    in_use = (
        f"account {account_of(lane)} is in use by run {holder.run_id} of launch {holder.launch} "
        f"(pid {holder.pid} on {holder.machine}, since {max(0.0, moment.now - lease.acquired):.0f} s)"
    )
    if not is_doubtful(lease, moment):
        if is_follower(holder.run_id):
            return LeasedBriefly(in_use, next_step="run again")
        return LaneLeased(in_use, next_step="wait for that run to end, then run again")
    left = duration(round(lease.expires + _step(lease, moment) - moment.now))
    return LeaseDoubted(
        f"{in_use}; its lease ends in {left}, and a lease lasts {LEASE_SECONDS:.0f} s: a clock was ahead",
        next_step="wait for that run to end; if its process is known to be dead, release the account: "
        f"{command_line('release', holder.launch)} --reason",
    )


def take(
    lane: Lane,
    last: Lease | None,
    holder: Holder,
    moment: Moment,
    is_alive: Callable[[int], bool],
    *,
    unrenewed: Collection[HeldLease] = (),
) -> Lease:
    """The new lease of a lane, its fence above the last one's. Raises LaneLeased while that one may be live.

    `unrenewed` are leases as the caller saw them WATCH_SECONDS ago by a steady clock: if a lease has not changed
    since, its holder is dead.
    """
    is_unrenewed = last is not None and (lane, last.fence, last.expires) in unrenewed
    if last is not None and not is_unrenewed and is_live(last, holder.machine, moment, is_alive):
        raise refusal(lane, last, moment)
    # Above every earlier one, so that a holder that slept through its lease is known by its lower number.
    fence = 1 if last is None else last.fence + 1
    return Lease(holder, fence, moment.now, PosixSeconds(moment.now + LEASE_SECONDS), moment=moment)


def acquired(lane: Lane, last: Lease | None, new: Lease, moment: Moment) -> AcquiredLease:
    """What the new holder has to know: its fence, and the last holder's calls on the new holder's clock."""
    released_cleanly = last is None or not last.holder.run_id
    if last is None or not released_cleanly:
        return AcquiredLease(lane, new.fence, released_cleanly)
    # If the system clock is set between the two runs, that must not free a slot. And a clock that was ahead until a
    # reboot must not keep a slot for hours: a call that was over at the release is over now.
    then, step = last.moment.now if last.moment is not None else moment.now, _step(last, moment)
    # A busy machine reads the two clocks of a moment at different times, and that looks like a small step back.
    step = 0.0 if -_READ_LATE < step < 0 else step
    latest = ((at, moment.now + max(0.0, at - then)) for at in last.recent_calls)
    recent_calls = tuple(PosixSeconds(min(at + step, bound)) for at, bound in latest)
    return AcquiredLease(lane, new.fence, released_cleanly, recent_calls)


def check_release(lane: Lane, lease: Lease, machine: str, is_alive: Callable[[int], bool]) -> None:
    """Raise Refused if a person releases a lane whose process is alive on the caller's `machine`."""
    holder = lease.holder
    if holder.machine == machine and is_alive(holder.pid):
        raise Refused(
            f"run {holder.run_id}, which holds account {account_of(lane)}, is alive: pid {holder.pid} on this machine",
            next_step=f"end it cleanly with: kill {holder.pid}",
        )


def released(lease: Lease) -> Lease:
    """The lease after a person released it: its holder gets no further permit, and for all others it has ended.

    It still names its holder, so the next run takes the lane as one of a dead run, whose calls are not known.
    """
    return replace(lease, fence=lease.fence + 1, expires=PosixSeconds(0.0))


def is_due(expires: PosixSeconds, now: PosixSeconds) -> bool:
    """Whether a commit at `now` renews a lease that ends at `expires`; one that has ended is not renewed."""
    return now < expires < now + SURE_SECONDS


def lost(fences: Fences, leases: Iterable[HeldLease], now: PosixSeconds) -> set[Lane]:
    """The lanes that a run no longer holds: taken by another run, or not renewed in time.

    `fences` are those the run got when it took its lanes; `leases` are stored under its run id now.
    """
    held = {lane: fence for lane, fence, expires in leases if expires > now}
    return {lane for lane, fence in fences.items() if held.get(lane) != fence}


def kept(record: Record, lost_lanes: Collection[Lane]) -> Record | None:
    """The record as it is stored, or None for an intent on a lost lane.

    Other records of a lost lane are stored as kind `late_...`: they are evidence, but move no campaign.
    """
    if record.lane not in lost_lanes:
        return record
    # An intent announces a send, which this run is no longer allowed to make. All other records are about the past.
    return None if record.kind == "intent" else replace(record, kind=f"late_{record.kind}")
