"""Reports on disk: written beside the old one, then put in its place, so that a reader never sees half a file."""

import csv
import importlib
import io
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, cast

import orjson

from orchestrator.core.result import timeline
from orchestrator.core.result.table import COLUMNS, cells
from orchestrator.core.result.types import FIELDS, CampaignResult, Result, values
from orchestrator.core.text import FORMULA, spreadsheet_cell
from orchestrator.errors import OrchestratorError
from orchestrator.model import Record
from orchestrator.places import put_in_place
from orchestrator.report.ci import as_dotenv, as_dotenv_refusal
from orchestrator.report.junit import as_junit, as_junit_refusal
from orchestrator.report.markdown import as_markdown

_RISKY: Final = re.compile(f"[\0;\t\r\n](?=[{''.join(map(re.escape, FORMULA))}])")
_CHUNK_SIZE: Final = 1000
_HALF: Final = re.compile("[\ud800-\udfff]")

_Chunks = Iterator[list[CampaignResult]]


def as_json(result: Result, chunks: _Chunks | None = None) -> Iterator[str]:
    """`result.json`: a line per campaign, so that it can be searched and compared by line. A text for each chunk."""
    document = replace(result, campaigns=()).as_json()
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    head, empty, tail = text.partition('\n  "campaigns": []')
    yield head + empty[:-1]
    comma = ""
    for chunk in _chunks(result) if chunks is None else chunks:
        yield comma + _lines(chunk)
        comma = ","
    yield ("\n  ]" if comma else "]") + tail


def _lines(chunk: Sequence[CampaignResult]) -> str:
    rows = [dict(zip(FIELDS, values(campaign), strict=True)) for campaign in chunk]
    for row in rows:
        # In one piece: what is nested would get lines of its own.
        if row["delivery"] is not None:
            row["delivery"] = _piece(row["delivery"])
    try:
        text = orjson.dumps(rows, option=orjson.OPT_INDENT_2)
    except orjson.JSONEncodeError:
        texts = [{name: _escaped(value) for name, value in row.items()} for row in rows]
        text = orjson.dumps(texts, option=orjson.OPT_INDENT_2)
    # A line of its own for each campaign instead of each value. Within a text, no line ends: they are escaped.
    for before, after in ((b"{\n    ", b"{"), (b",\n    ", b", "), (b"\n  }", b"}"), (b"\n  {", b"\n    {")):
        text = text.replace(before, after)
    return text[1:-2].decode()


def _escaped(value: object) -> object:
    """A text that orjson takes. A server may send half of a pair, which has no UTF-8, but an escape in JSON."""
    if not isinstance(value, str) or _HALF.search(value) is None:
        return value
    return _piece(value)


def _piece(value: object) -> orjson.Fragment:
    return orjson.Fragment(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace"))


def as_csv(result: Result, chunks: _Chunks | None = None) -> Iterator[str]:
    """`result.csv`: a line per campaign, the columns of `campaigns[]`; then the environment, where there is one.

    Last a note, where nothing was sent.
    """
    note = f"{result.banner} ({result.conditions})".removesuffix(" ()") if result.banner else ""
    more = {name: value for name, value in (("environment", result.environment), ("note", note)) if value}
    last = tuple(more.values())
    yield _csv([(*COLUMNS, *more)])
    for chunk in _chunks(result) if chunks is None else chunks:
        rows = _cells([cells(campaign) for campaign in chunk])
        yield _csv([(*row, *last) for row in rows] if last else rows)


def _csv(rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    # RFC 4180; with "\n" alone, the csv module leaves a bare "\r" unquoted, and it would begin a new row.
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _chunks(result: Result) -> _Chunks:
    """The campaigns, some at a time: the writers' loops are in C, and not all campaigns fit in memory."""
    campaigns = iter(result.campaigns)
    while some := list(islice(campaigns, _CHUNK_SIZE)):
        yield some


def as_html(result: Result, records: Iterable[Record]) -> Iterator[str]:
    """`result.html`: for people; one file that needs nothing from elsewhere."""
    from orchestrator.report.html.page import render

    yield render(result, timeline.build(result, list(records)))


def as_prometheus(result: Result) -> str:
    """`result.prom`: for node_exporter's textfile collector."""
    # The library is imported only where this report is wanted: it takes as long as a commit on disk.
    from orchestrator.report import prometheus

    return prometheus.as_prometheus(result)


def _cells(rows: list[Sequence[object]]) -> list[Sequence[object]]:
    # One look at all cells together, each behind a NUL: nearly no row has such a one.
    if _RISKY.search("\0" + "\0".join([cell for row in rows for cell in row if isinstance(cell, str)])) is None:
        return rows
    return [[spreadsheet_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


class _Writer(Protocol):
    """Makes a report's texts. `chunks` are the campaigns, where another report reads them at the same time."""

    def __call__(self, result: Result, records: Iterable[Record], chunks: _Chunks | None = None) -> Iterable[str]: ...


def _plain(writer: Callable[[Result], str]) -> _Writer:
    return lambda result, _records, _chunks=None: (writer(result),)


def _by_rows(writer: Callable[[Result, _Chunks | None], Iterable[str]]) -> _Writer:
    return lambda result, _records, chunks=None: writer(result, chunks)


_WRITERS: Final[Mapping[str, tuple[str, _Writer]]] = MappingProxyType(
    {
        "json": ("result.json", _by_rows(as_json)),
        "csv": ("result.csv", _by_rows(as_csv)),
        "junit": ("junit.xml", _plain(as_junit)),
        "markdown": ("result.md", _plain(as_markdown)),
        "html": ("result.html", lambda result, records, _chunks=None: as_html(result, records)),
        "prometheus": ("result.prom", _plain(as_prometheus)),
        "dotenv": ("result.env", _plain(as_dotenv)),
    }
)
_OF_ROWS: Final = ("json", "csv")
"""Reports with a line a campaign. Written in turns, they share one pass over the campaigns."""
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
    `records` are as for `write_each`.
    """
    wanted = tuple(dict.fromkeys(formats))
    outcomes = dict(write_each(result, records, directory, wanted))
    paths = []
    for outcome in (outcomes[name] for name in wanted):
        if isinstance(outcome, Exception):
            raise outcome
        paths.append(outcome)
    return paths


def write_each(
    result: Result, records: Iterable[Record], directory: Path, formats: Iterable[str]
) -> Iterator[tuple[str, Path | Exception]]:
    """Write the reports one by one, those with a line a campaign first. Each format with its path, or its failure.

    `records` are those the result was built from: a report with times needs more than the result has. They are read
    only where one is wanted.
    """
    own = LaunchFolder(directory, result.run["launch"], result.environment).path
    folder = own / ("rehearsal" if result.run.get("rehearsal") else "")
    wanted = dict.fromkeys(formats)
    yield from _write_rows(result, records, folder, [name for name in wanted if name in _OF_ROWS])
    for file, writer, name in ((*_WRITERS[name], name) for name in wanted if name not in _OF_ROWS):
        yield name, _finished(_writing(folder / file, writer(result, records)))


def _write_rows(
    result: Result, records: Iterable[Record], folder: Path, names: Sequence[str]
) -> Iterator[tuple[str, Path | Exception]]:
    """Reports that take turns, so that each campaign is concluded once for all of them, and then forgotten."""
    shared = _SharedChunks(_chunks(result))
    turns, outcomes = {}, {}
    for name in names:
        file, writer = _WRITERS[name]
        turns[name] = _writing(folder / file, writer(result, records, shared.read()))
    while turns:
        for name, turn in list(turns.items()):
            if (outcome := _step(turn)) is not None:
                del turns[name]
                outcomes[name] = outcome
    yield from ((name, outcomes[name]) for name in names)  # as they were asked for, and not as they were done


class _SharedChunks:
    """Chunks for readers that take turns. All meet a failure: to the second, a generator that failed has only ended.

    Not `itertools.tee`, which keeps the last 57 items.
    """

    def __init__(self, chunks: _Chunks) -> None:
        self._chunks = chunks
        self._count = 0
        self._last: list[CampaignResult] = []
        self._error: Exception | None = None

    def read(self) -> _Chunks:
        """The chunks for one more reader, which must not fall behind the others by more than a turn."""
        for number in count():
            if number == self._count:
                self._fetch()
            if self._error is not None:
                raise self._error
            if not self._last:
                return
            yield self._last

    def _fetch(self) -> None:
        self._count += 1
        try:
            self._last = next(self._chunks, [])
        except Exception as error:  # noqa: BLE001 - raised by every reader
            self._error = error


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
    outcome = _finished(_writing(path, texts))
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


_Turns = Generator[None, None, Path]


def _finished(turns: _Turns) -> Path | Exception:
    while (outcome := _step(turns)) is None:
        pass
    return outcome


def _step(turns: _Turns) -> Path | Exception | None:
    """One text more: the path once all are written, or why they cannot be. Raises OrchestratorError, of the journal."""
    try:
        next(turns)
    except StopIteration as done:
        return cast("Path", done.value)
    except OrchestratorError:
        raise
    except Exception as error:  # noqa: BLE001 - one report's failure must not keep the others from being written
        return error
    return None


def _writing(path: Path, texts: Iterable[str]) -> _Turns:
    """Write the texts, one a turn; after the last one, the file is put in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with put_in_place(path) as file:
        for text in texts:
            file.write(text.encode("utf-8", "backslashreplace"))
            yield
    return path
