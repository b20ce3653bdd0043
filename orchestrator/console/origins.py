"""The effective manifest on stdout: YAML with the origin of each value behind it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from orchestrator.core.manifest.checks import Path
from orchestrator.core.visible import visible, width

_WIDEST: Final = 60
"""Columns that the values may take: the origin of a longer one stands behind it, out of line."""

# What every reader of YAML takes for a text: words and paths, numbers with a unit, rates and ranges of durations.
_SPAN: Final = r"[0-9.]+(?:ms|[smh])"
_PLAIN: Final = re.compile(
    rf"(?:\./)?[A-Za-z_/](?:[\w./:@%+-]*[\w./%+-])?|{_SPAN}(?:\.\.{_SPAN})?|[0-9]+/{_SPAN}|[0-9.]+%", re.ASCII
)
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})

Value = tuple[Path, Any, str]
"""The path of a value, the value, and its origin."""


def text(values: Sequence[Value]) -> str:
    """The values, for a person."""
    lines = list(_lines(values))
    column = min(max((width(line) for line, origin in lines if origin), default=0), _WIDEST)
    padded = ((f"{line}{' ' * (column - width(line))}  # {origin}" if origin else line) for line, origin in lines)
    return "".join(f"{line}\n" for line in padded)


def _lines(values: Sequence[Value]) -> Iterator[tuple[str, str]]:
    """The lines of a block of YAML, each with the origin of the value in it."""
    before: Path = ()
    for path, value, origin in values:
        # Only the steps that the value above does not share have lines of their own.
        same = next((n for n, (one, other) in enumerate(zip(path, before, strict=False)) if one != other), 0)
        dash = False
        for depth, step in enumerate(path):
            if depth < same or isinstance(step, int):
                dash = depth >= same
                continue
            start = "  " * (depth - 1) + "- " if dash else "  " * depth
            is_last = depth == len(path) - 1
            yield f"{start}{scalar(step)}:" + (f" {scalar(value)}" if is_last else ""), origin if is_last else ""
            dash = False
        before = path


def scalar(value: Any) -> str:
    """A value on one line, with everything that a reader could take for something else in quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {scalar(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(scalar, value))}]"
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
        return value if is_plain else "".join(map(_readable, json.dumps(value, ensure_ascii=False)))
    return json.dumps(value)


def _readable(char: str) -> str:
    return char if visible(char) == char else f"\\U{ord(char):08x}"
