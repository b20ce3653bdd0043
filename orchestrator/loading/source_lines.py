"""The lines that problems are about, from the files' texts. What may be a secret is taken out of a problem here."""

import os
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from orchestrator.core.secrecy import (
    is_secret_path,
    names_secret_key,
    resembles_secret,
    variables_of_secrets,
    without_secrets,
)
from orchestrator.core.visible import visible
from orchestrator.errors import Problem

_YAML_LINE: Final = re.compile("([^\n\r\x85\u2028\u2029]*)(?:\r\n|[\n\r\x85\u2028\u2029]|$)")
_ROW_LINE: Final = re.compile("([^\n\r]*)(?:\r\n|[\n\r]|$)")
_INDENT: Final = re.compile(r"[\s\ufeff]*(?:-\s+)*")
_LONGEST: Final = 160  # characters of a line that are kept
_BEFORE: Final = 60  # of these, how many at most before the place
_SHORTEST: Final = 6  # characters of a secret
_MOST_ABOVE: Final = 5000  # lines above a place that are searched for the keys it stands under


class Sources:
    """The texts of a manifest's files by their names, kept until its problems are shown."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[str, bool]] = {}
        self._known: frozenset[str] = frozenset()

    def add(self, name: str, text: str, *, is_yaml: bool) -> None:
        """Keeps a text. YAML has more line ends than CSV and JSON lines, and keys on the lines above."""
        self._texts[name] = (text, is_yaml)

    def shown(self, problems: Sequence[Problem]) -> list[Problem]:
        """The problems with their lines, and without anything that may be a secret."""
        self._known = _secrets_named_in(text for text, is_yaml in self._texts.values() if is_yaml)
        # A line with a secret is not shown for any of its problems.
        secret = {(problem.file, problem.line) for problem in problems if is_secret_path(problem.path)}
        lines = {
            (name, number): line
            for name in {problem.file for problem in problems} & self._texts.keys()
            for number, line in self._lines(name, {problem.line for problem in problems if problem.file == name})
            if (name, number) not in secret
        }
        return [_with_source(problem, lines.get((problem.file, problem.line)), self._known) for problem in problems]

    def _lines(self, name: str, wanted: Collection[int]) -> Iterator[tuple[int, str]]:
        """The wanted lines that may be shown, each with its number."""
        text, is_yaml = self._texts[name]
        above: deque[str] = deque(maxlen=_MOST_ABOVE)
        found = (_YAML_LINE if is_yaml else _ROW_LINE).finditer(text)
        for number, match in enumerate(islice(found, max(wanted)), start=1):
            line = match[1]
            # Of rows, the header says what a cell is.
            if not is_yaml and number == 1 and names_secret_key(line):
                return
            if number in wanted and not _may_be_secret(above, line, self._known):
                yield number, line
            if is_yaml:
                above.append(line)


def _secrets_named_in(texts: Iterable[str]) -> frozenset[str]:
    """The values of the variables that manifests refer to, where they are set: one may be pasted beside its name."""
    names = {name for text in texts for name in variables_of_secrets(text)}
    values = {os.environ.get(name, "").strip() for name in names}
    # A shorter one would blank out half of every message.
    return frozenset(value for value in values if len(value) >= _SHORTEST)


def _may_be_secret(above: Collection[str], line: str, known: Collection[str]) -> bool:
    """Whether the line, or a key that it stands under, is a secret's; by indentation: it may be no YAML."""
    if names_secret_key(line) or resembles_secret(line, known):
        return True
    indent = _indent(line)
    for parent in reversed([*above]):
        if parent.strip() and _indent(parent) < indent:
            indent = _indent(parent)
            if names_secret_key(parent):
                return True
    return False


def _indent(line: str) -> int:
    found = _INDENT.match(line)
    return found.end() if found else 0


def _with_source(problem: Problem, line: str | None, known: Collection[str]) -> Problem:
    value = "" if is_secret_path(problem.path) or resembles_secret(problem.value, known) else problem.value
    source, caret = ("", 0) if line is None else _around(line, problem.column)
    return replace(
        problem, path=visible(without_secrets(problem.path, known)), message=without_secrets(problem.message, known),
        hint=without_secrets(problem.hint, known), value=value, source=source, caret=caret,
    )  # fmt: skip


def _around(line: str, column: int) -> tuple[str, int]:
    if len(line) <= _LONGEST:
        return line, column
    start = max(0, column - 1 - _BEFORE)
    end = start + _LONGEST
    return f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}", column - start + bool(start)
