"""Whether JSON values have the shape of a type: for what this program wrote, and somebody may have changed since.

A shape is a type that pydantic knows. Keys and columns that it does not name are left alone: a later version may have
added them.
"""

from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Annotated, Any, Final, NamedTuple

from pydantic import ConfigDict, FailFast, Field, GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function

from orchestrator.core.text import one_line
from orchestrator.model import PosixSeconds

Count = Annotated[int, Field(ge=0, le=2**53)]
"""A whole number from 0. Those beyond 2**53 are not the same in every reader of JSON."""

_MOST_SECONDS: Final = 1e11
"""POSIX seconds in the year 5138: a date that every day added to it leaves a date."""
Seconds = Annotated[PosixSeconds, Field(ge=0, le=_MOST_SECONDS)]
"""A time in POSIX seconds."""
Number = Annotated[float, Field(ge=-_MOST_SECONDS, le=_MOST_SECONDS)]
"""A number with which no sum or difference of times is out of bounds."""

_SHOWN: Final = 40
"""Characters of a wrong value that are shown."""


def one_of(words: Iterable[str]) -> Any:
    """For `Annotated[str, …]`: the text is one of the words, such as those of an Enum."""
    return Field(pattern=f"^({'|'.join(words)})$")


class _Columns:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(partial(_first_columns, len(source._fields)), handler(source))


COLUMNS: Final = _Columns()
"""For `Annotated` and a NamedTuple: a list of its columns. Without it, an object would do, and more columns not."""


def _first_columns(number: int, row: Any) -> Any:
    if type(row) is not list:
        raise PydanticCustomError("list_type", "Input should be a valid list")
    return row[:number]


class Misshapen(NamedTuple):
    """What is wrong with the value at `place`: where in it, such as `.stop.reason` or `[3]`, and why, in words."""

    place: int
    path: str
    words: str

    def __str__(self) -> str:
        return f"{self.path.lstrip('.')} {self.words}".lstrip()


def first_fault(values: Sequence[Any], shape: Any) -> Misshapen | None:
    """The first value that does not have the shape; None if all have it."""
    try:
        _adapter(shape).validate_python(values)
    except ValidationError as error:
        return _misshapen(error.errors(include_url=False)[0])
    return None


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    # Strict: a text of digits is no number.
    return TypeAdapter(Annotated[list[shape], FailFast()], config=ConfigDict(strict=True))


def _misshapen(error: ErrorDetails) -> Misshapen:
    place, *inner = error["loc"]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in inner)
    if error["type"] == "missing":
        return Misshapen(int(place), path, "is missing")
    value = _shown(error["input"])
    if error["type"] == "string_pattern_mismatch":
        return Misshapen(int(place), path, f"is {value}, which this version does not know")
    _, _, right = error["msg"].partition(" should ")  # pydantic's own sentences: "Input should be a valid string"
    return Misshapen(int(place), path, f"is {value}, and should {right}")


def _key(name: str) -> str:
    return name if name.isidentifier() else _shown(name)


def _shown(value: Any) -> str:
    text = one_line(repr(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
