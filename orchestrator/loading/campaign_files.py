"""Campaigns from CSV and JSON lines: plain rows with their line numbers."""

import csv
import json
import re
import sys
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from orchestrator.core.manifest.models import NOTES, Campaign
from orchestrator.core.manifest.values import did_you_mean
from orchestrator.errors import Problem

SUFFIXES: Final = (".csv", ".jsonl", ".ndjson")

_COLUMNS: Final = tuple(field.name for field in fields(Campaign))
_BOOLEANS: Final = {"true": True, "false": False}
_MAX_FAULTS: Final = 1000
_MAX_LINE: Final = 64 * 1024  # characters of one JSON row
_SEPARATOR: Final = re.compile(r"[\s;]+")
_LINE: Final = re.compile("[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_RECURRING: Final = ("account", "stream", "type", "iid", "window")


@dataclass(slots=True)
class CampaignFile:
    """A file of `campaigns_from`, read row by row; no row is kept. `problems` are about its form.

    Both lists grow while `rows` is read: row i, from 0, begins at line `lines[i]`, from 1.
    """

    name: str
    text: str
    lines: "array[int]" = field(default_factory=lambda: array("I"))
    problems: list[Problem] = field(default_factory=list)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, once; one with a fault of form is left out. The name's ending decides how they are read."""
        read = _read_csv if self.name.lower().endswith(".csv") else _read_json_lines
        for line, row in read(self):
            self.lines.append(line)
            yield row

    def report(self, line: int, message: str, hint: str = "", *, column: int = 1, path: str = "") -> None:
        """Adds a fault of the file's form."""
        self.problems.append(Problem(self.name, line, column, path, message, hint))

    @property
    def has_enough_faults(self) -> bool:
        """Whether reading on is a waste: only the first hundred faults are shown."""
        return len(self.problems) >= _MAX_FAULTS


def _read_csv(file: CampaignFile) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not io.StringIO, which holds a text at four bytes a character.
    reader = csv.reader((line.group() for line in _LINE.finditer(file.text)), strict=True, skipinitialspace=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if not _check_header(header, file):
            return
        keys = ["" if name in NOTES else name for name in header]
        for line, cells in _numbered(reader):
            if len(cells) != len(header):
                file.report(line, f"has {len(cells)} cell{'s' * (len(cells) != 1)}, and the header has {len(header)}")
            else:
                row = {key: value for key, cell in zip(keys, cells, strict=True) if key and (value := cell.strip())}
                if _has_key(file, line, row):
                    yield line, _interned(_converted(row))
            # Nobody reads a thousand faults, and a file of a million rows may have one in each.
            if file.has_enough_faults:
                break
    except csv.Error as error:
        file.report(reader.line_num, f"is not CSV: {error}")


def _has_key(file: CampaignFile, line: int, row: dict[str, Any]) -> bool:
    missing = [name for name in ("stream", "campaign") if name not in row]
    for name in missing:
        file.report(line, "is missing", path=name)
    return not missing


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, each with the line at which it begins: a quoted cell may hold line ends."""
    line = reader.line_num + 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _check_header(header: Sequence[str], file: CampaignFile) -> bool:
    if not any(header):
        file.report(1, "is empty", f"begin with the header {','.join(_COLUMNS[:3])}")
        return False
    # Excel writes semicolons where the comma is the decimal sign.
    if len(header) == 1 and re.search("[;\t]", header[0]):
        file.report(1, f"is separated by {'semicolons' if ';' in header[0] else 'tabs'}", "export it with commas")
        return False
    column, seen = 1, set[str]()
    for name in header[:_MAX_FAULTS]:
        if name not in _COLUMNS and name not in NOTES:
            file.report(1, "unknown column", did_you_mean(name, _COLUMNS), column=column, path=name)
        elif name in seen:
            file.report(1, "is a duplicate column", column=column, path=name)
        seen.add(name)
        column += len(name) + 1
    for name in ("stream", "campaign"):
        if name not in header:
            file.report(1, "has no such column", f"the header is {','.join(header)[:80]}", path=name)
    return not file.problems


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


def _interned(row: dict[str, Any]) -> dict[str, Any]:
    """The row, whose recurring values are one text each in memory instead of one a row."""
    for key in _RECURRING:
        if isinstance(value := row.get(key), str):
            row[key] = sys.intern(value)
    return row


def _read_json_lines(file: CampaignFile) -> Iterator[tuple[int, dict[str, Any]]]:
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)
    for line, text in enumerate(file.text.split("\n"), start=1):
        stripped = text.strip()
        if not stripped:
            continue
        if file.has_enough_faults:
            break
        # The decoder's memory grows with a row, which may be the whole file.
        if len(stripped) > _MAX_LINE:
            file.report(line, f"is longer than {_MAX_LINE} characters")
            continue
        try:
            value = decoder.decode(stripped)
        except json.JSONDecodeError as error:
            indent = len(text) - len(text.lstrip())
            file.report(line, f"is not JSON: {error.msg}", column=indent + error.colno)
        # A key written twice, NaN, an integer of thousands of digits, or lists nested too deep.
        except (ValueError, RecursionError) as error:
            file.report(line, f"is not a row: {error}")
        else:
            if isinstance(value, dict):
                yield line, _interned(value)
            else:
                file.report(line, "must be a JSON object", 'write {"stream": "…", "campaign": "…"}')


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"{twice[:80]!a} is written twice")
    return value


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
