"""How the manifest writes durations, rates, shares, hours and addresses: a parser and a JSON Schema for each."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from difflib import get_close_matches
from heapq import nsmallest
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from orchestrator.core.manifest.zones import zone
from orchestrator.core.text import names_secret
from orchestrator.model import Window

ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
KEY_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}/[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
ENV_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,255}$"
TEXT_PATTERN: Final = r"^[^\x00-\x1f\x7f]*$"

Id = Annotated[str, StringConstraints(strict=True, pattern=ID_PATTERN)]
KeyText = Annotated[str, StringConstraints(strict=True, pattern=KEY_PATTERN)]
Text = Annotated[str, StringConstraints(strict=True, pattern=TEXT_PATTERN, max_length=512)]
EnvName = Annotated[str, StringConstraints(strict=True, pattern=ENV_PATTERN)]
FilledText = Annotated[str, StringConstraints(strict=True, pattern=TEXT_PATTERN, min_length=1, max_length=4096)]

_NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_SPAN: Final = rf"{_NUMBER}(?:ms|s|m|h)"
_MAX_SECONDS: Final = 10**9
_MAX_WORD_LENGTH: Final = 64
_MAX_WORDS: Final = 2000
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_UNIT_WORDS: Final = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hour": 3600.0}
_CALLS: Final = rf"([0-9]{{1,7}})/({_SPAN}|{'|'.join(_UNIT_WORDS)})"
_PERCENT: Final = r"^[0-9]{1,3}(?:\.[0-9]{1,4})?%$"
_CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_HOURS: Final = rf"^{_CLOCK}-(?:{_CLOCK}|24:00)$"
_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]"
_HOST: Final = rf"^(?:(https?)://)?({_NAME})(?::([0-9]{{1,5}}))?/?$"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


_NO_VARIABLES: Final = ("must not contain $: variables are not expanded", "write the full path; ~ is the home folder")


def fault(message: str, hint: object = "") -> PydanticCustomError:
    """A fault in the manifest's words. Neither text may hold a value that could be a secret."""
    return PydanticCustomError("manifest", "{message}", {"message": message, "hint": hint})


def _path(text: str) -> str:
    if "$" in text:
        raise fault(*_NO_VARIABLES)
    return text


def _program(command: tuple[str, ...]) -> tuple[str, ...]:
    if "$" in command[0]:
        raise fault("begins with a program whose path contains a $: no shell expands it", _NO_VARIABLES[1])
    return command


PathText = Annotated[
    FilledText,
    AfterValidator(_path),
    WithJsonSchema({"type": "string", "pattern": r"^[^\x00-\x1f\x7f$]*$", "minLength": 1, "maxLength": 4096}),
]
Command = Annotated[tuple[FilledText, ...], Field(min_length=1), AfterValidator(_program)]


def did_you_mean(word: object, known: Collection[str]) -> str:
    """The hint for a mistyped word; without a near one, what may be written (where that is short)."""
    near = nearest(word, known) if isinstance(word, str) else ""
    if near:
        return f"did you mean {near!r}?"
    return f"known here: {', '.join(known)}" if 0 < len(known) <= 20 else ""


def nearest(word: str, known: Collection[str]) -> str:
    """The known word that is most like it; empty where none is."""
    return next(iter(get_close_matches(word, _similar(word, known), n=1)), "")


def _similar(word: str, known: Collection[str]) -> list[str]:
    """The few words worth comparing closely: a thousand long words with each other would take minutes."""
    if len(word) > _MAX_WORD_LENGTH or len(known) > _MAX_WORDS:
        return []
    letters = set(word)
    return nsmallest(50, known, key=lambda other: len(letters.symmetric_difference(other[:_MAX_WORD_LENGTH])))


@dataclass(frozen=True, slots=True)
class TextForm:
    """Annotates a field whose value is written as text. `parse` also accepts values of the field's own type."""

    parse: Callable[[Any], Any]
    schema: dict[str, Any] = field(hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


def seconds(value: Any) -> float:
    """Seconds from `10m`, `60s`, `1h`, `500ms` or a number. Raises PydanticCustomError for anything else."""
    # Bounded first: YAML may hold an integer that is too large for float().
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MAX_SECONDS:
        return float(value)
    match = re.fullmatch(rf"({_NUMBER})(ms|s|m|h)", value) if isinstance(value, str) else None
    if match is None:
        raise fault("must be a duration", "write a number and a unit: 500ms, 60s, 10m or 1h")
    return float(match[1]) * _UNITS[match[2]]


def spelled_duration(span: float) -> str:
    """A duration of `span` seconds as it is written, in one unit: `4h`, `90s`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if span and span % size == 0:
            return f"{span / size:g}{unit}"
    return f"{span:g}s"


def duration(low: float, high: float) -> TextForm:
    """A duration from `low` to `high` seconds."""

    def parse(value: Any) -> float:
        found = seconds(value)
        if not low <= found <= high:
            raise fault(f"must be between {_span(low)} and {_span(high)}")
        return found

    text = {"type": "string", "pattern": f"^{_SPAN}$", "examples": ["500ms", "60s", "10m", "1h"]}
    return TextForm(parse, {"anyOf": [text, {"type": "number", "minimum": low, "maximum": high}]})


def _span(seconds: float) -> str:
    """As it is written in a manifest: `720h`, `0.01s`."""
    return f"{seconds / 3600:g}h" if seconds and seconds % 3600 == 0 else f"{seconds:g}s"


def _backoff(value: Any) -> tuple[float, float]:
    # A list is refused: in a file the two waits are one text, and the model's own value is a tuple.
    parts = value.split("..") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or len(parts) != 2 or isinstance(value, list):
        raise fault("must be the first and the longest wait", "write it as 1s..60s")
    first, longest = seconds(parts[0]), seconds(parts[1])
    if not 0 <= first <= longest <= 3600:
        raise fault("must begin with the shorter wait, and end at 3600s at most", "write it as 1s..60s")
    return first, longest


def _window(value: Any) -> Window:
    if isinstance(value, Window):
        return value
    match = re.fullmatch(_CALLS, value) if isinstance(value, str) else None
    if match is None:
        raise fault("must be calls per time", "write it as 50/60s: at most 50 calls in any 60 seconds")
    window = Window(int(match[1]), _UNIT_WORDS.get(match[2]) or seconds(match[2]))
    if window.limit < 1 or not 0.1 <= window.seconds <= 86400:
        raise fault("must allow at least one call, in 100ms to 24h")
    return window


def _rate(value: Any) -> tuple[Window, ...]:
    if value in ("unlimited", ()):
        return ()
    if isinstance(value, str | Window):
        return (_window(value),)
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= 8:
        raise fault("must be a list of one to eight windows", "write it as [50/60s, 10/10s], or unlimited")
    return tuple(_window(item) for item in value)


def _share(value: Any) -> float:
    if isinstance(value, float) and 0 < value <= 1:
        return value
    if not isinstance(value, str) or not re.fullmatch(_PERCENT, value) or not 0 < float(value[:-1]) <= 100:
        raise fault("must be a share", "write a percentage above 0%, such as 100%")
    return float(value[:-1]) / 100


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of campaigns (`3`) or a share of those attempted (`20%`). Exactly one of the two is set."""

    count: int | None = None
    fraction: float | None = None


def _threshold(value: Any) -> Threshold:
    if isinstance(value, Threshold):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return Threshold(count=value)
    if isinstance(value, str) and re.fullmatch(_PERCENT, value) and 0 < float(value[:-1]) <= 100:
        return Threshold(fraction=float(value[:-1]) / 100)
    raise fault("must be a number of campaigns or a share of them", "write a whole number from 1, or 20%")


def _hours(value: Any) -> tuple[time, time]:
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(item, time) for item in value):
        opens, closes = value
    elif isinstance(value, str) and re.fullmatch(_HOURS, value):
        first, _, last = value.partition("-")
        opens, closes = time.fromisoformat(first), time.max if last == "24:00" else time.fromisoformat(last)
    else:
        raise fault("must be opening hours", 'write them as "09:00-20:00"')
    if opens >= closes:
        raise fault("must open before they close, on the same day", 'write them as "09:00-20:00"')
    return opens, closes


def _date(value: Any) -> date:
    if isinstance(value, date):
        return value
    # The form first: date.fromisoformat() also reads 20261225 and 2026-W52-5.
    try:
        if isinstance(value, str) and re.fullmatch(_DATE, value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise fault("must be a date", "write it as 2026-12-25")


def _host(value: Any) -> str:
    if value == "sandbox":
        return "sandbox"
    match = re.fullmatch(_HOST, value) if isinstance(value, str) else None
    if match is None or (match[3] and not 0 < int(match[3]) < 65536):
        raise fault(
            "must be sandbox or the address of a Kore host, without path, user name or query",
            "write it as https://platform.kore.ai",
        )
    scheme, name, port = match[1] or "https", match[2].lower(), match[3]
    if scheme == "http" and name not in _LOOPBACK:
        raise fault("must be https: plain http is for this machine only", "write it as https://…")
    # The standard port is left out: the ledger knows an account by its host, so a host must have one name.
    standard = port is None or int(port) == {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{name}" if standard else f"{scheme}://{name}:{int(port)}"


def _ledger(value: Any) -> str:
    if isinstance(value, str) and "$" in value:
        raise fault(*_NO_VARIABLES)
    hint = "write it as sqlite:///.orchestrator/ledger.db or postgresql://user@host/database"
    if not isinstance(value, str) or not re.fullmatch(_LEDGER, value):
        raise fault("must be the address of an SQLite or PostgreSQL database", hint)
    # urlsplit() refuses brackets that hold no IPv6 address.
    try:
        parts = urlsplit(value)
    except ValueError:
        raise fault("must be the address of an SQLite or PostgreSQL database", hint) from None
    if parts.password is not None or names_secret(parse_qs(parts.query, keep_blank_values=True)):
        raise fault("must not contain a password", "leave it out, and use PGPASSWORD or ~/.pgpass")
    return value


@dataclass(frozen=True, slots=True)
class Rerun:
    """Permission to run a campaign again while `instance` is its last one: valid for one start."""

    instance: str

    def as_json(self) -> dict[str, str]:
        """As it is written in a manifest."""
        return {"instance": self.instance}


def _rerun(value: Any) -> bool | Rerun:
    if isinstance(value, bool | Rerun):
        return value
    if not isinstance(value, Mapping) or list(value) != ["instance"]:
        raise fault("must be true, false or {instance: ID}", "plan prints the instance")
    instance = value["instance"]
    if not isinstance(instance, str) or not re.fullmatch(ID_PATTERN, instance):
        raise fault("must name an instance by its id", "plan prints the instance")
    return Rerun(instance)


_LEDGER: Final = r"^(?:sqlite:///[^\x00-\x20$]+|postgresql(?:\+psycopg)?://[^\x00-\x20$]+)$"
_WINDOW_SCHEMA: Final = {"type": "string", "pattern": f"^{_CALLS}$", "examples": ["50/60s", "60/min"]}
_SHARE_SCHEMA: Final = {"type": "string", "pattern": _PERCENT, "examples": ["20%"]}
_INSTANCE: Final = {
    "type": "object",
    "properties": {"instance": {"type": "string", "pattern": ID_PATTERN}},
    "required": ["instance"],
    "additionalProperties": False,
}
_RATE_LIST: Final = {"type": "array", "items": _WINDOW_SCHEMA, "minItems": 1, "maxItems": 8}

WINDOW: Final = TextForm(_window, _WINDOW_SCHEMA)
RATE: Final = TextForm(_rate, {"anyOf": [{"const": "unlimited"}, _WINDOW_SCHEMA, _RATE_LIST]})
BACKOFF: Final = TextForm(_backoff, {"type": "string", "pattern": rf"^{_SPAN}\.\.{_SPAN}$"})
SHARE: Final = TextForm(_share, {"anyOf": [_SHARE_SCHEMA, {"type": "number", "exclusiveMinimum": 0, "maximum": 1}]})
THRESHOLD: Final = TextForm(_threshold, {"anyOf": [{"type": "integer", "minimum": 1}, _SHARE_SCHEMA]})
HOURS: Final = TextForm(_hours, {"type": "string", "pattern": _HOURS, "examples": ["09:00-20:00"]})
DATE: Final = TextForm(_date, {"type": "string", "pattern": _DATE, "examples": ["2026-12-25"]})
ZONE: Final = TextForm(zone, {"type": "string", "examples": ["America/New_York"]})
HOST: Final = TextForm(_host, {"type": "string", "pattern": _HOST, "examples": ["sandbox", "https://platform.kore.ai"]})
RERUN: Final = TextForm(_rerun, {"anyOf": [{"type": "boolean"}, _INSTANCE]})
LEDGER: Final = TextForm(_ledger, {"type": "string", "pattern": _LEDGER})
