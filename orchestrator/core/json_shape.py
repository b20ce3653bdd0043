"""Whether JSON values have the shape of a type: for what this program wrote, and somebody may have changed since.

A shape is a type: `str`, `bool`, `int`, `float`, `PosixSeconds`, `X | None`, `list[X]`, `Mapping[str, X]`, a TypedDict,
or `tuple[X, Y]` or a NamedTuple for a list. Keys and items that these do not name are left alone: a later version may
have added them. A text that has to be one of some words is `Annotated[str, Enum]` or a `Literal`, and one that has to
match a pattern is `Annotated[str, re.compile(…)]`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache, partial
from itertools import chain, islice
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from orchestrator.core.text import one_line
from orchestrator.model import PosixSeconds

Count = Annotated[int, "from 0"]
"""A whole number from 0."""

_LARGEST: Final = 2**53
"""Whole numbers beyond it are not the same in every reader of JSON."""
_LATEST: Final = 1e11
"""POSIX seconds in the year 5138: a date that every day added to it leaves a date."""
_SHOWN: Final = 40
"""Characters of a wrong value that are shown."""


class Fault(NamedTuple):
    """What is wrong with the value at `place`: where in it, such as `.stop.reason` or `[3]`, and why, in words."""

    place: int
    path: str
    words: str

    def __str__(self) -> str:
        return f"{self.path.lstrip('.')} {self.words}".lstrip()


_Check = Callable[[Sequence[Any]], Fault | None]


def first_fault(values: Sequence[Any], shape: Any) -> Fault | None:
    """The first value that does not have the shape; None if all have it."""
    return _check_of(shape)(values)


# Values are checked column by column: a call for each of them takes as long as to read them.


@cache
def _check_of(shape: Any) -> _Check:
    if shape in _PLAIN:
        return _PLAIN[shape]
    if is_typeddict(shape):
        return partial(_object, _fields(shape), shape.__required_keys__)
    if isinstance(shape, type) and issubclass(shape, tuple) and get_origin(shape) is None:
        checks: dict[str, _Check] = _fields(shape)
        return partial(_items, list(checks.values()), len(checks) - len(shape._field_defaults))  # type: ignore[attr-defined]
    return _generic(get_origin(shape), get_args(shape))


def _fields(shape: Any) -> dict[str, _Check]:
    return {name: _check_of(hint) for name, hint in get_type_hints(shape, include_extras=True).items()}


def _generic(origin: Any, inner: tuple[Any, ...]) -> _Check:
    if origin is Annotated and isinstance(inner[1], re.Pattern):
        return partial(_pattern, inner[1])
    if origin in {Annotated, Literal}:
        return partial(_word, frozenset(map(str, inner if origin is Literal else inner[1])))
    if origin in {Union, UnionType}:
        (part,) = set(inner) - {NoneType}
        return partial(_typed, {str, NoneType}, "a text") if part is str else partial(_optional, _check_of(part))
    if origin is tuple:
        return partial(_items, [_check_of(part) for part in inner], len(inner))
    # Of a key that is not required, too: whether it has to be there is for the whole object to say.
    last = _check_of(inner[-1])
    return last if origin is NotRequired else partial(_mapping if issubclass(origin, Mapping) else _list, last)


def _first(values: Iterable[Any], is_right: Callable[[Any], object], what: str) -> Fault | None:
    wrong = ((index, value) for index, value in enumerate(values) if not is_right(value))
    return next((Fault(index, "", f"is {_shown(value)}, and not {what}") for index, value in wrong), None)


def _shown(value: Any) -> str:
    text = one_line(repr(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _typed(kinds: AbstractSet[type], what: str, values: Sequence[Any]) -> Fault | None:
    if {*map(type, values)} <= kinds:
        return None
    return _first(values, lambda value: type(value) in kinds, what)


def _number(kinds: AbstractSet[type], least: float, most: float, what: str, values: Sequence[Any]) -> Fault | None:
    if {*map(type, values)} <= kinds and _lie_between(least, most, values):
        return None
    return _first(values, lambda value: type(value) in kinds and least <= value <= most, what)


def _pattern(pattern: re.Pattern[str], values: Sequence[Any]) -> Fault | None:
    return _first(values, lambda value: type(value) is str and pattern.fullmatch(value), f"like {pattern.pattern}")


def _lie_between(least: float, most: float, values: Sequence[float]) -> bool:
    # The sum is for what is not a number: no comparison with it is true, and so `min` passes over it.
    return not values or (least <= min(values) and max(values) <= most and sum(values) <= most * len(values))


def _word(words: frozenset[str], values: Sequence[Any]) -> Fault | None:
    if {*map(type, values)} <= {str} and words.issuperset(values):
        return None
    return _first(values, lambda value: type(value) is str and value in words, "a word that this version knows")


_PLAIN: Final[Mapping[Any, _Check]] = {
    Any: lambda _: None,
    str: partial(_typed, {str}, "a text"),
    bool: partial(_typed, {bool}, "true or false"),
    int: partial(_number, {int}, -_LARGEST, _LARGEST, "a whole number up to 2**53"),
    Count: partial(_number, {int}, 0, _LARGEST, "a whole number from 0 to 2**53"),
    float: partial(_number, {int, float}, -_LATEST, _LATEST, "a number up to 1e11"),
    PosixSeconds: partial(_number, {int, float}, 0, _LATEST, "a time in POSIX seconds"),
}


def _parts(values: Sequence[Any], place: Any, check: _Check, *, path: str, missing: str = "") -> Fault | None:
    """Check what the values have at one place, a key or a number. `missing`: what is wrong where they lack it."""
    try:
        places, column = None, [value[place] for value in values]
    except LookupError:
        places = [index for index, value in enumerate(values) if _has(value, place)]
        if missing and len(places) < len(values):
            lacking = next(index for index, value in enumerate(values) if not _has(value, place))
            return Fault(lacking, path, missing)
        column = [values[index][place] for index in places]
    found = check(column)
    return found and Fault(found.place if places is None else places[found.place], path + found.path, found.words)


def _has(value: Any, place: Any) -> bool:
    return place < len(value) if isinstance(value, list) else place in value


def _optional(check: _Check, values: Sequence[Any]) -> Fault | None:
    if None not in values:
        return check(values)
    places = [index for index, value in enumerate(values) if value is not None]
    found = check([values[index] for index in places])
    return found and found._replace(place=places[found.place])


def _object(checks: Mapping[str, _Check], required: Collection[str], values: Sequence[Any]) -> Fault | None:
    faults = (
        _parts(values, key, check, path=f".{key}", missing="is missing" if key in required else "")
        for key, check in checks.items()
    )
    return _typed({dict}, "an object", values) or next(filter(None, faults), None)


def _items(checks: Sequence[_Check], needed: int, values: Sequence[Any]) -> Fault | None:
    faults = (
        _parts(values, place, check, path=f"[{place}]", missing="is missing" if place < needed else "")
        for place, check in enumerate(checks)
    )
    return _typed({list}, "a list", values) or next(filter(None, faults), None)


def _list(check: _Check, values: Sequence[Any]) -> Fault | None:
    if (fault := _typed({list}, "a list", values)) is not None:
        return fault
    # All items of all lists are one column.
    found = check([*chain.from_iterable(values)])
    if found is None:
        return None
    owners = ((index, place) for index, value in enumerate(values) for place in range(len(value)))
    index, place = next(islice(owners, found.place, None))
    return Fault(index, f"[{place}]{found.path}", found.words)


def _mapping(check: _Check, values: Sequence[Any]) -> Fault | None:
    if (fault := _typed({dict}, "an object", values)) is not None:
        return fault
    found = check([part for value in values for part in value.values()])
    if found is None:
        return None
    owners = ((index, key) for index, value in enumerate(values) for key in value)
    index, key = next(islice(owners, found.place, None))
    return Fault(index, f".{_shown(key)}{found.path}", found.words)
