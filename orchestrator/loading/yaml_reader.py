"""One YAML document from a text: its value, its faults, and where each path is written.

Places are looked up in a second pass over the text, and only when there is a fault to report.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from orchestrator.errors import ManifestError, Problem
from orchestrator.loading.yaml_faults import LINE_BREAK, syntax_fault
from orchestrator.loading.yaml_walker import Fault, Path, StopError, Walker

Mark = tuple[int, int]
"""Line and column, from 1."""

_TAG_DIRECTIVE: Final = re.compile(r"(?:^|[\n\r\x85\u2028\u2029])%TAG")


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
    """The one document in `text`, of the file `name`. Raises ManifestError if no value can be built."""
    # Faults so far are kept: a syntax error must not hide a key that is written twice above it.
    walker = Walker()
    try:
        _refuse_tag_directives(text)
        walker.walk(text)
    except yaml.YAMLError as error:
        last = syntax_fault(error, text)
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
            f"first at {name}:{first[f.path][0]}:{first[f.path][1]}" if f.is_clash else f.hint, value=f.value,
        )
        for f in faults
    )  # fmt: skip


def _refuse_tag_directives(text: str) -> None:
    """No manifest needs one, and the parser compares each with all before it: a megabyte of them takes minutes."""
    found = _TAG_DIRECTIVE.search(text)
    if found is not None:
        line = len(LINE_BREAK.findall(text, 0, found.end() - 4)) + 1
        raise StopError(Fault(line, 1, (), "has a %TAG directive, which is not supported", "take it out"))


def render(path: Path) -> str:
    """A path as people write it: `accounts.acme.rate[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def locate(text: str, paths: Collection[Path]) -> dict[Path, Mark]:
    """The place of each path: of the key in a mapping, of the item in a list, else of the nearest parent."""
    # Parents are wanted, too: a key that is missing has no place of its own.
    locator = _Locator({path[:n] for path in paths for n in range(len(path) + 1)})
    try:
        if paths:
            locator.walk(text)
    except (yaml.YAMLError, StopError, _AllFoundError):
        pass  # the first pass ended no later than here, so nothing behind is wanted
    return {path: locator.nearest(path) for path in paths}


class _AllFoundError(Exception):
    """There is nothing left to look for."""


class _Locator(Walker):
    """Keeps the first mark of each wanted path, and none of the values."""

    def __init__(self, wanted: Collection[Path]) -> None:
        super().__init__()
        self._wanted = wanted
        self._found: dict[Path, Mark] = {}
        self._paths: list[Path | None] = []  # of the frames; None if nothing within is wanted

    def nearest(self, path: Path) -> Mark:
        """The mark of the path, or of the nearest parent that has one."""
        return next((self._found[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self._found), (1, 1))

    def _scalar(self, event: Any) -> None:
        self._mark_item(event)
        super()._scalar(event)

    def _alias(self, event: Any) -> None:
        self._mark_item(event)
        super()._alias(event)

    def _begin(self, event: Any) -> None:
        path = self._mark_item(event)
        super()._begin(event)
        self._paths.append(path)

    def _end(self, event: Any) -> None:
        self._paths.pop()
        super()._end(event)

    def _key(self, top: Any, event: Any, value: Any, *, is_plain: bool) -> None:
        super()._key(top, event, value, is_plain=is_plain)
        self._mark(event, top.step)

    def _mark_item(self, event: Any) -> Path | None:
        """Marks what an event begins, unless it is a mapping's value, whose key is marked. Returns its wanted path."""
        if self._top is None:
            return self._mark(event, None)
        step = self._top.step
        if self._top.is_mapping:
            return self._wanted_path(step)
        return self._mark(event, step)

    def _mark(self, event: Any, step: str | int | None) -> Path | None:
        path = self._wanted_path(step)
        if path is not None:
            self._found.setdefault(path, (event.start_mark.line + 1, event.start_mark.column + 1))
            if len(self._found) == len(self._wanted):
                raise _AllFoundError
        return path

    def _wanted_path(self, step: str | int | None) -> Path | None:
        parent = self._paths[-1] if self._paths else ()
        path = parent if parent is None or step is None else (*parent, step)
        return path if path in self._wanted else None

    def _put(self, value: Any) -> None:  # noqa: ARG002 - of a value, only its place is of interest
        super()._put(None)

    def _merge(self, frame: Any) -> None:
        """Merged values are written where their anchor is."""

    def _report(self, fault: Fault) -> None:
        """The first pass has collected the faults."""
