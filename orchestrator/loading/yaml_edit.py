"""A manifest's own list of campaigns, changed where it must be: every other byte stays as it is.

ruamel.yaml (extra `edit`) says where things are written; what it would write itself has other spaces and quotes.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from orchestrator.core.discovery import GONE, Changes, Found, json_item, manifest_row, yaml_item
from orchestrator.core.manifest.models import Defaults
from orchestrator.errors import ManifestError, Refused
from orchestrator.loading import yaml_reader
from orchestrator.loading.csv_edit import Edit, applied, line_end

_MARK: Final = f"# {GONE}: the platform no longer lists it"
_BREAK: Final = re.compile("\r\n|\r|\n")


class YamlList:
    """A manifest's text, without its byte order mark, and the rows that it lists itself.

    Raises ManifestError for a text that is no manifest, Refused without ruamel.yaml.
    """

    def __init__(self, name: str, text: str) -> None:
        self._value = yaml_reader.load(text, name).value
        self.rows: list[dict[str, Any]] = self._value.get("campaigns") or []
        self._name, self.text, self._end = name, text, line_end(text)
        self._root = _compose(text)
        keys = {key.value: (key, value) for key, value in self._root.value}
        self._key, self._list = keys.get("campaigns", (None, None))

    def edited(self, changes: Changes, defaults: Defaults) -> tuple[str, int]:
        """The text with the changes made, and how many campaigns are marked as gone. Raises Refused.

        A mark is a comment above its campaign, for which a list in brackets has no place.
        """
        edits = [*self._marks(changes), *self._additions(changes.added, defaults)]
        text = applied(self.text, edits)
        added = [manifest_row(one, defaults) for one in changes.added]
        wanted = {**self._value, "campaigns": [*self.rows, *added]} if added else self._value
        # Read again, and not believed: an alias, or a place that was told wrong, would change something else.
        if text != self.text and not _says(text, wanted):
            raise Refused(
                f"{self._name} cannot be added to in place: its campaigns are written in an unusual way",
                next_step="write them to a CSV file with -o, and name that in campaigns_from",
            )
        return text, len(changes.gone) if self._is_block else 0

    @property
    def _is_block(self) -> bool:
        """Whether the list has a line for each campaign, and not brackets around it."""
        return bool(self.rows) and self._list is not None and not self._list.flow_style

    def _marks(self, changes: Changes) -> Iterator[Edit]:
        for number, item in enumerate(self._list.value if self._is_block else ()):
            start = self.text.rfind("\n", 0, item.start_mark.index) + 1
            above = self.text.rfind("\n", 0, max(start - 1, 0)) + 1
            is_marked = self.text[above:start].strip() == _MARK
            if number in changes.gone and not is_marked:
                yield start, start, f"{' ' * self._list.start_mark.column}{_MARK}{self._end}"
            elif number in changes.listed and is_marked:
                yield above, start, ""

    def _additions(self, added: Iterable[Found], defaults: Defaults) -> list[Edit]:
        if not added:
            return []
        if self._root.flow_style:
            return self._in_json([json_item(one, defaults) for one in added])
        if self._list is None or not self.rows:
            return self._first_block(added, defaults)
        if self._list.flow_style:
            return self._in_brackets([yaml_item(one, defaults) for one in added])
        at = self._line_after(_end_of(self._list))
        return [self._lines(at, " " * self._list.start_mark.column, added, defaults)]

    def _lines(self, at: int, indent: str, added: Iterable[Found], defaults: Defaults, *, key: str = "") -> Edit:
        """A line for each campaign, with its note as a comment; `key` is a line before them."""
        notes = (f"  # {one.note}" if one.note else "" for one in added)
        lines = [f"{indent}- {yaml_item(one, defaults)}{note}" for one, note in zip(added, notes, strict=True)]
        text = "".join(f"{line}{self._end}" for line in ([key] if key else []) + lines)
        # A file that does not end its last line goes on so.
        is_open = at == len(self.text) and not self.text.endswith(("\n", "\r"))
        return at, at, self._end + text.removesuffix(self._end) if is_open else text

    def _first_block(self, added: Iterable[Found], defaults: Defaults) -> list[Edit]:
        """The first campaigns of a manifest: under its empty key, or under a new one at its end."""
        if self._list is None:
            return [self._lines(len(self.text), "  ", added, defaults, key="campaigns:")]
        start, end = self._list.start_mark.index, self._list.end_mark.index
        at = self._line_after(max(start, self._key.end_mark.index))
        lines = self._lines(at, "  ", added, defaults)
        return [(start, end, ""), lines] if self.text[start:end].strip() else [lines]

    def _in_brackets(self, items: list[str]) -> list[Edit]:
        """Into a list in brackets that has some: on lines of their own where the closing bracket has one."""
        last = self._list.value[-1]
        end, close = _end_of(last), self._list.end_mark.index - 1
        rest = self.text[end:close]
        if not _BREAK.search(rest):
            return [(end, end, "".join(f", {item}" for item in items))]
        comma, at = rest.lstrip().startswith(","), self._line_after(end)
        indent = " " * last.start_mark.column
        text = f",{self._end}".join(f"{indent}{item}" for item in items)
        return [(end, end, "" if comma else ","), (at, at, f"{text}{',' * comma}{self._end}")]

    def _in_json(self, items: list[str]) -> list[Edit]:
        if self._list is not None and self.rows:
            return self._in_brackets(items)
        written = f"[{', '.join(items)}]"
        if self._list is not None:
            return [(self._list.start_mark.index, self._list.end_mark.index, written)]
        end = _end_of(self._root.value[-1][1])
        return [(end, end, f', "campaigns": {written}')]

    def _line_after(self, at: int) -> int:
        """Where the line after the one at `at` begins; `at` itself where that is a line's beginning."""
        if self.text[at - 1 : at] in {"\n", "\r"}:
            return at
        found = _BREAK.search(self.text, at)
        return found.end() if found else len(self.text)


def _says(text: str, value: Any) -> bool:
    try:
        return bool(yaml_reader.load(text, "").value == value)
    except ManifestError:
        return False


def _compose(text: str) -> Any:
    """The nodes of a document, each with its place."""
    try:
        from ruamel.yaml import YAML
    except ImportError:
        raise Refused(
            "writing YAML needs the extra edit",
            next_step="pip install 'campaign-orchestrator[edit]', or use a CSV file",
        ) from None
    return YAML(typ="rt", pure=True).compose(text)


def _end_of(node: Any) -> int:
    """Where a node's text ends. A block's own end lies behind the comments and empty lines after it."""
    while node.value and not isinstance(node.value, str) and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)
