"""What the tests promise to each other about their own names."""

import ast
from pathlib import Path

from tests.conftest import COSTLY, LONGEST_OF

MOST = 60
HERE = Path(__file__).parent


def functions(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def test_a_tests_name_has_at_most_60_characters():
    names = {name: str(file.relative_to(HERE)) for file in sorted(HERE.rglob("test_*.py")) for name in functions(file)}

    assert {name: file for name, file in names.items() if name.startswith("test_") and len(name) > MOST} == {}


def test_files_that_the_runner_treats_apart_are_there():
    """A mistyped one had every worker play all pages."""
    assert {*COSTLY, *LONGEST_OF} <= {file.name for file in HERE.rglob("test_*.py")}
