r"""JSON writes a character beyond U+FFFF as two escape sequences, such as `\ud83d\ude00`; YAML's parser refuses them.

Each pair becomes a mark and its character before the parser reads the text. A mark is a character that is nowhere else
in it, so that a pair which is no escape sequence, since it stands in plain text, is put back afterwards.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import yaml
from yaml import events as ev

_ESCAPE: Final = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_LINE_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_PRIVATE: Final = range(0xE000, 0xF900)
_SAVED: Final = 10  # columns: twelve characters become two


class _Mark(NamedTuple):
    line: int
    column: int


class Pairs:
    """A text's pairs: `text` is what the parser can read."""

    def __init__(self, text: str) -> None:
        self._mark = next(chr(code) for code in _PRIVATE if chr(code) not in text)
        self.text = _ESCAPE.sub(self._replaced, text)
        # The columns of the marks, by line: what stands behind one is further to the right in the file.
        self._columns: dict[int, list[int]] = {}
        for number, line in enumerate(_LINE_BREAK.split(self.text)):
            if self._mark in line:
                self._columns[number] = [found.start() for found in re.finditer(self._mark, line)]

    def events(self, found: Iterable[Any]) -> Iterator[Any]:
        """The parser's events with the file's places and texts. Its errors get the file's places, too."""
        try:
            for event in found:
                event.start_mark, event.end_mark = self._place(event.start_mark), self._place(event.end_mark)
                if type(event) is ev.ScalarEvent and self._mark in event.value:
                    event.value = self._restored(event.value, is_escaped=event.style == '"')
                yield event
        except yaml.MarkedYAMLError as error:
            error.problem_mark, error.context_mark = self._place(error.problem_mark), self._place(error.context_mark)
            raise

    def _replaced(self, match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        return self._mark + bytes.fromhex(match[1] + match[2]).decode("utf-16-be")

    def _restored(self, value: str, *, is_escaped: bool) -> str:
        if is_escaped:
            return value.replace(self._mark, "")
        return re.sub(f"{self._mark}(.)", lambda found: _as_pair(found[1]), value, flags=re.DOTALL)

    def _place(self, mark: Any) -> Any:
        if mark is None:
            return None
        before = bisect_left(self._columns.get(mark.line, ()), mark.column)
        return _Mark(mark.line, mark.column + _SAVED * before)


def _as_pair(char: str) -> str:
    code = char.encode("utf-16-be").hex()
    return f"\\u{code[:4]}\\u{code[4:]}"
