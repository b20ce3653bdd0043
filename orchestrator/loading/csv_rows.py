"""Campaigns from CSV: a header, then a campaign a record. The header tells what separates the cells."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from orchestrator.core.manifest.values import ID_PATTERN
from orchestrator.core.text import plural
from orchestrator.loading.headers import HEADS, header_of
from orchestrator.loading.row_file import Lines, Place, Reading, end_of
from orchestrator.loading.table_file import TableFile

_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
_LINE: Final = re.compile("[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SEP_LINE: Final = re.compile(r'"?sep=(.)"?[ ]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_ID: Final = re.compile(ID_PATTERN)
_SPACES: Final = re.compile(" *")
_QUOTED: Final = re.compile(r'"[^"]*+(?:""[^"]*+)*+("?)')

_MAX_RECORD: Final = 64 * 1024  # characters; fewer than the csv module takes for a cell by default

_DOUBLE: Final = 'write "" for a quote that belongs to the text'


class CsvFile(TableFile):
    """A CSV file."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name)
        self._lines = Lines(text, _LINE)
        self._separator = ","
        self._header_line = 1

    @property
    def separator(self) -> str:
        """What separates its cells; known once a row is read."""
        return self._separator

    @property
    def is_quoted(self) -> bool:
        """Whether its header has every cell in quotes."""
        starts = (self.span(self._header_line, number)[0] for number in range(len(self.header.names)))
        return all(self._lines.text.startswith('"', start) for start in starts)

    def span(self, line: int, number: int) -> tuple[int, int]:
        """Where in the text a cell, from 0, of the record that begins at a line begins and ends, quotes included."""
        at = self._offset(line, number)
        return at, self._end_of_cell(at)

    def reading(self) -> Reading:
        """How it was read."""
        return replace(super().reading(), separator=_SEPARATORS[self._separator])

    def _read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        # 1. What separates the cells, and what the columns are.
        begin = self._find_separator()
        records = self._records(begin)
        line, cells = next(records, (1, []))
        self._header_line = line
        if not cells and not self.problems:
            self._report_empty()
        if self.problems or not self._accept_header(line, cells):
            return
        # 2. The rows.
        columns, nameless, width = self.header.columns, self.header.nameless, len(cells)
        for line, cells in records:
            if len(cells) == width or self._fits(line, cells):
                row = {key: value for number, key in columns if (value := cells[number].strip())}
                if (campaign := self._campaign(line, row)) is not None:
                    yield line, campaign
                if nameless:
                    self._check_nameless(line, cells)
            # Nobody reads a thousand faults, and a file of a million rows may have one in each.
            if self.has_enough_faults:
                break

    def _fits(self, line: int, cells: list[str]) -> bool:
        width = len(self.header.names)
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            return True
        sign = _SEPARATORS[self._separator]
        hint = f"put quotes around a cell that contains {sign}" if len(cells) > width else ""
        self.report(Place(line), f"has {plural(len(cells), 'cell')}, and the header has {width}", hint)
        return False

    def _find_separator(self) -> int:
        """Finds the separator of the cells, and returns where in the text the header begins."""
        text = self._lines.text
        if (named := _SEP_LINE.match(text)) is not None:
            if named[1] not in _SEPARATORS:
                self.report(
                    Place(1, 5), f"names {named[1]!a} as the separator", "use a comma, a semicolon, a tab or a pipe"
                )
                return named.end()
            self._separator = named[1]
            return named.end()
        headers = {sign: header_of(self._first_record(sign)) for sign in _SEPARATORS}
        # Never from the rows: the separator decides what is an id.
        fitting = [sign for sign, header in headers.items() if header.is_complete]
        if len(fitting) > 1:
            both = " and by ".join(_SEPARATORS[sign] for sign in fitting)
            self.report(Place(1), f"may be separated by {both}", f"write sep={fitting[0]} as its first line")
        # Where none fits, the header is at fault, and is reported as what it resembles most.
        rank = {sign: (header.is_complete, len(header.columns), len(header.names)) for sign, header in headers.items()}
        self._separator = max(_SEPARATORS, key=rank.__getitem__)
        return 0

    def _first_record(self, separator: str) -> list[str]:
        try:
            return next((cells for cells in self._reader(0, separator) if any(map(str.strip, cells))), [])
        # A quote that is not closed: its line still shows what separates the cells, and the quote is reported later.
        except csv.Error:
            return self._lines.line(1).replace('"', "").split(separator)

    def _reader(self, begin: int, separator: str) -> Any:
        # Not io.StringIO, which holds a text at four bytes a character.
        lines = (line.group() for line in _LINE.finditer(self._lines.text, begin))
        return csv.reader(map(_bounded, lines), delimiter=separator, strict=True, skipinitialspace=True)

    def _records(self, begin: int) -> Iterator[tuple[int, list[str]]]:
        """The records with a value, each with the line at which it begins: a quoted cell may hold line ends."""
        reader = self._reader(begin, self._separator)
        before = 2 if begin else 1  # the number of its first line
        line = before
        try:
            for cells in reader:
                end = reader.line_num + before
                if end - line > 1:
                    _bounded("".join(cells))
                if any(map(str.strip, cells)) and (end - line == 1 or not self._hides_a_row(line, end)):
                    yield line, cells
                line = end
        except csv.Error:
            self._report_quote(line)

    def _hides_a_row(self, line: int, end: int) -> bool:
        """Whether a record of several lines has swallowed a row, because of an open quote before it. It is reported."""
        names = [number for number, key in self.header.columns if key in HEADS]
        for number in range(line + 1, end):
            cells = [cell.strip('" ') for cell in self._lines.line(number).split(self._separator)]
            if len(cells) == len(self.header.names) and all(_ID.fullmatch(cells[n]) for n in names):
                said = f"is a record of {end - line} lines, and line {number} looks like a row of its own"
                self.report(Place(line), said, "close the quote, or remove the line breaks from the cell")
                return True
        return False

    def _cell(self, line: int, number: int) -> Place:
        return self._lines.place(self._offset(line, number))

    def _offset(self, line: int, number: int) -> int:
        at = self._lines.offset(line)
        for _ in range(number):
            end = self._end_of_cell(at)
            if self._lines.text[end : end + 1] != self._separator:
                break
            at = end + 1
        return end_of(_SPACES, self._lines.text, at)

    def _end_of_cell(self, at: int) -> int:
        text = self._lines.text
        at = end_of(_QUOTED, text, end_of(_SPACES, text, at))
        return end_of(re.compile(f"[^{re.escape(self._separator)}\r\n]*"), text, at)

    def _report_quote(self, line: int) -> None:
        """Reports a record that is no CSV at the quote that makes it so. One without such a quote is too long."""
        text, at = self._lines.text, self._lines.offset(line)
        while True:
            quoted = _QUOTED.match(text, start := end_of(_SPACES, text, at))
            if quoted and not quoted[1]:
                self.report(self._lines.place(start), "opens a quote that is never closed", _DOUBLE)
                return
            if quoted and text[quoted.end() : quoted.end() + 1] not in ("", "\r", "\n", self._separator):
                where = self._lines.place(quoted.end())
                said = f"opens a quote that closes within the cell, at {where.line}:{where.column}"
                self.report(self._lines.place(start), said, _DOUBLE)
                return
            end = self._end_of_cell(at)
            if text[end : end + 1] != self._separator:
                self.report(Place(line), f"is a record of more than {_MAX_RECORD} characters")
                return
            at = end + 1


def _bounded(text: str) -> str:
    """The text of a line or a record. Raises csv.Error for one that is too long."""
    if len(text) > _MAX_RECORD:
        raise csv.Error
    return text
