"""A journal's record that cannot be understood: somebody changed it, or a newer version wrote it."""

from collections.abc import Sequence
from typing import Any

from orchestrator.core.json_shape import first_fault
from orchestrator.core.text import one_line
from orchestrator.errors import LedgerError
from orchestrator.model import Record


class RecordDamaged(LedgerError):  # noqa: N818 - it is the ledger's state
    """A record's data does not have the shape of its kind. `fault` names the record, and what is wrong with it."""

    def __init__(self, record: Record, what: str) -> None:
        self.fault = f"{name_of(record)}: {what}"
        super().__init__(f"the ledger is damaged: {self.fault}")


def name_of(record: Record | Any) -> str:
    """Which record it is, in words: `verdict 1 of st-1/cd-1 (launch spring, run r-1)`. A row of the journal will do."""
    what = f"{record.kind} {record.attempt} of {record.campaign} (launch {record.launch}, run {record.run_id})"
    return one_line(what)


def check_shape(records: Sequence[Record], values: Sequence[Any], shape: Any, where: str = "") -> None:
    """Raise RecordDamaged for the first of the records whose value does not have the shape.

    `where` is the part of its data that the value comes from.
    """
    fault = first_fault(values, shape)
    if fault is not None:
        raise RecordDamaged(records[fault.place], f"{where}{fault}")
