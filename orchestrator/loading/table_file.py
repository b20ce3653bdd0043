"""What CSV files and sheets have in common: a header, then a campaign a row, in cells."""

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Final

from orchestrator.loading.headers import HEADS, KEYS, Header, header_of
from orchestrator.loading.row_file import CampaignFile, Place, Reading, interned

_STREAMS: Final = HEADS["stream"]
_CAMPAIGNS: Final = HEADS["campaign"]
# An instance's id alone, or with the braces that it has in YAML, and where `plan` prints it.
_INSTANCE: Final = re.compile(r"(cid-.*)|\{\s*instance\s*:\s*([^\s{}]+)\s*\}")
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class TableFile(CampaignFile):
    """A table. `header` is what its first row with a value says."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.header = Header((), ())

    def place(self, row: int, key: str = "") -> Place:
        """Where the cell of a key stands in row i."""
        return self._cell(self.lines[row], self._number(key))

    def reading(self) -> Reading:
        """How it was read."""
        names = {name: key for name, key in zip(self.header.names, self.header.keys, strict=True) if key}
        return Reading(self.name, len(self.lines), names, self.header.left_out)

    @abstractmethod
    def _cell(self, line: int, number: int) -> Place:
        """The place of a cell, from 0, of the row that begins at a line."""

    def _number(self, key: str) -> int:
        return self.header.keys.index(key) if key in self.header.keys else 0

    def _accept_header(self, line: int, cells: Sequence[str]) -> bool:
        """Takes the row for the header, and reports what is wrong with it."""
        self.header = header_of(cells)
        for fault in self.header.faults():
            self.report(self._cell(line, fault.column or 0), fault.message, fault.hint, path=fault.name)
        return not self.problems

    def _report_empty(self) -> None:
        self.report(Place(1), "is empty", f"begin with the header {','.join(KEYS[:3])}")

    def _campaign(self, line: int, row: dict[str, Any]) -> dict[str, Any] | None:
        """The row with its cells as values; None if it is no campaign, which is reported."""
        if "stream" not in row or "campaign" not in row:
            missing = [key for key in HEADS if key not in row]
            also = f", and so is {missing[1]}" if missing[1:] else ""
            self.report(self._cell(line, self._number(missing[0])), f"is missing{also}", path=missing[0])
            return None
        if row["stream"].lower() in _STREAMS and row["campaign"].lower() in _CAMPAIGNS:
            self.report(self._cell(line, 0), "repeats the header", "remove this row")
            return None
        return interned(_converted(row))

    def _check_nameless(self, line: int, cells: Sequence[Any]) -> None:
        for number in self.header.nameless:
            if str(cells[number]).strip():
                self.report(self._cell(line, number), "has a value in a column without a name", "name it in the header")


def _converted(row: dict[str, Any]) -> dict[str, Any]:
    for key in ("rerun", "enabled"):
        if isinstance(text := row.get(key), str):
            row[key] = _BOOLEANS.get(text.lower(), text)
            if key == "rerun" and (found := _INSTANCE.fullmatch(text)):
                row[key] = {"instance": found[1] or found[2]}
    return row
