"""One YAML document from a text: its value, and its faults with their places."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from orchestrator.errors import ManifestError, Problem
from orchestrator.loading.yaml_marks import Mark, locate, render
from orchestrator.loading.yaml_walker import Fault, Path, StopError, Walker

_LINE_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_TAG_DIRECTIVE: Final = re.compile(r"(?:^|[\n\r\x85\u2028\u2029])%TAG")
_UNPRINTABLE: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A document's value, and the faults that did not keep it from being built."""

    name: str
    text: str
    value: Any
    problems: tuple[Problem, ...]

    def marks(self, paths: Collection[Path]) -> dict[Path, Mark]:
        """Line and column of each path: of the key in a mapping, of the item in a list, else of the nearest parent."""
        return locate(self.text, paths)


def load(text: str, name: str) -> Document:
    """The one document in `text`, of the file `name`. Raises ManifestError where no value can be built."""
    # Faults so far are kept: a syntax error must not hide a key that is written twice above it.
    walker = Walker()
    try:
        _refuse_tag_directives(text)
        walker.walk(text)
    except yaml.YAMLError as error:
        last = _syntax_fault(error, text)
    except StopError as stop:
        last = stop.fault
    else:
        return Document(name, text, walker.root, _problems(walker.faults, text, name))
    raise ManifestError(_problems([*walker.faults, last], text, name))


def _problems(faults: Sequence[Fault], text: str, name: str) -> tuple[Problem, ...]:
    first = locate(text, [fault.path for fault in faults if fault.is_clash])
    return tuple(
        Problem(
            name, f.line, f.column, render(f.path), f.message,
            f"first at {name}:{first[f.path][0]}:{first[f.path][1]}" if f.is_clash else f.hint,
        )
        for f in faults
    )  # fmt: skip


def _refuse_tag_directives(text: str) -> None:
    """No manifest needs one, and the parser compares each with all before it: a megabyte of them takes minutes."""
    found = _TAG_DIRECTIVE.search(text)
    if found is not None:
        line = len(_LINE_BREAK.findall(text, 0, found.end() - 4)) + 1
        raise StopError(Fault(line, 1, (), "has a %TAG directive, which is not supported", "take it out"))


def _syntax_fault(error: yaml.YAMLError, text: str) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        parts = [part for part in (getattr(error, "problem", None), getattr(error, "context", None)) if part]
        return Fault(mark.line + 1, mark.column + 1, (), "is not YAML: " + ", ".join(parts))
    # Of a character that is not allowed, the parser gives no line.
    found = _UNPRINTABLE.search(text)
    at = found.start() if found else 0
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    return Fault(line, column, (), "is not YAML: it has a character that is not allowed")
