"""The table of launches: each belongs to one host, and to one environment where its manifest has some."""

from typing import Any, Final

import sqlalchemy as sa

from orchestrator.core.journal.lease import Moment
from orchestrator.errors import Refused
from orchestrator.ledger.lease_rows import any_live
from orchestrator.ledger.schema import journal, launches, leases
from orchestrator.model import Home

ANY_INTENT: Final = sa.select(journal.c.id).where(journal.c.kind == "intent").limit(1)


def bind(connection: sa.Connection, launch: str, home: Home, moment: Moment, run_id: str) -> str:
    """Tie a launch to its home, unless it is begun. Returns the home that it has now, in words.

    `moment` is when that is asked, by the run `run_id`. Raises IntegrityError if another run inserts it first.
    """
    wanted = str(home)
    bound = connection.execute(sa.select(launches.c.host).where(launches.c.launch == launch)).scalar()
    if bound is None:
        connection.execute(launches.insert().values(launch=launch, host=wanted, created_at=moment.now))
    elif bound != wanted and not _is_begun(connection, launch, str(bound), moment, run_id):
        connection.execute(launches.update().where(launches.c.launch == launch).values(host=wanted))
    else:
        return str(bound)
    return wanted


def _is_begun(connection: sa.Connection, launch: str, bound: str, moment: Moment, run_id: str) -> bool:
    """Whether a start of the launch may have left from that home, or may leave now by a run other than `run_id`."""
    if connection.execute(ANY_INTENT.where(journal.c.launch == launch)).first() is not None:
        return True
    host = bound.partition(" ")[0]
    rows: Any = connection.execute(sa.select(leases).where(leases.c.launch == launch, leases.c.run_id != run_id)).all()
    return any_live((row for row in rows if row.lane.startswith(f"{host} ")), moment)


def refusal(launch: str, bound: str, home: Home) -> Refused:
    """Why the launch cannot be run from this home: elsewhere, its journal proves nothing."""
    fix = "give the manifest a new launch name, or its old host"
    if home.environment or bound.partition(" ")[2]:
        # One ledger for both would take what staging started for started in production.
        fix = "give each environment a ledger of its own (the key `ledger` in it), or the launch a new name"
    return Refused(f"launch {launch} began on host {bound}, but the manifest names {home}", next_step=fix)
