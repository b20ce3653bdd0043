"""Reports on disk: written beside the old one, then put in its place, so that a reader never sees half a file."""

import contextlib
import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orchestrator.core import timeline
from orchestrator.core.result_shapes import COLUMNS, Result, values
from orchestrator.model import Record
from orchestrator.report.ci import as_dotenv
from orchestrator.report.junit import as_junit
from orchestrator.report.markdown import as_markdown
from orchestrator.report.prometheus import as_prometheus

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full width counts, too
_INNER: Final = re.compile("([;\t\r\n])(?=[=+@＝＋－＠-])")  # noqa: RUF001 - the same

_RISKY: Final = re.compile(f"^[{''.join(map(re.escape, _FORMULA))}]|{_INNER.pattern}")
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def as_json(result: Result) -> str:
    """`result.json`: a line per campaign, so that it can be searched and compared by line."""
    document = result.as_json()
    rows, document["campaigns"] = document["campaigns"], []
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if not rows:
        return text
    # Not indented as a whole: the standard library's indenting encoder is in Python, and ten times as slow.
    lines = ",\n    ".join(map(_encode, rows))
    return text.replace('\n  "campaigns": []', f'\n  "campaigns": [\n    {lines}\n  ]', 1)


def as_csv(result: Result) -> str:
    """`result.csv`: a line per campaign, the columns of `campaigns[]`."""
    out = io.StringIO()
    # RFC 4180; with "\n" alone, the csv module leaves a bare "\r" unquoted, and it would begin a new row.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_cell, values(campaign)) for campaign in result.campaigns)
    return out.getvalue()


def as_html(result: Result, records: Sequence[Record]) -> str:
    """`result.html`: for people; one file that needs nothing from elsewhere."""
    from orchestrator.report.page import render

    return render(result, timeline.build(result, records))


def _cell(value: object) -> object:
    # A server's message that begins with "=" would be run as a formula by whoever opens the file in a spreadsheet;
    # where a semicolon separates cells (most of Europe), so would what follows one, whatever the quotes.
    if not isinstance(value, str) or _RISKY.search(value) is None:
        return value
    text = _INNER.sub(r"\1'", value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(writer: Callable[[Result], str]) -> "_Writer":
    return lambda result, _: writer(result)


_Writer = Callable[[Result, Sequence[Record]], str]
_WRITERS: Final[Mapping[str, tuple[str, _Writer]]] = MappingProxyType(
    {
        "json": ("result.json", _plain(as_json)),
        "csv": ("result.csv", _plain(as_csv)),
        "junit": ("junit.xml", _plain(as_junit)),
        "markdown": ("result.md", _plain(as_markdown)),
        "html": ("result.html", as_html),
        "prometheus": ("result.prom", _plain(as_prometheus)),
        "dotenv": ("result.env", _plain(as_dotenv)),
    }
)
FORMATS: Final = tuple(_WRITERS)


def write(result: Result, records: Sequence[Record], directory: Path, formats: Iterable[str]) -> list[Path]:
    """Write the reports of a launch into `directory/<launch>/`. Returns their paths; raises OSError.

    `records` are those the result was built from: a report with times needs more than the result has.
    """
    folder = directory / result.run["launch"]
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [_WRITERS[name] for name in dict.fromkeys(formats)]
    return [_replace(folder / name, render(result, records)) for name, render in chosen]


def _replace(path: Path, text: str) -> Path:
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise
    return path
