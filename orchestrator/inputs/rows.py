"""Campaigns from CSV and JSON lines: plain rows with their line numbers."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from orchestrator.core.manifest import Campaign
from orchestrator.core.manifest_values import did_you_mean
from orchestrator.errors import Problem

SUFFIXES: Final = (".csv", ".jsonl", ".ndjson")

_COLUMNS: Final = tuple(Campaign.model_fields)
_BOOLEANS: Final = {"true": True, "false": False}
_MAX_FAULTS: Final = 1000
_MAX_LINE: Final = 64 * 1024
_SEPARATOR: Final = re.compile(r"[\s;]+")


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
    """The rows of a file; the name's ending says which format it is in."""
    rows = Rows(name)
    if name.lower().endswith(".csv"):
        _read_csv(text, rows)
    else:
        _read_json_lines(text, rows)
    return rows


def _read_csv(text: str, rows: Rows) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    header: list[str] = []  # a fault may lie in the first line itself
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if not _check_header(header, rows):
            return
        for line, cells in _numbered(reader):
            if len(cells) != len(header):
                rows.fault(line, f"has {len(cells)} cells where the header has {len(header)}")
            else:
                row = {key: value for key, cell in zip(header, cells, strict=True) if (value := cell.strip())}
                _add_cells(rows, line, row)
            if rows.is_hopeless:
                break
    except csv.Error as error:
        rows.fault(reader.line_num, f"is not CSV: {error}")
    _convert(rows.values, header)


def _add_cells(rows: Rows, line: int, row: dict[str, Any]) -> None:
    missing = [name for name in ("stream", "campaign") if name not in row]
    for name in missing:
        rows.fault(line, "is missing", path=name)
    if not missing:
        rows.add(line, row)


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


def _convert(values: Sequence[dict[str, Any]], header: Sequence[str]) -> None:
    for key in ("rerun", "enabled"):
        if key in header:
            for row in values:
                if key in row:
                    row[key] = _BOOLEANS.get(row[key].lower(), row[key])
    if "tags" in header:
        for row in values:
            if "tags" in row:
                row["tags"] = [tag for tag in _SEPARATOR.split(row["tags"]) if tag]


def _read_json_lines(text: str, rows: Rows) -> None:
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
            _add_object(rows, line, value)


def _add_object(rows: Rows, line: int, value: Any) -> None:
    if isinstance(value, dict):
        rows.add(line, value)
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
