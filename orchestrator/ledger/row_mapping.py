"""Between the ledger's rows and the values of the core."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from sys import intern
from typing import Any, Final

import sqlalchemy as sa

from orchestrator.core.journal import control
from orchestrator.core.journal.control import CONTROL, OPEN, ControlState
from orchestrator.core.journal.lease import Holder, Lease, Moment, Sum
from orchestrator.errors import LedgerError
from orchestrator.ledger.schema import journal, leases
from orchestrator.model import Lane, Record


def lease_of(row: Any) -> Lease:
    """A lease from its row. Raises LedgerError where it cannot be read."""
    holder = Holder(row.run_id, row.launch, row.machine, row.pid)
    try:
        told = json.loads(row.recent)
        recent, then = tuple(float(at) for at in told["ended"]), Moment(**told["moment"])
    except (ValueError, TypeError, KeyError) as error:
        raise LedgerError(f"the ledger is damaged: the lease of {row.lane} cannot be read") from error
    return Lease(holder, row.fence, row.acquired, row.expires, recent, then)


def left(ended: Iterable[float], then: Moment) -> str:
    """What a lease's `recent` holds: when its holder's calls ended, and the moment at which it was written."""
    return json.dumps({"ended": list(ended), "moment": asdict(then)})


_WORDS: Final = (journal.c.launch == sa.bindparam("of"), journal.c.campaign == CONTROL)
_SAID: Final = sa.select(journal).where(*_WORDS).order_by(journal.c.attempt)

# In order of the lanes, as everybody locks them: two who wait for each other would both be thrown out.
_HELD: Final = (
    sa.select(
        leases.c.lane, leases.c.launch, leases.c.machine, leases.c.pid,
        leases.c.fence, leases.c.acquired, leases.c.expires,
    )
    .where(leases.c.run_id == sa.bindparam("run"))
    .order_by(leases.c.lane)
    .with_for_update()
)  # fmt: skip


def held(connection: sa.Connection, run_id: str) -> dict[Lane, Lease]:
    """The leases of a run, locked until the transaction ends: nobody takes one over between a check and an insert.

    Without `recent`, which says nothing to its own holder.
    """
    rows = connection.execute(_HELD, {"run": run_id})
    return {
        Lane(lane): Lease(Holder(run_id, launch, machine, pid), fence, acquired, expires)
        for lane, launch, machine, pid, fence, acquired, expires in rows
    }


_LEASES: Final = _HELD.subquery()
_GLANCE: Final = sa.select(
    sa.func.count(),
    sa.func.coalesce(sa.func.sum(_LEASES.c.fence), 0),
    sa.func.coalesce(sa.func.min(_LEASES.c.expires), 0.0),
    sa.select(sa.func.count()).where(*_WORDS).scalar_subquery(),
).select_from(_LEASES)


def lease_summary(connection: sa.Connection, run_id: str, launch: str) -> tuple[Sum, int]:
    """The sum of a run's leases, locked as by `held`, and how many words people have said of a launch.

    Every commit asks this, and nearly always need not ask more: row by row it would take three times as long.
    """
    leases, fences, expires, words = connection.execute(_GLANCE, {"run": run_id, "of": launch}).one()
    return Sum(leases, fences, expires), words


_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def line_of(record: Record) -> dict[str, Any]:
    """The columns of a record."""
    return {
        "launch": record.launch, "campaign": record.campaign, "attempt": record.attempt, "kind": record.kind,
        "run_id": record.run_id, "at": record.at, "lane": record.lane,
        "data": _encode(record.data),
    }  # fmt: skip


def records_of(rows: Sequence[Any]) -> list[Record]:
    """The records in the rows. Raises ValueError where one cannot be read."""
    # In one go: a call of the JSON reader for each of a million records takes longer than all the rest.
    read = json.loads(f"[{','.join([row.data for row in rows])}]")
    if len(read) != len(rows):
        raise ValueError("a record is not one JSON value")
    # Words that recur are one text each: a journal has the same lane in each of a million lines.
    return [
        Record(launch, campaign, attempt, intern(kind), intern(run_id), at, intern(lane), data)
        for (_, launch, campaign, attempt, kind, run_id, at, lane, _), data in zip(rows, read, strict=True)
    ]


def has_any(connection: sa.Connection, records: Sequence[Record], run_id: str) -> bool:
    """Whether a batch of this run is in the journal. A batch is there as a whole, or not at all."""
    for record in records:
        query = sa.select(journal.c.id).where(
            journal.c.launch == record.launch,
            journal.c.campaign == record.campaign,
            journal.c.attempt == record.attempt,
            journal.c.kind.in_([record.kind, f"late_{record.kind}"]),
            journal.c.run_id == run_id,
            journal.c.at == record.at,
        )
        if connection.execute(query).first() is not None:
            return True
    return False


def control_state_of(connection: sa.Connection, launch: str) -> ControlState:
    """Where a launch stands by people's word. Raises LedgerError where a word cannot be read."""
    control_state = OPEN
    try:
        for record in records_of(connection.execute(_SAID, {"of": launch}).all()):
            control_state = control.hear(control_state, record)
    except ValueError as error:
        raise LedgerError(f"the ledger is damaged: a word about launch {launch} cannot be read") from error
    return control_state
