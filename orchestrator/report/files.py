"""Reports on disk: written beside the old one, then put in its place, so that a reader never sees half a file."""

import csv
import importlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orchestrator.core.result import timeline
from orchestrator.core.result.types import COLUMNS, Result, values
from orchestrator.core.text import FORMULA, spreadsheet_cell
from orchestrator.errors import OrchestratorError
from orchestrator.model import Record
from orchestrator.places import put_in_place
from orchestrator.report.ci import as_dotenv, as_dotenv_refusal
from orchestrator.report.junit import as_junit, as_junit_refusal
from orchestrator.report.markdown import as_markdown

_RISKY: Final = re.compile(f"[\0;\t\r\n](?=[{''.join(map(re.escape, FORMULA))}])")
_CHUNK_SIZE: Final = 1000
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def as_json(result: Result) -> Iterator[str]:
    """`result.json`: a line per campaign, so that it can be searched and compared by line."""
    document = replace(result, campaigns=()).as_json()
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    head, empty, tail = text.partition('\n  "campaigns": []')
    yield head + empty[:-1]
    before = "\n    "
    for campaign in result.campaigns:
        # Not indented as a whole: the standard library's indenting encoder is in Python, and ten times as slow.
        yield before + _encode(dict(zip(COLUMNS, values(campaign), strict=True)))
        before = ",\n    "
    yield ("\n  ]" if result.campaigns else "]") + tail


def as_csv(result: Result) -> Iterator[str]:
    """`result.csv`: a line per campaign, the columns of `campaigns[]`; then the environment, where there is one.

    Last a note, where nothing was sent.
    """
    note = f"{result.banner} ({result.conditions})".removesuffix(" ()") if result.banner else ""
    more = {name: value for name, value in (("environment", result.environment), ("note", note)) if value}
    last = tuple(more.values())
    cells = ((*_cells(values(campaign)), *last) for campaign in result.campaigns) if last else _all_cells(result)
    rows = chain([(*COLUMNS, *more)], cells)
    while some := list(islice(rows, _CHUNK_SIZE)):
        out = io.StringIO()
        # RFC 4180; with "\n" alone, the csv module leaves a bare "\r" unquoted, and it would begin a new row.
        csv.writer(out, lineterminator="\r\n").writerows(some)
        yield out.getvalue()


def _all_cells(result: Result) -> Iterator[Sequence[object]]:
    return map(_cells, map(values, result.campaigns))


def as_html(result: Result, records: Iterable[Record]) -> Iterator[str]:
    """`result.html`: for people; one file that needs nothing from elsewhere."""
    from orchestrator.report.html.page import render

    yield render(result, timeline.build(result, list(records)))


def as_prometheus(result: Result) -> str:
    """`result.prom`: for node_exporter's textfile collector."""
    # The library is imported only where this report is wanted: it takes as long as a commit on disk.
    from orchestrator.report import prometheus

    return prometheus.as_prometheus(result)


def _cells(row: Sequence[object]) -> Sequence[object]:
    # One look at all cells together, each behind a NUL: nearly no row has such a one.
    if _RISKY.search("\0" + "\0".join([cell for cell in row if isinstance(cell, str)])) is None:
        return row
    return [spreadsheet_cell(cell) if isinstance(cell, str) else cell for cell in row]


def _plain(writer: Callable[[Result], str]) -> "_Writer":
    return lambda result, _: (writer(result),)


def _streamed(writer: Callable[[Result], Iterable[str]]) -> "_Writer":
    return lambda result, _: writer(result)


_Writer = Callable[[Result, Iterable[Record]], Iterable[str]]
_WRITERS: Final[Mapping[str, tuple[str, _Writer]]] = MappingProxyType(
    {
        "json": ("result.json", _streamed(as_json)),
        "csv": ("result.csv", _streamed(as_csv)),
        "junit": ("junit.xml", _plain(as_junit)),
        "markdown": ("result.md", _plain(as_markdown)),
        "html": ("result.html", as_html),
        "prometheus": ("result.prom", _plain(as_prometheus)),
        "dotenv": ("result.env", _plain(as_dotenv)),
    }
)
FORMATS: Final = tuple(_WRITERS)


@dataclass(frozen=True, slots=True)
class LaunchFolder:
    """Where a launch's reports lie in `directory`: each environment has a folder of its own in the launch's."""

    directory: Path
    launch: str
    environment: str = ""

    @property
    def path(self) -> Path:
        """The folder."""
        return self.directory / self.launch / self.environment


def import_writers(formats: Iterable[str]) -> None:
    """Import what `write` will need, while there are file descriptors: later a run may have used them up."""
    if "html" in formats:
        importlib.import_module("orchestrator.report.html.page")
    if "prometheus" in formats:
        importlib.import_module("orchestrator.report.prometheus")


def write(result: Result, records: Iterable[Record], directory: Path, formats: Iterable[str]) -> list[Path]:
    """Write the reports of a launch into its `LaunchFolder`. Returns their paths.

    Those of a rehearsal lie in a folder `rehearsal` in it: they must not replace what a real run came to.
    Each is tried; then the first OSError is raised, or UnicodeError for a folder that the locale cannot spell.
    `records` are those the result was built from: a report with times needs more than the result has. They are read
    only where one is wanted.
    """
    own = LaunchFolder(directory, result.run["launch"], result.environment).path
    folder = own / ("rehearsal" if result.run.get("rehearsal") else "")
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    errors: list[Exception] = []
    for file, render in (_WRITERS[name] for name in dict.fromkeys(formats)):
        try:
            paths.append(_replace(folder / file, render(result, records)))
        except (OSError, UnicodeError) as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return paths


OF_REFUSALS: Final = ("junit", "dotenv")
"""The formats that a pipeline takes for what the last run came to: a run without a result writes them, too."""


def write_refusal(error: OrchestratorError, folder: LaunchFolder, name: str, at: float) -> Path:
    """Write a report of OF_REFUSALS for a run that ended without a result. Raises OSError."""
    folder.path.mkdir(parents=True, exist_ok=True)
    text = as_junit_refusal(error, folder.launch, at) if name == "junit" else as_dotenv_refusal(error)
    return _replace(folder.path / file_of(name), (text,))


def file_of(name: str) -> str:
    """The name of a format's file."""
    return _WRITERS[name][0]


def _replace(path: Path, texts: Iterable[str]) -> Path:
    with put_in_place(path) as file:
        file.writelines(text.encode("utf-8", "backslashreplace") for text in texts)
    return path
