"""Which texts break which rule of rules.toml."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs.english.texts import Text, texts

ROOT = Path(__file__).parents[2]
_RULES = Path(__file__).with_name("rules.toml")
_READ = (
    "*.md",
    "bench/*.md",
    "docs/**/*.md",
    "docs/**/*.py",
    "orchestrator/**/*.py",
    "orchestrator/**/*.j2",
    "tests/**/*.py",
)
_QUOTED = ("docs/english/", "tests/docs/", "docs/examples/")
"""What quotes the rules' words; docs/examples is what the program prints, and a test holds it to that."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Words that we do not use: what to write instead, why, and a sentence of each."""

    find: re.Pattern[str]
    instead: str
    why: str
    wrong: str
    right: str
    kinds: tuple[str, ...] = ("page", "message", "docstring", "comment", "name")


def _rules() -> Iterator[Rule]:
    for row in tomllib.loads(_RULES.read_text(encoding="utf-8"))["rule"]:
        kinds = {"kinds": tuple(row.pop("kinds"))} if "kinds" in row else {}
        yield Rule(re.compile(row.pop("find"), re.IGNORECASE), **row, **kinds)


RULES = tuple(_rules())


def files() -> list[Path]:
    """Pages, templates and modules, without what quotes the words."""
    found = {file for pattern in _READ for file in ROOT.glob(pattern)}
    return sorted(file for file in found if not str(file.relative_to(ROOT)).startswith(_QUOTED))


def broken(text: Text) -> Iterator[tuple[int, str, Rule]]:
    """The line, the words and the rule of each hit in a text."""
    for rule in RULES:
        if text.kind in rule.kinds:
            for hit in rule.find.finditer(text.words):
                yield text.line + text.words.count("\n", 0, hit.start()), hit[0], rule


def report(file: Path) -> list[str]:
    """A line for each hit in a file, in their order."""
    hits = sorted((line, words, rule.instead) for text in texts(file) for line, words, rule in broken(text))
    shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    return [f"{shown}:{line}: not “{words}”, but {instead}" for line, words, instead in hits]
