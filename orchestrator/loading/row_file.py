"""What every file of `campaigns_from` has, whatever its format: rows, and the place of each value in them."""

import re
import sys
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from orchestrator.core.text import plural
from orchestrator.errors import Problem

_MAX_FAULTS: Final = 1000
_MAX_SHOWN: Final = 10  # columns of a warning
_MAX_NAME: Final = 40  # characters of each
_RECURRING: Final = ("account", "stream", "type", "iid", "window")


class Place(NamedTuple):
    """Where something stands in a file: line and column, from 1. `cell` is its address in a sheet, such as `B7`."""

    line: int
    column: int = 1
    cell: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file was read: `columns` are a table's, as they are written, with the key that each is read as."""

    file: str
    rows: int
    columns: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    separator: str = ""

    @property
    def sentence(self) -> str:
        """It in words: `list.csv: 3 campaigns, separated by semicolons; columns stream (Stream ID), campaign`."""
        parts = [f"{self.file}: {plural(self.rows, 'campaign')}"]
        if self.separator:
            parts.append(f", separated by {self.separator}")
        if self.columns:
            names = (key if name == key else f"{key} ({name})" for name, key in self.columns.items())
            parts.append(f"; columns {', '.join(names)}")
        return "".join(parts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is in the file and was not read."""
        if not self.left_out:
            return ()
        shown = ", ".join(name[:_MAX_NAME] for name in self.left_out[:_MAX_SHOWN])
        more = f" and {len(self.left_out) - _MAX_SHOWN} more" if len(self.left_out) > _MAX_SHOWN else ""
        return (f"{self.file}: {plural(len(self.left_out), 'column')} left out: {shown}{more}",)

    def as_json(self) -> dict[str, Any]:
        """It as data."""
        return {"file": self.file, "campaigns": self.rows, "columns": dict(self.columns),
                "left_out": list(self.left_out), "separator": self.separator or None}  # fmt: skip


class CampaignFile(ABC):
    """A file of `campaigns_from`, read row by row; no row is kept. `problems` are about its form.

    Both lists grow while `rows` is read: row i, from 0, begins at line `lines[i]`, from 1. A sheet's lines are its
    rows.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines = array("I")
        self.problems: list[Problem] = []

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, once; one with a fault of form is left out."""
        for line, row in self._read():
            self.lines.append(line)
            yield row

    @abstractmethod
    def _read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each row with the line at which it begins."""

    @abstractmethod
    def place(self, row: int, key: str = "") -> Place:
        """Where the value of a key stands in row i; without a key, or where the row has none, where the row begins."""

    def reading(self) -> Reading:
        """How it was read, once it was."""
        return Reading(self.name, len(self.lines))

    def report(self, place: Place, message: str, hint: str = "", *, path: str = "") -> None:
        """Adds a fault of the file's form."""
        self.problems.append(Problem(self.name, place.line, place.column, path, message, hint, place.cell))

    @property
    def has_enough_faults(self) -> bool:
        """Whether reading on is a waste: only the first hundred faults are shown."""
        return len(self.problems) >= _MAX_FAULTS


class Lines:
    """The lines of a text, found when the first of them is asked for: a valid file needs none."""

    def __init__(self, text: str, line: re.Pattern[str]) -> None:
        self.text = text
        self._line = line

    @cached_property
    def _starts(self) -> "array[int]":
        return array("Q", (match.start() for match in self._line.finditer(self.text)))

    def offset(self, line: int) -> int:
        """Where a line, from 1, begins in the text."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.text)

    def place(self, offset: int) -> Place:
        """The line and the column of a character of the text."""
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1) if line else Place(1)

    def line(self, number: int) -> str:
        """A line, without its end."""
        return self.text[self.offset(number) : self.offset(number + 1)].rstrip("\r\n")


def end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a pattern that begins at a place of the text ends."""
    found = pattern.match(text, at)
    return found.end() if found else at


def interned(row: dict[str, Any]) -> dict[str, Any]:
    """The row, whose recurring values are one text each in memory instead of one a row."""
    for key in _RECURRING:
        if isinstance(value := row.get(key), str):
            row[key] = sys.intern(value)
    return row
