"""Texts for people: foreign text made harmless for a line of its own, and durations in words."""

import re
from typing import Final

_CONTROLS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029"  # would break the line, or speak to the terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # would turn the rest of the line around
    "\ud800-\udfff\ufffe\uffff]"  # no characters at all; UTF-8 and XML refuse them
)

REPLACEMENT: Final = "\ufffd"


def one_line(text: str) -> str:
    """The text without anything that ends its line, turns it around or cannot be encoded."""
    return _CONTROLS.sub(REPLACEMENT, text)


def duration(seconds: float) -> str:
    """A duration in its two largest units: `3 h 12 min`."""
    total = round(seconds)
    parts = ((total // 3600, "h"), (total % 3600 // 60, "min"), (total % 60, "s"))
    said = [f"{count} {unit}" for count, unit in parts if count][:2]
    return " ".join(said) or f"{seconds:.1f} s"
