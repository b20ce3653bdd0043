"""Text as a person must see it: what is invisible, or looks like another character, is named by its code point."""

import re
import unicodedata
from typing import Any, Final

_LONGEST: Final = 2000  # characters of a value: it is searched for secrets before it is cut shorter for display
_MOST_ITEMS: Final = 3  # of a list that is shown
_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u3000\u3164\ud800-\udfff\ufeff\uffa0\ufffe\uffff\U000e0000-\U000e007f]"
)
_ALIKE: Final = re.compile(
    "[\u0405\u0406\u0408\u0410\u0412\u0415\u041a\u041c-\u041e\u0420-\u0422\u0425\u0430\u0435\u043e\u0440\u0441\u0443"
    "\u0445\u0455\u0456\u0458\u0501\u051b\u051d"  # Cyrillic
    "\u0391\u0392\u0395-\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bd\u03bf"  # Greek
    "\u2010-\u2015\u2212\u2018-\u201f]"  # dashes and quotation marks, as word processors write them
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_NAMES: Final = {
    "\x00": "null", "\t": "tab", "\n": "line end", "\r": "carriage return", "\x1b": "escape",
    "\ufeff": "byte order mark",
}  # fmt: skip
_SHORT: Final = {"\t": "<tab>", "\n": "<line end>", "\r": "<carriage return>"}


def visible(text: str) -> str:
    """The text with each invisible character as `<tab>` or `<U+200B>`."""
    return _INVISIBLE.sub(lambda found: _SHORT.get(found.group()) or f"<{_code(found.group())}>", text)


def shown(value: Any) -> str:
    """A value as it was read, on one line: texts in quotes, with everything in them named that deceives the eye."""
    if isinstance(value, str):
        return f'"{_named(value[:_LONGEST])}{"…" if len(value) > _LONGEST else ""}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        is_short = len(value) <= _MOST_ITEMS and not any(isinstance(item, (list, tuple, dict)) for item in value)
        return f"[{', '.join(map(shown, value))}]" if is_short else f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a mapping"
    # Python refuses to write integers of thousands of digits.
    if isinstance(value, int) and value.bit_length() > 300:
        return "a number of more than 90 digits"
    return "" if value is None else str(value)


def width(text: str) -> int:
    """Columns of a terminal that a text without invisible characters takes: wide letters two, marks on letters none."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def _code(char: str) -> str:
    return f"U+{ord(char):04X}"


def oddity(text: str) -> str:
    """The first character that is invisible or looks like another one, such as `U+200B zero width space`; else ""."""
    at = min(_deceiving(text), default=None)
    return "" if at is None else _described(text[at])


def _named(text: str) -> str:
    odd = _deceiving(text)
    return "".join(
        char if n not in odd else f"{'' if _INVISIBLE.match(char) else char}<{_described(char)}>"
        for n, char in enumerate(text)
    )


def _deceiving(text: str) -> set[int]:
    # 1. What is invisible, dashes and quotation marks.
    found = {n for n, char in enumerate(text) if _INVISIBLE.match(char) or (not char.isalpha() and _ALIKE.match(char))}
    # 2. Letters of other scripts, where the word they stand in looks like one of ASCII letters.
    words = [match.span() for match in _WORD.finditer(text) if _is_disguised(match.group())]
    return found | {n for start, end in words for n in range(start, end) if not text[n].isascii()}


def _is_disguised(word: str) -> bool:
    return not word.isascii() and all(char.isascii() or _ALIKE.match(char) for char in word)


def _described(char: str) -> str:
    name = _NAMES.get(char) or unicodedata.name(char, "").lower()
    return f"{_code(char)} {name}".rstrip()
