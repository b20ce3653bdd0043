"""Reports on disk: written beside the old one, then put in its place, so that a reader never sees half a file."""

import contextlib
import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orchestrator.core.result import CampaignResult, Result
from orchestrator.report.ci import as_dotenv
from orchestrator.report.junit import as_junit
from orchestrator.report.markdown import as_markdown
from orchestrator.report.prometheus import as_prometheus

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full width counts, too
_INNER: Final = re.compile("([;\t\r\n])(?=[=+@＝＋－＠-])")  # noqa: RUF001 - the same


def as_json(result: Result) -> str:
    """`result.json`."""
    return json.dumps(result.as_json(), indent=2, ensure_ascii=False) + "\n"


def as_csv(result: Result) -> str:
    """`result.csv`: a line per campaign, the columns of `campaigns[]`."""
    out = io.StringIO()
    names = [field.name for field in fields(CampaignResult)]
    # RFC 4180; with "\n" alone, the csv module leaves a bare "\r" unquoted, and it would begin a new row.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([_cell(getattr(campaign, name)) for name in names] for campaign in result.campaigns)
    return out.getvalue()


def _cell(value: object) -> object:
    # A server's message that begins with "=" would be run as a formula by whoever opens the file in a spreadsheet;
    # where a semicolon separates cells (most of Europe), so would what follows one, whatever the quotes.
    if not isinstance(value, str):
        return value
    text = _INNER.sub(r"\1'", value)
    return f"'{text}" if text.startswith(_FORMULA) else text


_WRITERS: Final[Mapping[str, tuple[str, Callable[[Result], str]]]] = MappingProxyType(
    {
        "json": ("result.json", as_json),
        "csv": ("result.csv", as_csv),
        "junit": ("junit.xml", as_junit),
        "markdown": ("result.md", as_markdown),
        "prometheus": ("result.prom", as_prometheus),
        "dotenv": ("result.env", as_dotenv),
    }
)
FORMATS: Final = tuple(_WRITERS)


def write(result: Result, directory: Path, formats: Iterable[str]) -> list[Path]:
    """Write the reports of a launch into `directory/<launch>/`. Returns their paths; raises OSError."""
    folder = directory / result.run["launch"]
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [_WRITERS[name] for name in dict.fromkeys(formats)]
    return [_replace(folder / name, render(result)) for name, render in chosen]


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
