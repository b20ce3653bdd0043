"""Where a path of a YAML text is written: looked up only when there is something to say about it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml import events as ev

Path = tuple[str | int, ...]
Mark = tuple[int, int]

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ENDS: Final = frozenset({ev.SequenceEndEvent, ev.MappingEndEvent})
_STARTS: Final = frozenset({ev.SequenceStartEvent, ev.MappingStartEvent})
_NODES: Final = frozenset({ev.ScalarEvent, ev.AliasEvent}) | _STARTS
MAX_DEPTH: Final = 32


def events(text: str) -> Iterator[Any]:
    """The parser's events. Raises yaml.YAMLError where the text is no YAML."""
    loader = _LOADER(text)
    try:
        event = None
        while type(event) is not ev.StreamEndEvent:
            event = loader.get_event()
            yield event
    finally:
        loader.dispose()


def render(path: Path) -> str:
    """A path as people write it: `accounts.acme.rate[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def locate(text: str, paths: Collection[Path]) -> dict[Path, Mark]:
    """Where each path is written. Reads as far as it must, and as the text can be read."""
    locator = _Locator({path[:n] for path in paths for n in range(len(path) + 1)})
    try:
        for event in events(text) if paths else ():
            locator.take(event)
            if locator.is_done:
                break
    except yaml.YAMLError:
        pass  # what lies before the fault has been found, and nothing behind it was built
    return {path: locator.nearest(path) for path in paths}


@dataclass(slots=True)
class _Frame:
    path: Path | None  # None where nothing below is wanted
    mapping: bool
    index: int = 0
    key: str | None = None


class _Locator:
    """Follows the events with a path, and keeps the first mark of each path that is wanted."""

    def __init__(self, wanted: Collection[Path]) -> None:
        self._wanted = wanted
        self._found: dict[Path, Mark] = {}
        self._stack: list[_Frame] = []

    def nearest(self, path: Path) -> Mark:
        """The mark of the path, or of the nearest parent that has one."""
        return next((self._found[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self._found), (1, 1))

    @property
    def is_done(self) -> bool:
        """Whether all is found, or what follows was not built either: the parser is slow in depths without end."""
        return len(self._found) == len(self._wanted) or len(self._stack) > MAX_DEPTH

    def take(self, event: Any) -> None:
        """Goes on by one event."""
        kind = type(event)
        if kind in _ENDS:
            self._stack.pop()
        elif kind in _NODES:
            path = self._step(event)
            if kind in _STARTS:
                wanted = path if path in self._wanted else None
                self._stack.append(_Frame(wanted, kind is ev.MappingStartEvent))

    def _step(self, event: Any) -> Path | None:
        if not self._stack:
            return self._mark((), event)
        top = self._stack[-1]
        if top.mapping and top.key is None:
            top.key = getattr(event, "value", "")
            return None if top.path is None else self._mark((*top.path, top.key), event)
        step: str | int = top.index if top.key is None else top.key
        top.index, top.key = top.index + 1, None
        if top.path is None:
            return None
        path = (*top.path, step)
        return path if top.mapping else self._mark(path, event)

    def _mark(self, path: Path, event: Any) -> Path:
        if path in self._wanted:
            mark = event.start_mark
            self._found.setdefault(path, (mark.line + 1, mark.column + 1))
        return path
