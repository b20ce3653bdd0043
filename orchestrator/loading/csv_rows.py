"""Campaigns from CSV: a header, then a campaign a record."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Final

from orchestrator.core.manifest.models import NOTES, Campaign
from orchestrator.core.manifest.values import did_you_mean
from orchestrator.loading.row_file import CampaignFile, Lines, Place, end_of, interned

_COLUMNS: Final = tuple(field.name for field in fields(Campaign))
_BOOLEANS: Final = {"true": True, "false": False}
_MAX_HEADER: Final = 1000
_SEPARATOR: Final = re.compile(r"[\s;]+")
_LINE: Final = re.compile("[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SPACES: Final = re.compile(" *")
_CELL: Final = re.compile(r' *(?:"[^"]*+(?:""[^"]*+)*+"?)?[^,\r\n]*')


class CsvFile(CampaignFile):
    """A CSV file."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name)
        self._lines = Lines(text, _LINE)
        self._keys: list[str] = []  # of the columns; "" for one that is not read

    def place(self, row: int, key: str = "") -> Place:
        """Where the cell of a key stands in row i."""
        return self._cell(self.lines[row], self._keys.index(key) if key in self._keys else 0)

    def source(self, line: int) -> str:
        """The text of a line, without its end."""
        return self._lines.line(line)

    def _cell(self, line: int, number: int) -> Place:
        """The place of a cell, from 0, of the record that begins at a line; of its last cell where it has fewer."""
        text, at = self._lines.text, self._lines.offset(line)
        for _ in range(number):
            end = end_of(_CELL, text, at)
            if text[end : end + 1] != ",":
                break
            at = end + 1
        return self._lines.place(end_of(_SPACES, text, at))

    def _read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        # Not io.StringIO, which holds a text at four bytes a character.
        lines = (line.group() for line in _LINE.finditer(self._lines.text))
        reader = csv.reader(lines, strict=True, skipinitialspace=True)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            if not self._check_header(header):
                return
            self._keys = ["" if name in NOTES else name for name in header]
            for line, cells in _numbered(reader):
                if len(cells) != len(header):
                    said = f"has {len(cells)} cell{'s' * (len(cells) != 1)}, and the header has {len(header)}"
                    self.report(Place(line), said)
                else:
                    pairs = zip(self._keys, cells, strict=True)
                    row = {key: value for key, cell in pairs if key and (value := cell.strip())}
                    if self._has_key(line, row):
                        yield line, interned(_converted(row))
                # Nobody reads a thousand faults, and a file of a million rows may have one in each.
                if self.has_enough_faults:
                    break
        except csv.Error as error:
            self.report(Place(reader.line_num), f"is not CSV: {error}")

    def _has_key(self, line: int, row: dict[str, Any]) -> bool:
        missing = [name for name in ("stream", "campaign") if name not in row]
        for name in missing:
            self.report(self._cell(line, self._keys.index(name)), "is missing", path=name)
        return not missing

    def _check_header(self, header: Sequence[str]) -> bool:
        if not any(header):
            self.report(Place(1), "is empty", f"begin with the header {','.join(_COLUMNS[:3])}")
            return False
        # Excel writes semicolons where the comma is the decimal sign.
        if len(header) == 1 and re.search("[;\t]", header[0]):
            what = "semicolons" if ";" in header[0] else "tabs"
            self.report(Place(1), f"is separated by {what}", "export it with commas")
            return False
        seen = set[str]()
        for number, name in enumerate(header[:_MAX_HEADER]):
            if name not in _COLUMNS and name not in NOTES:
                self.report(self._cell(1, number), "unknown column", did_you_mean(name, _COLUMNS), path=name)
            elif name in seen:
                self.report(self._cell(1, number), "is a duplicate column", path=name)
            seen.add(name)
        for name in ("stream", "campaign"):
            if name not in header:
                self.report(Place(1), "has no such column", f"the header is {','.join(header)[:80]}", path=name)
        return not self.problems


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, each with the line at which it begins: a quoted cell may hold line ends."""
    line = reader.line_num + 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _converted(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its cells as values."""
    for key in ("rerun", "enabled"):
        if key in row:
            row[key] = _BOOLEANS.get(row[key].lower(), row[key])
    # An instance as `plan` prints it: a cell has no braces.
    if isinstance(row.get("rerun"), str) and row["rerun"].startswith("cid-"):
        row["rerun"] = {"instance": row["rerun"]}
    if "tags" in row:
        row["tags"] = [tag for tag in _SEPARATOR.split(row["tags"]) if tag]
    return row
