"""Campaigns from JSON lines: an object a line."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from orchestrator.core.json_text import JsonFault, read_json
from orchestrator.loading.row_file import CampaignFile, Lines, Place, end_of, interned

_MAX_LINE: Final = 64 * 1024  # characters of one row
_LINE: Final = re.compile("[^\n]*\n|[^\n]+")
_BLANKS: Final = re.compile(r"[ \t\r]*")


class JsonFile(CampaignFile):
    """A file of JSON lines."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name)
        self._lines = Lines(text, _LINE)

    def place(self, row: int, key: str = "") -> Place:
        """Where a key stands in row i."""
        line = self.lines[row]
        return Place(line, _key_columns(self._lines.line(line)).get(key, 1))

    def _read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for line, text in enumerate(self._lines.text.split("\n"), start=1):
            stripped = text.strip()
            if not stripped:
                continue
            if self.has_enough_faults:
                break
            # The decoder's memory grows with a row, which may be the whole file.
            if len(stripped) > _MAX_LINE:
                self.report(Place(line), f"is longer than {_MAX_LINE} characters")
                continue
            try:
                value = read_json(stripped)
            except JsonFault as fault:
                if fault.at is None:
                    self.report(Place(line), f"is not a row: {fault}")
                else:
                    indent = len(text) - len(text.lstrip())
                    self.report(Place(line, indent + fault.at + 1), f"is not JSON: {fault}")
            else:
                if isinstance(value, dict):
                    yield line, interned(value)
                else:
                    self.report(Place(line), "must be a JSON object", 'write {"stream": "…", "campaign": "…"}')


@lru_cache(maxsize=1)  # a row with one fault often has more
def _key_columns(text: str) -> dict[str, int]:
    """The column of each key of a valid row, from 1."""
    found, decoder, at = dict[str, int](), json.JSONDecoder(), text.index("{")
    while text[at] != "}" and text[start := end_of(_BLANKS, text, at + 1)] != "}":
        key, end = decoder.raw_decode(text, start)
        found[key] = start + 1
        colon = end_of(_BLANKS, text, end)
        _, end = decoder.raw_decode(text, end_of(_BLANKS, text, colon + 1))
        at = end_of(_BLANKS, text, end)
    return found
