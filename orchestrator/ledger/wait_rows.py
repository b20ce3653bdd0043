"""The marks of runs that wait for their time: rows of the table of leases, under names that are no lane's.

They are there because they end as a lease does: with their process on this machine, else when nobody renews them.
"""

import json
from dataclasses import asdict
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from typing_extensions import TypedDict  # typing's own says too little for pydantic before Python 3.12

from orchestrator.core.journal import lease as rules
from orchestrator.core.journal.lease import LEASE_SECONDS, Holder, Moment
from orchestrator.core.journal.waits import Wait
from orchestrator.core.json_shape import Seconds, first_fault
from orchestrator.core.json_text import read_json
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.errors import LedgerError
from orchestrator.ledger.lease_rows import NO_LANE, is_alive, lease_of
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.schema import leases
from orchestrator.model import PosixSeconds

_IS_WAIT: Final = leases.c.lane.startswith(NO_LANE)
_KEPT_SECONDS: Final = 86400.0
"""Seconds for which a dead wait is shown, unless its launch waits again."""


def show_wait(connection: sa.Connection, holder: Holder, start: StartTime, moment: Moment) -> None:
    """Write the mark of a process that waits until `start`, or renew it."""
    mark = {"ended": [], "moment": asdict(moment), "start": asdict(start)}
    fresh = {"expires": moment.now + LEASE_SECONDS, "recent": json.dumps(mark)}
    if connection.execute(leases.update().where(leases.c.run_id == holder.run_id).values(**fresh)).rowcount:
        return
    values = {
        "lane": f"{NO_LANE}{holder.run_id}", "fence": 0, "run_id": holder.run_id, "launch": holder.launch,
        "machine": holder.machine, "pid": holder.pid, "acquired": moment.now, **fresh,
    }  # fmt: skip
    # Nobody has to have the right to delete: a row that is over is used again.
    over = leases.c.expires <= moment.now - _KEPT_SECONDS, leases.c.expires <= moment.now
    is_over = sa.or_(leases.c.run_id == "", over[0], sa.and_(over[1], leases.c.launch == holder.launch))
    old = connection.execute(sa.select(leases.c.lane).where(_IS_WAIT, is_over).limit(1).with_for_update()).scalar()
    if old is None:
        connection.execute(leases.insert().values(**values))
    else:
        connection.execute(leases.update().where(leases.c.lane == old).values(**values))


def end_wait(connection: sa.Connection, run_id: str) -> None:
    """The process waits no longer."""
    connection.execute(leases.update().where(leases.c.run_id == run_id).values(run_id=""))


def waits(connection: sa.Connection, moment: Moment) -> list[Wait]:
    """Who waits, and who has died while waiting. Raises LedgerError if a row cannot be read."""
    rows = connection.execute(sa.select(leases).where(_IS_WAIT, leases.c.run_id != "")).all()
    return [_wait_of(row, moment) for row in rows]


def _wait_of(row: Any, moment: Moment) -> Wait:
    lease, start = lease_of(row), _start_of(row)
    seen = PosixSeconds(lease.expires - LEASE_SECONDS)
    is_live = rules.is_live(lease, this_machine(), moment, is_alive) and not rules.is_doubtful(lease, moment)
    return Wait(row.launch, start, row.machine, row.pid, lease.acquired, seen, moment.now, is_live)


class _Start(TypedDict):
    at: Seconds
    zone: str


class _Mark(TypedDict):
    start: _Start


def _start_of(row: Any) -> StartTime:
    mark = read_json(row.recent)
    why = first_fault([mark], _Mark) or _zone_fault(mark["start"]["zone"])
    if why is not None:
        raise LedgerError(f"the ledger is damaged: the wait of {row.launch} cannot be read: {why}")
    return StartTime(mark["start"]["at"], mark["start"]["zone"])


def _zone_fault(name: str) -> str | None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a name that is a folder of the database
        return f"start.zone is {name!a}, and no time zone that is known here"
    return None
