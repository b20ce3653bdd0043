"""The statements on the table of leases, and what its rows mean."""

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any, Final

import sqlalchemy as sa
from typing_extensions import TypedDict  # typing's own says too little for pydantic before Python 3.12

from orchestrator import places
from orchestrator.core.journal import lease as rules
from orchestrator.core.journal.control import CONTROL
from orchestrator.core.journal.lease import AcquiredLease, HeldLease, Holder, Lease, Moment
from orchestrator.core.journal.records import LEASES, lease_release
from orchestrator.core.json_shape import Count, Number, Seconds, first_fault
from orchestrator.core.json_text import read_json
from orchestrator.errors import LedgerError, Refused
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.schema import journal, leases
from orchestrator.model import Lane, PosixSeconds, Record

_COMMANDS: Final = (
    sa.select(sa.func.count())
    .where(journal.c.launch == sa.bindparam("for_launch"), journal.c.campaign == CONTROL)
    .scalar_subquery()
)

NO_LANE: Final = "@wait "
"""The beginning of the names of rows that are no lane's; a lane's name begins with its host."""

# Locked in the order of the lanes, as `acquire` does: two writers that wait for each other would both fail.
_HELD_LEASES: Final = (
    sa.select(leases.c.lane, leases.c.fence, leases.c.expires, _COMMANDS)
    .where(leases.c.run_id == sa.bindparam("for_run"))
    .order_by(leases.c.lane)
    .with_for_update()
)


def held_leases(connection: sa.Connection, run_id: str, launch: str) -> tuple[list[HeldLease], bool]:
    """The leases of a run, and whether its launch may have control commands, which are then to be read.

    The rows stay locked until the transaction ends: no run takes a lane over between the check and the inserts. Every
    commit reads this, so both questions are one statement: a second one would cost a fifth of a commit.
    """
    rows = connection.execute(_HELD_LEASES, {"for_run": run_id, "for_launch": launch}).all()
    may_have_commands = not rows or rows[0][3] > 0
    return [(lane, fence, expires) for lane, fence, expires, _ in rows], may_have_commands


def lease_of(row: Any) -> Lease:
    """A lease from its row. Raises LedgerError if it cannot be read."""
    try:
        read = {**row._asdict(), "recent": read_json(row.recent)}
        fault: Any = first_fault([read], _Row)
    except (ValueError, TypeError) as error:
        fault = error
    if fault is not None:
        raise LedgerError(f"the ledger is damaged: the lease of {row.lane} cannot be read: {fault}")
    written = read["recent"]["moment"]
    moment = Moment(written["now"], written["boot"], written["steady"])
    holder = Holder(row.run_id, row.launch, row.machine, row.pid)
    return Lease(holder, row.fence, row.acquired, row.expires, tuple(read["recent"]["ended"]), moment)


class _Moment(TypedDict):
    now: Seconds
    boot: str
    steady: Number


class _Released(TypedDict):
    ended: list[Seconds]
    moment: _Moment


class _Row(TypedDict):
    run_id: str
    launch: str
    machine: str
    pid: Count
    fence: Count
    acquired: Seconds
    expires: Seconds
    recent: _Released


def released_json(recent_calls: Iterable[PosixSeconds], moment: Moment) -> str:
    """The text of the column `recent`: when the holder's calls ended (POSIX seconds), and when this was written."""
    return json.dumps({"ended": list(recent_calls), "moment": asdict(moment)})


def locked_lease(lane: str) -> sa.Select[Any]:
    """The query for one lane's row, which locks it until the transaction ends."""
    return sa.select(leases).where(leases.c.lane == lane).with_for_update()


def acquire_lease(
    connection: sa.Connection, lane: Lane, holder: Holder, moment: Moment, unrenewed: Collection[HeldLease]
) -> AcquiredLease:
    """Take one lane in an open transaction. Raises LaneLeased while another run may hold it."""
    row = connection.execute(locked_lease(lane)).one_or_none()
    last = lease_of(row) if row is not None else None
    new = rules.take(lane, last, holder, moment, is_alive, unrenewed=unrenewed)
    values = {
        "fence": new.fence, "run_id": holder.run_id, "launch": holder.launch, "machine": holder.machine,
        "pid": holder.pid, "acquired": new.acquired, "expires": new.expires, "recent": released_json((), moment),
    }  # fmt: skip
    if last is None:
        connection.execute(leases.insert().values(lane=lane, **values))
    else:
        connection.execute(leases.update().where(leases.c.lane == lane).values(**values))
    return rules.acquired(lane, last, new, moment)


def lanes_of(connection: sa.Connection, name: str) -> dict[Lane, Lease]:
    """The leases whose holder is, or last was, a launch of this name, or whose account has this id."""
    query = sa.select(leases).where(~leases.c.lane.startswith(NO_LANE)).order_by(leases.c.lane)
    found = {Lane(row.lane): lease_of(row) for row in connection.execute(query)}
    return {lane: lease for lane, lease in found.items() if name in {lease.holder.launch, rules.account_of(lane)}}


def release_lease(
    connection: sa.Connection, lane: Lane, lease: Lease, *, by: str, reason: str, now: PosixSeconds
) -> Record:
    """Release a lane for a person. Returns its record, which is to be appended.

    Raises Refused if another run has the lane meanwhile.
    """
    new = rules.released(lease)
    is_same = (leases.c.lane == lane, leases.c.run_id == lease.holder.run_id, leases.c.fence == lease.fence)
    done = connection.execute(leases.update().where(*is_same).values(fence=new.fence, expires=new.expires))
    if done.rowcount != 1:
        raise Refused(
            f"account {rules.account_of(lane)} was taken by another run in the meantime", next_step="look again"
        )
    own = (journal.c.launch == lease.holder.launch, journal.c.campaign == LEASES)
    number = 1 + connection.execute(sa.select(sa.func.count()).where(*own)).scalar_one()
    return lease_release(number, lane, lease, by=by, reason=reason, now=now)


def starters(rows: Iterable[Any]) -> list[Any]:
    """The lease rows of runs that may start something: a follower changes nothing that a person decides about."""
    return [row for row in rows if not rules.is_follower(row.run_id)]


def any_live(rows: Iterable[Any], moment: Moment) -> bool:
    """Whether the process behind one of these lease rows may be alive."""
    return any(rules.is_live(lease_of(row), this_machine(), moment, is_alive) for row in rows)


def is_alive(pid: int) -> bool:
    """Whether this machine may have a process with the number, of any user.

    On Windows the answer is always yes, and a crashed run holds its accounts until its leases end: `os.kill` would end
    the process there, whatever the signal.
    """
    if places.IS_WINDOWS:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
