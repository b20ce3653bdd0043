"""The texts that people read: pages, templates, and what a module says to them."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

_CODE = re.compile(r"`[^`\n]+`")
_MARKUP = re.compile(r"<(script|style).*?</\1>|\{[{%#].*?[}%#]\}|<[^>]+>", re.DOTALL)


class Text(NamedTuple):
    """A text with its first line. `kind`: page, message, docstring, comment or name (of a test)."""

    line: int
    kind: str
    words: str


def _prose(text: str) -> str:
    """Without names in code: a key that is part of a contract may have any name."""
    return _CODE.sub("`…`", text)


def _of_page(source: str) -> Iterator[Text]:
    yield from (Text(number, "page", _prose(line)) for number, line in enumerate(source.splitlines(), 1))


def _of_template(source: str) -> Iterator[Text]:
    blank = _MARKUP.sub(lambda found: "…" + "\n" * found[0].count("\n"), source)
    yield from _of_page(blank)


def _strings(tree: ast.Module) -> Iterator[Text]:
    """Docstrings are strings that are a statement. An f-string is one text, with … for what it inserts.

    A string of one word is a key or a word for machines, and no message.
    """
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield Text(node.lineno, "message", _prose("".join(map(str, parts))))
        elif isinstance(node, ast.Constant) and id(node) not in inside and " " in str(node.value):
            yield Text(node.lineno, "docstring" if id(node) in statements else "message", _prose(str(node.value)))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield Text(node.lineno, "name", node.name.replace("_", " "))


def _of_module(source: str) -> Iterator[Text]:
    yield from _strings(ast.parse(source))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Text(token.start[0], "comment", _prose(token.string))


_READERS: dict[str, Callable[[str], Iterator[Text]]] = {".md": _of_page, ".j2": _of_template, ".py": _of_module}


def texts(file: Path) -> Iterator[Text]:
    """Each text of a page, a template or a module. Raises KeyError for any other kind of file."""
    yield from _READERS[file.suffix](file.read_text(encoding="utf-8"))
