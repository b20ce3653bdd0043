"""Campaigns from CSV and JSON lines: plain rows with their line numbers."""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from orchestrator.core.manifest.models import Campaign
from orchestrator.core.manifest.values import did_you_mean
from orchestrator.errors import Problem

SUFFIXES: Final = (".csv", ".jsonl", ".ndjson")

_COLUMNS: Final = tuple(field.name for field in fields(Campaign))
_BOOLEANS: Final = {"true": True, "false": False}
_MAX_FAULTS: Final = 1000
_MAX_LINE: Final = 64 * 1024
_SEPARATOR: Final = re.compile(r"[\s;]+")
_LINE: Final = re.compile("[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_RECURRING: Final = ("account", "stream", "type", "iid", "window")


class MalformedError(Exception):
    """A file has a fault of form: `read_rows` says which."""


@dataclass(slots=True)
class Rows:
    """A file's rows: `values[i]` is written at line `lines[i]`. `problems` are about the file's form."""

    name: str
    values: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def fault(self, line: int, message: str, hint: str = "", *, column: int = 1, path: str = "") -> None:
        """Notes a fault of the file's form."""
        self.problems.append(Problem(self.name, line, column, path, message, hint))

    @property
    def is_hopeless(self) -> bool:
        """Whether there are so many faults that more would help nobody."""
        return len(self.problems) >= _MAX_FAULTS

    def add(self, line: int, value: dict[str, Any]) -> None:
        """Notes a row."""
        self.values.append(value)
        self.lines.append(line)


def read_rows(text: str, name: str) -> Rows:
    """The rows of a file, and every fault of its form; the name's ending says which format it is in."""
    rows = Rows(name)
    for line, value in _written(text, rows):
        rows.add(line, value)
    return rows


def stream_rows(text: str, name: str) -> Iterator[dict[str, Any]]:
    """The same rows, one at a time and none of them kept. Raises MalformedError at a fault of the file's form."""
    rows = Rows(name)
    for _, value in _written(text, rows):
        if rows.problems:
            break
        yield value
    if rows.problems:
        raise MalformedError(name)


def _written(text: str, rows: Rows) -> Iterator[tuple[int, dict[str, Any]]]:
    return _read_csv(text, rows) if rows.name.lower().endswith(".csv") else _read_json_lines(text, rows)


def _read_csv(text: str, rows: Rows) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not io.StringIO, which holds a text at four bytes a character.
    reader = csv.reader((line.group() for line in _LINE.finditer(text)), strict=True, skipinitialspace=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if not _check_header(header, rows):
            return
        for line, cells in _numbered(reader):
            if len(cells) != len(header):
                rows.fault(line, f"has {len(cells)} cells where the header has {len(header)}")
            else:
                row = {key: value for key, cell in zip(header, cells, strict=True) if (value := cell.strip())}
                if _has_key(rows, line, row):
                    yield line, _shared(_converted(row))
            if rows.is_hopeless:
                break
    except csv.Error as error:
        rows.fault(reader.line_num, f"is not CSV: {error}")


def _has_key(rows: Rows, line: int, row: dict[str, Any]) -> bool:
    missing = [name for name in ("stream", "campaign") if name not in row]
    for name in missing:
        rows.fault(line, "is missing", path=name)
    return not missing


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    line = reader.line_num + 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _check_header(header: Sequence[str], rows: Rows) -> bool:
    if not any(header):
        rows.fault(1, "is empty", f"begin with the header {','.join(_COLUMNS[:3])}")
        return False
    if len(header) == 1 and re.search("[;\t]", header[0]):  # as Excel separates them in many countries
        rows.fault(1, f"is separated by {'semicolons' if ';' in header[0] else 'tabs'}", "export it with commas")
        return False
    column, seen = 1, set[str]()
    for name in header[:_MAX_FAULTS]:
        if name not in _COLUMNS:
            rows.fault(1, "unknown column", did_you_mean(name, _COLUMNS), column=column, path=name)
        elif name in seen:
            rows.fault(1, "is a column twice", column=column, path=name)
        seen.add(name)
        column += len(name) + 1
    for name in ("stream", "campaign"):
        if name not in header:
            rows.fault(1, "has no such column", f"the header is {','.join(header)[:80]}", path=name)
    return not rows.problems


def _converted(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its cells as values."""
    for key in ("rerun", "enabled"):
        if key in row:
            row[key] = _BOOLEANS.get(row[key].lower(), row[key])
    if "tags" in row:
        row["tags"] = [tag for tag in _SEPARATOR.split(row["tags"]) if tag]
    return row


def _shared(row: dict[str, Any]) -> dict[str, Any]:
    """The row, whose recurring words are one text each instead of one a row."""
    for key in _RECURRING:
        if isinstance(word := row.get(key), str):
            row[key] = sys.intern(word)
    return row


def _read_json_lines(text: str, rows: Rows) -> Iterator[tuple[int, dict[str, Any]]]:
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
    for line, written in enumerate(text.split("\n"), start=1):
        stripped = written.strip()
        if not stripped:
            continue
        if rows.is_hopeless:
            break
        if len(stripped) > _MAX_LINE:
            rows.fault(line, f"is longer than {_MAX_LINE} characters")
            continue
        try:
            value = decoder.decode(stripped)
        except json.JSONDecodeError as error:
            indent = len(written) - len(written.lstrip())
            rows.fault(line, f"is not JSON: {error.msg}", column=indent + error.colno)
        except (ValueError, RecursionError) as error:
            rows.fault(line, f"is not a row: {error}")
        else:
            if isinstance(value, dict):
                yield line, _shared(value)
            else:
                rows.fault(line, "must be a JSON object", 'write {"stream": "…", "campaign": "…"}')


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"{twice[:80]!a} is written twice")
    return value


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")
