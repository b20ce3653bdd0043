"""What the tests promise to each other about their own names."""

import ast
from pathlib import Path

MOST = 60
HERE = Path(__file__).parent


def functions(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def test_a_tests_name_has_at_most_60_characters():
    names = {name: str(file.relative_to(HERE)) for file in sorted(HERE.rglob("test_*.py")) for name in functions(file)}

    assert {name: file for name, file in names.items() if name.startswith("test_") and len(name) > MOST} == {}
