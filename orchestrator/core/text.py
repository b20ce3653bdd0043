"""Texts for people: foreign text made harmless for a line of its own; times, durations and counts in words."""

import re
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, overload
from zoneinfo import ZoneInfo

from orchestrator.model import PosixSeconds

_CONTROLS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029"  # would break the line, or control the terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # would turn the rest of the line around
    "\ud800-\udfff\ufffe\uffff]"  # no characters at all; UTF-8 and XML refuse them
)

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full width counts, too
"""Beginnings of a cell that a spreadsheet may run as a formula."""
_INNER: Final = re.compile("([;\t\r\n])(?=[=+@＝＋－＠-])")  # noqa: RUF001 - the same

REPLACEMENT: Final = "\ufffd"

_LONGEST_SPAN: Final = 300

PROGRAM: Final = "python -m orchestrator"
"""How commands name the program in every text and journal, for every reader: a result stays a pure function of its
journal. `cli` and `console` put in how they were called, by `called_as`, when a text leaves them."""

DEFAULT_LEDGER: Final = "sqlite:///.orchestrator/ledger.db"
"""The ledger of manifests and commands that name none."""


def command_line(*words: str, ledger: str = DEFAULT_LEDGER) -> str:
    """A command of ours that runs as it is pasted into a shell; with `--ledger` where it is not the default one."""
    at = () if ledger == DEFAULT_LEDGER else ("--ledger", ledger)
    return " ".join([PROGRAM, *map(shlex.quote, (*words, *at))])


def manifest_words(source: str, environment: str | None) -> tuple[str, ...]:
    """What names a manifest on a command line: its file, and the environment where one is chosen."""
    return (source, "--env", environment) if environment else (source,)


def called_as(text: str, program: str) -> str:
    """The text with the program named as it was called: `orchestrator`, or as it is in `PROGRAM`."""
    return text if program == PROGRAM else text.replace(PROGRAM, program)


_SECRET_NAME: Final = re.compile(r"pass(?!file)|pwd|secret|token|^scram_", re.IGNORECASE)


def one_line(text: str) -> str:
    """The text without anything that ends its line, turns it around or cannot be encoded."""
    return _CONTROLS.sub(REPLACEMENT, text)


def spreadsheet_cell(text: str) -> str:
    """The text as a cell that no spreadsheet runs as a formula, however it is quoted.

    Where a semicolon separates cells (most of Europe), what follows one would be run, too.
    """
    harmless = _INNER.sub(r"\1'", text)
    return f"'{harmless}" if harmless.startswith(FORMULA) else harmless


def names_secret(names: Iterable[str]) -> bool:
    """Whether one of a ledger address's parameters is a secret: `password`, `sslpassword`, `passwd` and their like."""
    return any(_SECRET_NAME.search(name) for name in names)


def plural(number: int, noun: str) -> str:
    """`1 campaign`, `2,000 campaigns`. For nouns whose plural ends in `s`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def titled(name: str, key: str) -> str:
    """A campaign for people, its name before its ids: `Renewal Concord (st-1/cd-1)`. Its `key` alone without a name."""
    return f"{name} ({key})" if name else key


def duration(seconds: float) -> str:
    """`seconds` in its two largest units: `3 h 12 min`; one that rounds to 0 as `0.3 s`."""
    total = round(seconds)
    parts = ((total // 3600, "h"), (total % 3600 // 60, "min"), (total % 60, "s"))
    said = [f"{count} {unit}" for count, unit in parts if count][:2]
    # Less than half a second rounds to no unit at all.
    return " ".join(said) or f"{seconds:.1f} s"


def reason(error: BaseException) -> str:
    """Why something could not be done, where the error says it in words; else the kind of error: no foreign text."""
    if isinstance(error, UnicodeEncodeError):
        return f"the locale has no letter {error.object[error.start]!a}; set LC_ALL=C.UTF-8"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def clock_time(at: float, zone: str = "UTC", *, since: float) -> str:
    """`19:40`, with the day where it is not that of `since`, and with the year where it is another one.

    Both are in POSIX seconds.
    """
    then, before = (datetime.fromtimestamp(one, ZoneInfo(zone)) for one in (at, since))
    if then.date() == before.date():
        return f"{then:%H:%M}"
    return f"{then:%a %d %b %H:%M}" if then.year == before.year else f"{then:%a %d %b %Y %H:%M}"


@overload
def timestamp(at: PosixSeconds) -> str: ...
@overload
def timestamp(at: None) -> None: ...
def timestamp(at: PosixSeconds | None) -> str | None:
    """RFC 3339 in UTC with milliseconds. `at` is in POSIX seconds."""
    if at is None:
        return None
    second, microsecond = divmod(round(at * 1e6), 1_000_000)
    return f"{_second(second)}.{microsecond // 1000:03d}Z"


@lru_cache(maxsize=1024)
def _second(at: int) -> str:
    # Thousands of records share one, and to write a date takes longer than all the rest of a report's line.
    return datetime.fromtimestamp(at, UTC).isoformat()[:-6]


def code(text: str) -> str:
    """Foreign text in Markdown: a code span, on one line and not too long. Nothing happens within one.

    No mention (an escaped or encoded `@name` still pings), no link, no HTML.
    """
    text = one_line(text)
    if len(text) > _LONGEST_SPAN:
        text = text[: _LONGEST_SPAN - 1] + "…"
    # The fence is longer than any run of backticks in the text, or it would end there.
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    if not text.strip(" "):
        pad = ""  # a span of spaces alone keeps them all
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def cell(text: str) -> str:
    """The same in a table, where not even a code span protects a pipe, and renderers disagree about escapes."""
    return code(text.replace("|", "¦"))
