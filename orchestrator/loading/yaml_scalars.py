"""Plain scalars by the core schema of YAML 1.2 (section 10.3.2 of its specification)."""

import re
from typing import Final

TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
"""Tags that keep a value from being resolved."""

_CORE: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "map", "seq"))
_FIRST: Final = frozenset("0123456789+-.~nNtTfF")
_WORDS: Final[dict[str, bool | float | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan"),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}  # fmt: skip
_NUMBER: Final = re.compile(
    r"([-+]?[0-9]{1,100})|0o([0-7]{1,100})|0x([0-9a-fA-F]{1,100})|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
)


def is_core(tag: str) -> bool:
    """Whether a tag is of the core schema, or is `!`, which only keeps the value a text."""
    return tag == "!" or tag in _CORE


def resolve(text: str) -> str | float | bool | None:
    """The value of a plain scalar. A number of more than 100 digits becomes a float."""
    if text[:1] not in _FIRST and text:
        return text
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    decimal, octal, hexadecimal = match.groups()
    if decimal:
        return int(decimal)
    if octal:
        return int(octal, 8)
    return int(hexadecimal, 16) if hexadecimal else float(text)
