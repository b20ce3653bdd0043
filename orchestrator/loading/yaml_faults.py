"""What a syntax error means: the mistakes that people make in YAML, each at its own place and with what to write."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml
from yaml import events as ev

from orchestrator.core.visible import oddity, shown
from orchestrator.loading.yaml_walker import Fault, events

LINE_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BLANKS: Final = re.compile(r"[ \t]*")
_ITEM: Final = re.compile(r"\s*-(?![\s-])")
_NO_SPACE: Final = re.compile(r"\s*(?:- +)*[\w.-]+(:)[^\s/]")
_COMMENT: Final = re.compile(r"(?:^|\s)(//|/\*)")
_PAIR: Final = re.compile(r"\s*(?:- +)*[^\s:#'\"{\[][^:#'\"{\[]*:\s+[^\s#]")
_CLOSING: Final = {"{": "}", "[": "]"}
_IN_QUOTES: Final = 'put it in quotes, as in name: "Spring: part two"'
_NO_YAML: Final = "is not YAML: "


@dataclass(frozen=True, slots=True)
class _Error:
    """A syntax error: the parser's words, where it gave up, and where the thing began that it was reading."""

    words: str
    lines: list[str]
    line: int
    column: int
    began: tuple[int, int]
    text: str

    @property
    def at(self) -> str:
        """The line in which the parser gave up."""
        return self.lines[self.line] if self.line < len(self.lines) else ""

    @property
    def char(self) -> str:
        """The character at which it gave up; "" at a line's end."""
        return self.at[self.column : self.column + 1]

    def above(self) -> int | None:
        """The nearest line above that is not empty, from 0."""
        return next((n for n in range(min(self.line, len(self.lines)) - 1, -1, -1) if self.lines[n].strip()), None)


def syntax_fault(error: yaml.YAMLError, text: str) -> Fault:
    """The fault that an error of the parser stands for."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return _unprintable(text)
    parts = [part for part in (getattr(error, "problem", None), getattr(error, "context", None)) if part]
    began = getattr(error, "context_mark", None) or mark
    words = ", ".join(parts)
    found = _Error(words, LINE_BREAK.split(text), mark.line, mark.column, (began.line, began.column), text)
    explain = next((meant for sign, meant in _MEANINGS if sign in words), _as_it_is)
    return _odd_indentation(found) or explain(found)


def _fault(line: int, column: int, message: str, hint: str = "", value: str = "") -> Fault:
    return Fault(line + 1, column + 1, (), _NO_YAML + message, hint, value=value)


def _as_it_is(error: _Error) -> Fault:
    return _fault(error.line, error.column, error.words)


def _unprintable(text: str) -> Fault:
    # Of a character that is not allowed, the parser gives no line.
    found = _UNPRINTABLE.search(text)
    at = found.start() if found else 0
    line, column = text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1)
    return _fault(line, column, "it has a character that is not allowed", value=shown(text[at : at + 1]))


def _odd_indentation(error: _Error) -> Fault | None:
    """Blanks that look like spaces, and are a part of the text for YAML. Tabs have words of their own."""
    indent = error.at[: _indent(error.at)].strip(" \t")
    if not indent:
        return None
    column = error.at.index(indent[0])
    return _fault(error.line, column, f"the line is indented with {oddity(indent)}", "indent with spaces")


def _open_quote(error: _Error) -> Fault:
    line, column = error.began
    return _fault(line, column, "a quote opens here and is not closed", "close it, or remove it")


def _no_token(error: _Error) -> Fault:
    indent = _BLANKS.match(error.at)
    tab = indent.group().find("\t") if indent else -1
    if tab >= 0:
        return _fault(error.line, tab, "the line is indented with a tab", "indent with spaces")
    if error.at.startswith("```"):
        return _fault(error.line, 0, "this line is Markdown", "take it out")
    return _begins_with(error, error.line, error.column)


def _begins_with(error: _Error, line: int, column: int) -> Fault:
    char = error.lines[line][column : column + 1]
    return _fault(line, column, f"a value cannot begin with {char}", "put it in quotes")


def _no_name(error: _Error) -> Fault:
    return _begins_with(error, *error.began)


def _colon(error: _Error) -> Fault:
    """A colon where no key can be: in a value, or the line's indentation makes it a part of the value above."""
    if _ITEM.match(error.at):
        return _missing_space(error, error.line) or _as_it_is(error)
    if _PAIR.match(error.at[: error.column]):
        return _fault(error.line, error.column, "a value contains a colon followed by a space", _IN_QUOTES)
    above = error.above()
    if above is None:
        return _as_it_is(error)
    if found := _missing_space(error, above):
        return found
    indent = _indent(error.at)
    message = f"the line is indented more than line {above + 1}, which already has a value"
    return _fault(error.line, indent, message, "begin both in the same column, or remove that value")


def _missing_space(error: _Error, line: int) -> Fault | None:
    if item := _ITEM.match(error.lines[line]):
        return _fault(line, item.end(), "a space is missing after the dash", "write - stream: …")
    if colon := _NO_SPACE.match(error.lines[line]):
        return _fault(line, colon.start(1), "a space is missing after the colon", "write key: value")
    return None


def _no_colon(error: _Error) -> Fault:
    line, column = error.began
    neither = _fault(line, column, "the line is neither a key nor a part of a value", "write key: value")
    return _missing_space(error, line) or neither


def _no_key(error: _Error) -> Fault:
    if quoted := _quoted_before(error):
        return quoted
    if error.char and error.char in "}]":
        return _fault(error.line, error.column, f"{error.char} has no opening bracket", "take it out")
    return _indentation(error)


def _indentation(error: _Error) -> Fault:
    """A line that begins in another column than those it belongs to."""
    line, column = error.began
    own = _indent(error.at)
    for number in range(error.line - 1, -1, -1):
        indent = _indent(error.lines[number])
        if error.lines[number].strip() and indent <= own:
            break
        # The last one kept is nearest to the key above, so it is the first of its list or mapping.
        if error.lines[number].strip():
            line, column = number, indent
    hint = f"begin it in column {column + 1}, like line {line + 1}"
    return _fault(error.line, error.column, "the line is indented differently from those it belongs to", hint)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _in_braces(error: _Error) -> Fault:
    """Within braces or brackets: something that neither goes on nor ends."""
    quoted = _quoted_before(error)
    # A blank behind a closing quote: what is missing there is a comma.
    if quoted and (quoted.line <= error.line or not error.at[error.column - 1 : error.column].isspace()):
        return quoted
    line, column = error.began
    if _is_open(error):
        char = error.lines[line][column : column + 1]
        return _fault(
            line, column, f"{char} opens here and is not closed", f"close it with {'}' if char == '{' else ']'}"
        )
    for number in range(line, error.line + 1):
        if comment := _COMMENT.search(error.lines[number]):
            return _fault(number, comment.start(1), "this is not a comment in YAML", "begin comments with #")
    if error.char == ":":
        message = "a value contains a colon followed by a space, or a comma is missing before it"
        return _fault(error.line, error.column, message, _IN_QUOTES)
    return _fault(error.line, error.column, "a comma is missing before this place", "write {one: 1, two: 2}")


def _no_value(error: _Error) -> Fault:
    if _is_open(error):
        # The parser names the place where it missed a value.
        return _in_braces(replace(error, began=_opened_before(error)))
    return _fault(error.line, error.column, f"a value is missing before {error.char or 'the end of the line'}")


def _opened_before(error: _Error) -> tuple[int, int]:
    """Where the innermost brackets or braces open that are not closed before the error."""
    opened = [error.began]
    with suppress(yaml.YAMLError):
        for event in events(error.text):
            if isinstance(event, ev.CollectionStartEvent):
                mark: Any = event.start_mark
                opened.append((mark.line, mark.column))
            elif isinstance(event, ev.CollectionEndEvent):
                opened.pop()
    return opened[-1]


def _is_open(error: _Error) -> bool:
    """Whether what goes on here is plainly no part of the braces: the text ends, or a key or an item begins a line."""
    if not error.char and error.line >= len(error.lines) - 1:
        return True
    return error.line != error.began[0] and re.match(r"\s*(?:-\s|[\w.-]+:(?:\s|$))", error.at) is not None


def _quoted_before(error: _Error) -> Fault | None:
    """The text in quotes that ends right before the error: its closing quote may be the opening one of the next."""
    last: Any = None
    with suppress(yaml.YAMLError):
        for event in events(error.text):
            if getattr(event, "style", None) in ("'", '"'):
                last = event
    if last is None or last.end_mark.line != error.line or error.at[last.end_mark.column : error.column].strip():
        return None
    line, column = last.start_mark.line, last.start_mark.column
    if line != error.line:
        return _fault(line, column, "a quote opens here and is only closed on a later line", "close it on this line")
    message = "the quote that opens here is closed before the text ends"
    return _fault(line, column, message, "write a quote within single quotes as '', within double quotes as \\\"")


def _after_end(error: _Error) -> Fault:
    message = "there is text after the end of the document"
    return _fault(error.line, error.column, message, "remove the line with ... above")


def _escape(error: _Error) -> Fault:
    hint = "write two, or put the text in single quotes"
    # The parser's place is the backslash or behind it.
    column = error.at.rfind("\\", 0, error.column + 1)
    return _fault(error.line, column, "a backslash in double quotes begins an escape sequence", hint)


def _surrogate(error: _Error) -> Fault:
    # The parser's place is behind the backslash and the letter.
    column = error.column - 2
    message = "an escape sequence is not a character: it is half of a pair, or does not have four digits"
    return _fault(error.line, column, message, "write the character itself", value=shown(error.at[column : column + 6]))


def _block_text(error: _Error) -> Fault:
    line, column = error.began
    char = error.lines[line][column : column + 1]
    return _fault(
        line, column, f"there is text after {char} on the same line", "begin it on the next line, or quote it"
    )


_MEANINGS: Final[tuple[tuple[str, Callable[[_Error], Fault]], ...]] = (
    ("while scanning a quoted scalar", _open_quote),
    ("found character that cannot start any token", _no_token),
    ("found a tab character that violates indentation", _no_token),
    ("mapping values are not allowed", _colon),
    ("could not find expected ':'", _no_colon),
    ("did not find expected key", _no_key),
    ("did not find expected '-' indicator", _no_key),
    ("did not find expected ',' or", _in_braces),
    ("did not find expected node content", _no_value),
    ("did not find expected <document start>", _after_end),
    ("found unknown escape character", _escape),
    ("found invalid Unicode character escape code", _surrogate),
    ("did not find expected hexdecimal number", _escape),  # as the parser spells it
    ("did not find expected alphabetic or numeric character", _no_name),
    ("did not find expected comment or line break", _block_text),
)  # fmt: skip
"""A part of the parser's words, and what people did."""
