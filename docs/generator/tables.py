"""Markdown: pages and tables."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

_NOTE: Final = "<!-- Written by `make docs` from the code: change that, not this. -->"


def page(title: str, *sections: str) -> str:
    """A page of sections, the paragraphs among them wrapped."""
    return "\n\n".join([f"# {title}", _NOTE, *(_wrapped(section) for section in sections)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; no cell can break out of it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines).replace("| --- ", "|---")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _wrapped(section: str) -> str:
    text = section.strip()
    if text.startswith(("|", "#", "<", "```")):
        return text
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)
