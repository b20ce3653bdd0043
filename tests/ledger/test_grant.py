import ast
from pathlib import Path

import pytest

import orchestrator
from orchestrator.core.attempt.permit import Permit, PermitError

PACKAGE = Path(orchestrator.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}


def mentions(tree: ast.AST, name: str):
    """Whether a name, an attribute or an import brings `name` into play, other than by defining it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and name == (
            getattr(node, "id", None) or getattr(node, "attr", "")
        ):
            return True
        if isinstance(node, ast.ImportFrom | ast.Import) and any(alias.name == name for alias in node.names):
            return True
    return False


def test_only_the_ledger_grants_permits():
    users = {file for file, path in FILES.items() if mentions(ast.parse(path.read_text(encoding="utf-8")), "grant")}

    assert users
    assert {file for file in users if not file.startswith("ledger/")} == set()


def test_grant_is_defined_once():
    owners = [
        file
        for file, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "grant"
    ]

    assert owners == ["core/attempt/permit.py"]


def test_a_permit_cannot_be_made_by_calling_its_class():
    with pytest.raises(PermitError):
        Permit()
