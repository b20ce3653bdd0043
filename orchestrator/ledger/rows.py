"""Between the ledger's rows and the values of the core."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from orchestrator.core.lease import Holder, Lease
from orchestrator.errors import LedgerError
from orchestrator.ledger.schema import journal, leases
from orchestrator.model import Lane, Record


def lease_of(row: Any) -> Lease:
    """A lease from its row. Raises LedgerError where it cannot be read."""
    try:
        recent = tuple(float(at) for at in json.loads(row.recent))
    except (ValueError, TypeError) as error:
        raise LedgerError(f"the ledger is damaged: the lease of {row.lane} is no JSON") from error
    return Lease(Holder(row.run_id, row.launch, row.machine, row.pid), row.fence, row.acquired, row.expires, recent)


def held(connection: sa.Connection, run_id: str) -> dict[Lane, Lease]:
    """The leases of a run, locked until the transaction ends: nobody takes one over between a check and an insert."""
    # In order of the lanes, as everybody locks them: two who wait for each other would both be thrown out.
    rows = connection.execute(
        sa.select(leases).where(leases.c.run_id == run_id).order_by(leases.c.lane).with_for_update()
    )
    return {Lane(row.lane): lease_of(row) for row in rows}


def line_of(record: Record) -> dict[str, Any]:
    """The columns of a record."""
    return {
        "launch": record.launch, "campaign": record.campaign, "attempt": record.attempt, "kind": record.kind,
        "run_id": record.run_id, "at": record.at, "lane": record.lane,
        "data": json.dumps(record.data, separators=(",", ":")),
    }  # fmt: skip


def record_of(row: Any) -> Record:
    """A record from its row. Raises ValueError where it cannot be read."""
    return Record(row.launch, row.campaign, row.attempt, row.kind, row.run_id, row.at, row.lane, json.loads(row.data))


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
