"""YAML as plain data, from the parser's events: no recursion, no tags, and bounds on all that can grow.

Scalars follow the core schema of YAML 1.2: `off`, `yes` and dates are strings.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml import events as ev

from orchestrator.loading.yaml_scalars import TEXT_TAGS, is_core, resolve

MAX_DEPTH: Final = 32
"""Mappings and lists within each other."""
MAX_ALIASES: Final = 100
MAX_EXPANDED: Final = 100_000
"""Values that aliases and merges stand for."""
MAX_FAULTS: Final = 1000
MAX_VALUES: Final = 100_000
"""Values outside of `campaigns`."""
MAX_OF_CAMPAIGN: Final = 1000
"""Values of one campaign."""

Path = tuple[str | int, ...]
"""Where a value stands: keys of mappings (a merge has the key `<<`) and, from 0, numbers of list items."""

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NO_KEY: Final[Any] = object()
_MERGE: Final[Any] = object()


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a text. Lines and columns count from 1. `is_clash`: the path is written before, too."""

    line: int
    column: int
    path: Path
    message: str
    hint: str = ""
    is_clash: bool = False
    value: str = ""


class StopError(Exception):
    """A fault after which no value can be built."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def events(text: str) -> Iterator[Any]:
    """The parser's events. Raises yaml.YAMLError where the text is not YAML."""
    # The import is for the rare text that may have an escaped pair of surrogates.
    if "\\ud" in text or "\\uD" in text:
        from orchestrator.loading.surrogates import Pairs

        pairs = Pairs(text)
        return pairs.events(_parsed(pairs.text))
    return _parsed(text)


def _parsed(text: str) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        event = None
        while type(event) is not ev.StreamEndEvent:
            event = loader.get_event()
            yield event
    finally:
        loader.dispose()


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being filled. `start`: the nodes before it."""

    data: Any
    is_mapping: bool
    anchor: str | None
    start: int
    key: Any = _NO_KEY
    merges: list[Any] = field(default_factory=list)
    merged_at: Any = None  # the event of the merge's key

    @property
    def step(self) -> str | int | None:
        """What leads to the value that comes next, or None if its key comes first."""
        if not self.is_mapping:
            return len(self.data)
        if self.key is _NO_KEY:
            return None
        return "<<" if self.key is _MERGE else str(self.key)


class Walker:
    """Builds the value of a document from its events, and collects faults that do not end the reading."""

    def __init__(self) -> None:
        self.root: Any = None
        self.faults: list[Fault] = []
        self._stack: list[_Frame] = []
        self._top: _Frame | None = None
        self._anchors: dict[str, tuple[Any, int]] = {}
        # Nodes of aliases count each time: ten of them in ten of them are a hundred.
        self._documents = self._aliases = self._nodes = self._expanded = self._in_campaigns = 0

    def walk(self, text: str) -> None:
        """Reads the one document in `text`. Raises StopError, and yaml.YAMLError where the text is not YAML."""
        handlers = {
            ev.StreamStartEvent: self._ignore, ev.StreamEndEvent: self._ignore,
            ev.DocumentStartEvent: self._document, ev.DocumentEndEvent: self._ignore,
            ev.ScalarEvent: self._scalar, ev.AliasEvent: self._alias,
            ev.SequenceStartEvent: self._begin, ev.MappingStartEvent: self._begin,
            ev.SequenceEndEvent: self._end, ev.MappingEndEvent: self._end,
        }  # fmt: skip
        for event in events(text):
            handlers[type(event)](event)

    def _fault(self, event: Any, message: str, hint: str = "", *, is_clash: bool = False) -> Fault:
        path = tuple(step for frame in self._stack if (step := frame.step) is not None)
        return Fault(event.start_mark.line + 1, event.start_mark.column + 1, path, message, hint, is_clash)

    def _report(self, fault: Fault) -> None:
        """Keeps a fault that does not end the reading; too many of them do."""
        if len(self.faults) >= MAX_FAULTS:
            message = f"there are more than {MAX_FAULTS} faults before this place"
            raise StopError(Fault(fault.line, fault.column, (), message, "fix those first"))
        self.faults.append(fault)

    def _ignore(self, event: Any) -> None:
        """Start and end of the stream, and the document's end, carry nothing."""

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise StopError(self._fault(event, "a second document begins here", "write one document per file"))

    def _scalar(self, event: Any) -> None:
        self._nodes += 1
        top, value = self._top, event.value
        is_plain = event.implicit[0] and event.tag is None
        if is_plain:
            value = resolve(value)
        elif event.tag is not None:
            value = self._tagged(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        if top is not None and top.is_mapping and top.key is _NO_KEY:
            self._key(top, event, value, is_plain=is_plain)
        else:
            self._put(value)

    def _tagged(self, event: Any) -> Any:
        self._check_tag(event)
        return event.value if event.tag in TEXT_TAGS else resolve(event.value)

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None and not is_core(event.tag):
            self._report(self._fault(event, "has a tag that is not supported", "take it out"))

    def _key(self, top: _Frame, event: Any, value: Any, *, is_plain: bool) -> None:
        if is_plain and value == "<<":
            if top.merges:
                self._report(self._fault(event, "merges twice", "write <<: [*one, *two]"))
            top.key, top.merged_at = _MERGE, event
            return
        # The key's own text stands in for it, so that faults behind it are found, too.
        if type(value) is not str:
            self._report(self._fault(event, "a key must be a string", "quote it"))
            value = event.value
        top.key = value
        if value in top.data:
            self._report(self._fault(event, "is written twice", is_clash=True))

    def _put(self, value: Any) -> None:
        top = self._top
        if top is None:
            self.root = value
        elif not top.is_mapping:
            top.data.append(value)
        elif top.key is _MERGE:
            top.merges.append(value)
            top.key = _NO_KEY
        else:
            top.data[top.key] = value
            top.key = _NO_KEY

    def _alias(self, event: Any) -> None:
        self._refuse_key(event)
        # An anchor is known once its value is complete: no value can hold itself.
        known = self._anchors.get(event.anchor)
        if known is None:
            message = "is an alias without a finished anchor before it"
            raise StopError(self._fault(event, message, "quote it if it is text"))
        self._aliases += 1
        self._expand(event, known[1])
        if self._aliases > MAX_ALIASES:
            raise StopError(self._fault(event, f"there are more than {MAX_ALIASES} aliases"))
        self._put(known[0])

    def _expand(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        self._expanded += nodes
        if self._expanded > MAX_EXPANDED:
            raise StopError(self._fault(event, f"aliases and merges stand for more than {MAX_EXPANDED} values"))

    def _refuse_key(self, event: Any) -> None:
        if self._top is not None and self._top.is_mapping and self._top.key is _NO_KEY:
            raise StopError(self._fault(event, "a key must be a string", "write key: value"))

    def _begin(self, event: Any) -> None:
        # A mapping or list as a key is legal YAML, and no key of a manifest.
        self._refuse_key(event)
        if len(self._stack) >= MAX_DEPTH:
            raise StopError(self._fault(event, f"is nested more than {MAX_DEPTH} levels deep"))
        self._check_tag(event)
        is_mapping = type(event) is ev.MappingStartEvent
        self._top = _Frame({} if is_mapping else [], is_mapping, event.anchor, self._nodes)
        self._nodes += 1
        self._stack.append(self._top)

    def _end(self, event: Any) -> None:
        # Merges last: a key that the mapping has itself wins, wherever it is written.
        frame = self._stack.pop()
        if frame.merges:
            self._merge(frame)
        size = self._nodes - frame.start
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.data, size)
        self._top = self._stack[-1] if self._stack else None
        self._weigh(event, frame, size)
        self._put(frame.data)

    def _weigh(self, event: Any, frame: _Frame, size: int) -> None:
        """Bounds how much there is to find fault with: only `campaigns` may be long, and only by its rows."""
        # Checks and messages take time for each value, so a megabyte of them must not get that far.
        depth = len(self._stack)
        in_campaigns = depth > 0 and self._stack[0].key == "campaigns"
        if depth == 2 and in_campaigns and size > MAX_OF_CAMPAIGN:
            raise StopError(self._fault(event, f"is one campaign of more than {MAX_OF_CAMPAIGN} values"))
        if depth == 1 and in_campaigns and not frame.is_mapping:
            self._in_campaigns += size
        if depth == 0 and size - self._in_campaigns > MAX_VALUES:
            message = f"there are more than {MAX_VALUES} values besides campaigns"
            raise StopError(self._fault(event, message, "use campaigns_from for long lists"))

    def _merge(self, frame: _Frame) -> None:
        event = frame.merged_at
        for source in frame.merges:
            for part in source if isinstance(source, list) else [source]:
                if not isinstance(part, dict):
                    self._report(self._fault(event, "merges a value that is not a mapping", "write <<: *name"))
                    continue
                self._expand(event, len(part))
                frame.data.update({key: value for key, value in part.items() if key not in frame.data})
