"""JSON from outside, read within our own bounds and refused in our own words.

How deep a text may nest, how long a number may be and what an error says differ between Pythons: what one of them
refuses, another one takes for an honest answer.
"""

import json
import re
from collections import Counter
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 100
"""Lists and objects within each other."""
MAX_DIGITS: Final = 100
"""Digits of a whole number."""

# The closing quote is optional: searched for again from every quote in a text without end, it would take hours.
_STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NEXT_BRACKET: Final = re.compile(rf'(?:[^"\[\]{{}}]++|{_STRING.pattern})*+([\[\]{{}}]|\Z)', re.DOTALL)
_BRACKETS_ALONE: Final = dict.fromkeys(range(128)) | str.maketrans("[]{}", "[][]")
_SHORT: Final = 2**20  # characters; of a longer text, the parts would take too much memory
_TRAILING_COMMA: Final = re.compile(r",[ \t\r\n]*[\]}]")


class JsonFault(ValueError):  # noqa: N818 - as `Refused`: what is wrong with a text, and not with the program
    """A text that is not JSON or goes beyond a bound. `at` is the offset of the fault; None: it has no single place."""

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


def read_json(text: str) -> Any:
    """The one JSON value in a text (RFC 8259). Raises JsonFault.

    NaN and a key that is written twice are refused, too: what one reader takes for `Active`, another takes for
    `failure`.
    """
    if is_too_deep(text):
        raise JsonFault(f"it is nested more than {MAX_DEPTH} levels deep")
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        at = _place(text, error.pos)
        raise JsonFault(_words(text, at), at) from None


def is_too_deep(text: str) -> bool:
    """Whether a JSON text nests deeper than MAX_DEPTH."""
    if len(text) <= 2 * MAX_DEPTH or text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    if len(text) <= _SHORT and _is_surely_flat(text):
        return False
    depth = 0
    for found in _NEXT_BRACKET.finditer(text):
        if found[1] in {"[", "{"}:
            depth += 1
            if depth > MAX_DEPTH:
                return True
        else:
            depth -= 1
    return False


def _is_surely_flat(text: str) -> bool:
    """Whether the brackets outside of strings vanish when the innermost are taken away, a few levels at most.

    Takes a fifth of the time of a look at each bracket: a journal's plans have a million.
    """
    outside = text.replace("\\\\", "").replace('\\"', "").split('"')[::2]
    brackets = "".join(outside).translate(_BRACKETS_ALONE)
    for _ in range(10):
        brackets = brackets.replace("[]", "")
    return not brackets


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise JsonFault(f"{twice[:80]!a} is written twice")
    return value


def _whole(digits: str) -> int:
    if len(digits.removeprefix("-")) > MAX_DIGITS:
        raise JsonFault(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _refuse_constant(word: str) -> NoReturn:
    raise JsonFault(f"{word} is not JSON")


_decode: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_constant=_refuse_constant).decode


def _place(text: str, at: int) -> int:
    """Where the fault is, by the place that the parser names.

    For an extra comma, that place differs between Pythons.
    """
    comma = text.rfind(",", 0, at + 1)
    return comma if comma >= 0 and _TRAILING_COMMA.match(text, comma) else at


def _words(text: str, at: int) -> str:
    """What is wrong at a place, by what stands there."""
    char = text[at : at + 1]
    if not char:
        return "it ends too early"
    if _TRAILING_COMMA.match(text, at):
        return "there is a comma after the last item"
    if char == "'":
        return "a text needs double quotes"
    if char == '"' and not _is_closed(text, at):
        return "a text begins here and is never closed"
    if char < " ":
        return f"{char!a} in a text must be written as an escape"
    return f"{char!a} is not expected here"


def _is_closed(text: str, at: int) -> bool:
    token = _STRING.match(text, at)
    return token is not None and len(token[0]) > 1 and token[0].endswith('"')
