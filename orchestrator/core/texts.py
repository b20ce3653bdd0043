"""Foreign text made harmless for a line of its own, in a file or at a terminal."""

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
