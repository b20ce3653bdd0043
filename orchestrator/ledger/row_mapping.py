"""Between the rows of the journal and the records of the core."""

import json
from collections.abc import Sequence
from itertools import chain
from sys import intern
from typing import Any, Final

import sqlalchemy as sa

from orchestrator.core.journal import control
from orchestrator.core.journal.chain import CHAIN, SEEN, Stored
from orchestrator.core.journal.control import CONTROL, OPEN, ControlState
from orchestrator.core.journal.damage import name_of
from orchestrator.core.journal.record_shapes import check_records
from orchestrator.core.json_text import is_too_deep
from orchestrator.errors import LedgerError
from orchestrator.ledger.schema import journal
from orchestrator.model import Record

_COMMANDS: Final = (
    sa.select(journal)
    .where(journal.c.launch == sa.bindparam("for_launch"), journal.c.campaign == CONTROL)
    .order_by(journal.c.attempt)
)

_APPEND: Final = "INSERT INTO journal (launch, campaign, attempt, kind, run_id, at, lane, data) VALUES"


def append(connection: sa.Connection, rows: Sequence[Stored]) -> None:
    """Append records as rows. Raises IntegrityError, and appends none, where one is there already."""
    if not rows:
        return
    # In the driver's own words: to build SQLAlchemy's takes longer than the database takes to carry it out. One
    # statement for all: a pipeline of many keeps its locks where a host is suspended in the middle of it.
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    row = f"({', '.join([mark] * len(rows[0]))})"
    connection.exec_driver_sql(f"{_APPEND} {', '.join([row] * len(rows))}", tuple(chain.from_iterable(rows)))


def records_of(rows: Sequence[Any]) -> list[Record]:
    """The records in the rows, whatever their data. Raises ValueError, which names the row, if one cannot be read."""
    try:
        return _records_of(rows)
    except ValueError as error:
        faults = ((row, why) for row in rows if (why := _fault_of(row)) is not None)
        row, why = next(faults, (None, str(error)))
        raise ValueError(why if row is None else f"{why}: row {row.id}, {name_of(row)}") from error


def _json_of(text: str) -> list[Any]:
    try:
        found: list[Any] = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError("a record is not JSON") from None
    except ValueError:  # of Python itself, for a number of thousands of digits
        raise ValueError("a record has a number that is too long") from None
    return found


def _fault_of(row: Any) -> str | None:
    try:
        _records_of([row])
    except ValueError as error:
        return str(error)
    return None


def _records_of(rows: Sequence[Any]) -> list[Record]:
    # SQLite takes values of any type where somebody writes them into a column.
    _, _, campaigns, _, _, _, _, _, texts = zip(*rows, strict=True) if rows else [()] * 9
    if not {*map(type, campaigns), *map(type, texts)} <= {str}:
        raise ValueError("a record has a value of another type")
    if any(map(is_too_deep, texts)):
        raise ValueError("a record is nested too deep")
    # One JSON text for all rows: a million calls of the JSON reader take longer than all the rest of a read.
    read = _json_of(f"[{','.join(texts)}]")
    if len(read) != len(rows):
        raise ValueError("a record is not one JSON value")
    try:
        for data in read:  # what was recorded, without its links, which are for audits
            if data.pop(CHAIN, None) is not None:
                data.pop(SEEN, None)
    except (AttributeError, TypeError):  # a list has a pop of its own
        raise ValueError("a record is not a JSON object") from None
    try:
        # Recurring texts are interned: a journal repeats the same lane in each of a million rows.
        return [
            Record(launch, campaign, attempt, intern(kind), intern(run_id), at, intern(lane), data)
            for (_, launch, campaign, attempt, kind, run_id, at, lane, _), data in zip(rows, read, strict=True)
        ]
    except TypeError:
        raise ValueError("a record has a value of another type") from None


def has_any(connection: sa.Connection, records: Sequence[Record], run_id: str) -> bool:
    """Whether a batch of this run is in the journal. A batch is one transaction: one record found proves the rest."""
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
    """The command in force for a launch. Raises LedgerError if a command cannot be read."""
    control_state = OPEN
    try:
        commands = records_of(connection.execute(_COMMANDS, {"for_launch": launch}).all())
    except ValueError as error:
        raise LedgerError(f"the ledger is damaged: a command to launch {launch} cannot be read: {error}") from error
    check_records(commands)
    for record in commands:
        control_state = control.apply(control_state, record)
    return control_state


def whole_launch(launch: str) -> tuple[sa.ColumnElement[bool], ...]:
    """A condition that selects all rows of a launch by a range of ids, so that the database scans the table in order.

    By the launch's index it would fetch each row on its own and sort them: four times as long for a whole journal.
    """
    own = sa.select(journal.c.id).where(journal.c.launch == launch).subquery()
    first, last = (sa.select(of(own.c.id)).scalar_subquery() for of in (sa.func.min, sa.func.max))
    return journal.c.id.between(first, last), journal.c.launch + "" == launch
