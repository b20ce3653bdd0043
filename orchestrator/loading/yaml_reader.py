"""YAML as plain data, from the parser's events: no recursion, no tags, no surprises.

Scalars follow the core schema of YAML 1.2: `off`, `yes` and dates are strings. Positions are looked up in a second
pass, and only when there is something to say.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml import events as ev

from orchestrator.errors import ManifestError, Problem
from orchestrator.loading.yaml_marks import MAX_DEPTH, Mark, Path, events, locate, render
from orchestrator.loading.yaml_scalars import TEXT_TAGS, is_core, resolve

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_ALIASES: Final = 100
MAX_EXPANDED: Final = 100_000
MAX_FAULTS: Final = 1000
MAX_VALUES: Final = 100_000
"""Values outside of `campaigns`."""
MAX_OF_CAMPAIGN: Final = 1000

_NO_KEY: Final[Any] = object()
_MERGE: Final[Any] = object()
_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_TAG_DIRECTIVE: Final = re.compile(r"(?:^|[\n\r\x85\u2028\u2029])%TAG")
_UNPRINTABLE: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document's value, and the faults that did not keep it from being built."""

    name: str
    text: str
    value: Any
    problems: tuple[Problem, ...]

    def marks(self, paths: Collection[Path]) -> dict[Path, Mark]:
        """Line and column of each path: of the key in a mapping, of the item in a list, else of the nearest parent."""
        return locate(self.text, paths)


def load(text: str, name: str) -> Loaded:
    """The one document in `text`. Raises ManifestError where no value can be built."""
    builder = _Builder(name)
    try:
        _refuse_tag_directives(text)
        for event in events(text):
            _HANDLERS[type(event)](builder, event)
    except yaml.YAMLError as error:
        builder.faults.append(_syntax(error, text))
    except _StopError as stop:
        builder.faults.append(stop.fault)
    else:
        return Loaded(name, text, builder.root, builder.problems(text))
    raise ManifestError(builder.problems(text))


@dataclass(frozen=True, slots=True)
class _Fault:
    line: int
    column: int
    path: Path
    message: str
    hint: str = ""
    clash: bool = False  # the path was written before; say where


class _StopError(Exception):
    def __init__(self, fault: _Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def _refuse_tag_directives(text: str) -> None:
    """No tag of ours needs one, and the parser compares each with all before it: a megabyte of them takes minutes."""
    found = _TAG_DIRECTIVE.search(text)
    if found is not None:
        line = len(_BREAK.findall(text, 0, found.end() - 4)) + 1
        raise _StopError(_Fault(line, 1, (), "has a %TAG directive, which is not supported", "take it out"))


def _syntax(error: yaml.YAMLError, text: str) -> _Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        words = [word for word in (getattr(error, "problem", None), getattr(error, "context", None)) if word]
        return _Fault(mark.line + 1, mark.column + 1, (), "is not YAML: " + ", ".join(words))
    found = _UNPRINTABLE.search(text)
    at = found.start() if found else 0
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    return _Fault(line, column, (), "is not YAML: a character that text may not hold")


@dataclass(slots=True)
class _Frame:
    data: Any
    mapping: bool
    anchor: str | None
    start: int  # nodes before this one
    key: Any = _NO_KEY
    merges: list[Any] = field(default_factory=list)


class _Builder:
    """Builds the value. `nodes` counts all nodes, aliases' contents included."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root: Any = None
        self.faults: list[_Fault] = []
        self._stack: list[_Frame] = []
        self._top: Any = None
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._documents = self._aliases = self._nodes = self._expanded = self._in_campaigns = 0

    def problems(self, text: str) -> tuple[Problem, ...]:
        first = locate(text, [fault.path for fault in self.faults if fault.clash])
        return tuple(
            Problem(
                self.name, f.line, f.column, render(f.path), f.message,
                f"first at {self.name}:{first[f.path][0]}:{first[f.path][1]}" if f.clash else f.hint,
            )
            for f in self.faults
        )  # fmt: skip

    def fault(self, event: Any, message: str, hint: str = "") -> _Fault:
        mark = event.start_mark
        return _Fault(mark.line + 1, mark.column + 1, self._path(), message, hint)

    def note(self, fault: _Fault) -> None:
        """Keeps a fault that does not end the reading; too many of them do."""
        if len(self.faults) >= MAX_FAULTS:
            message = f"there are more than {MAX_FAULTS} faults before this place"
            raise _StopError(_Fault(fault.line, fault.column, (), message, "mend those first"))
        self.faults.append(fault)

    def _path(self) -> Path:
        return tuple(
            f.key if f.mapping else len(f.data) for f in self._stack if f.key not in (_NO_KEY, _MERGE) or not f.mapping
        )

    def nothing(self, event: Any) -> None:
        """The stream's frame says nothing."""

    def document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _StopError(self.fault(event, "a second document begins here", "write one document per file"))

    def scalar(self, event: Any) -> None:
        self._nodes += 1
        top, value = self._top, event.value
        plain = event.implicit[0] and event.tag is None
        if plain:
            value = resolve(value)
        elif event.tag is not None:
            value = self._tagged(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        if top is not None and top.mapping and top.key is _NO_KEY:
            self._key(event, value, plain=plain)
        else:
            self._put(value)

    def _tagged(self, event: Any) -> Any:
        self._check_tag(event)
        return event.value if event.tag in TEXT_TAGS else resolve(event.value)

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None and not is_core(event.tag):
            self.note(self.fault(event, "has a tag that is not supported", "take it out"))

    def _key(self, event: Any, value: Any, *, plain: bool) -> None:
        top = self._top
        if plain and value == "<<":
            if top.merges:
                self.note(self.fault(event, "merges twice", "write <<: [*one, *two]"))
            top.key = _MERGE
            return
        if type(value) is not str:
            self.note(self.fault(event, "a key must be a string", "quote it"))
            value = event.value
        top.key = value
        if value in top.data:
            mark = event.start_mark
            message = "is written twice"
            self.note(_Fault(mark.line + 1, mark.column + 1, self._path(), message, clash=True))

    def _put(self, value: Any) -> None:
        top = self._top
        if top is None:
            self.root = value
        elif not top.mapping:
            top.data.append(value)
        elif top.key is _MERGE:
            top.merges.append(value)
            top.key = _NO_KEY
        else:
            top.data[top.key] = value
            top.key = _NO_KEY

    def alias(self, event: Any) -> None:
        self._refuse_key(event)
        known = self._anchors.get(event.anchor)
        if known is None:
            raise _StopError(
                self.fault(event, "an alias for which there is no finished anchor", "quote it if it is text")
            )
        self._aliases += 1
        self._expand(event, known[1])
        if self._aliases > MAX_ALIASES:
            raise _StopError(self.fault(event, f"there are more than {MAX_ALIASES} aliases"))
        self._put(known[0])

    def _expand(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        self._expanded += nodes
        if self._expanded > MAX_EXPANDED:
            raise _StopError(self.fault(event, f"aliases and merges stand for more than {MAX_EXPANDED} values"))

    def _refuse_key(self, event: Any) -> None:
        if self._top is not None and self._top.mapping and self._top.key is _NO_KEY:
            raise _StopError(self.fault(event, "a key must be a string", "write key: value"))

    def begin(self, event: Any) -> None:
        self._refuse_key(event)
        if len(self._stack) >= MAX_DEPTH:
            raise _StopError(self.fault(event, f"is nested more than {MAX_DEPTH} levels deep"))
        self._check_tag(event)
        mapping = type(event) is ev.MappingStartEvent
        self._top = _Frame({} if mapping else [], mapping, event.anchor, self._nodes)
        self._nodes += 1
        self._stack.append(self._top)

    def end(self, event: Any) -> None:
        frame = self._stack.pop()
        if frame.merges:
            self._merge(event, frame)
        size = self._nodes - frame.start
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.data, size)
        self._top = self._stack[-1] if self._stack else None
        self._weigh(event, frame, size)
        self._put(frame.data)

    def _weigh(self, event: Any, frame: _Frame, size: int) -> None:
        """Bounds how much there is to find fault with: only `campaigns` may be long, and only by its rows."""
        depth = len(self._stack)
        in_campaigns = depth > 0 and self._stack[0].key == "campaigns"
        if depth == 2 and in_campaigns and size > MAX_OF_CAMPAIGN:
            raise _StopError(self.fault(event, f"is one campaign of more than {MAX_OF_CAMPAIGN} values"))
        if depth == 1 and in_campaigns and not frame.mapping:
            self._in_campaigns += size
        if depth == 0 and size - self._in_campaigns > MAX_VALUES:
            message = f"there are more than {MAX_VALUES} values besides campaigns"
            raise _StopError(self.fault(event, message, "use campaigns_from for long lists"))

    def _merge(self, event: Any, frame: _Frame) -> None:
        for source in frame.merges:
            for part in source if isinstance(source, list) else [source]:
                if not isinstance(part, dict):
                    self.note(self.fault(event, "merges something that is no mapping", "write <<: *name"))
                    continue
                self._expand(event, len(part))
                frame.data.update({key: value for key, value in part.items() if key not in frame.data})


_HANDLERS: Final[dict[type, Any]] = {
    ev.StreamStartEvent: _Builder.nothing, ev.StreamEndEvent: _Builder.nothing,
    ev.DocumentStartEvent: _Builder.document, ev.DocumentEndEvent: _Builder.nothing,
    ev.ScalarEvent: _Builder.scalar, ev.AliasEvent: _Builder.alias,
    ev.SequenceStartEvent: _Builder.begin, ev.MappingStartEvent: _Builder.begin,
    ev.SequenceEndEvent: _Builder.end, ev.MappingEndEvent: _Builder.end,
}  # fmt: skip
