"""Campaigns from JSON lines: an object a line."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

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
        decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)
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
                value = decoder.decode(stripped)
            except json.JSONDecodeError as error:
                indent = len(text) - len(text.lstrip())
                self.report(Place(line, indent + error.colno), f"is not JSON: {error.msg}")
            # A key written twice, NaN, an integer of thousands of digits, or lists nested too deep.
            except (ValueError, RecursionError) as error:
                self.report(Place(line), f"is not a row: {error}")
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


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"{twice[:80]!a} is written twice")
    return value


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
