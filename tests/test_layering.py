import ast

import pytest

from tests.paths import PRODUCT as ROOT

# Who may know whom (design section 4). "." stands for the modules beside __init__.py, by name.
VALUES = {"model", "errors"}
ASSEMBLED = {"loading", "kore", "ledger", "report", "sandbox"}
ALLOWED = {
    "model": set(),
    "errors": {"core"},  # the exit codes
    "redaction": set(),
    "clock": {"core"},
    "ports": {"model", "core"},
    "core": {*VALUES},
    "engine": {*VALUES, "core", "ports"},
    "kore": {*VALUES, "core", "ports", "redaction"},
    "ledger": {*VALUES, "core", "ports", "clock"},
    "fleet": {*VALUES, "core", "ports", "engine", "ledger"},
    "report": {*VALUES, "core", "ports"},
    "console": {*VALUES, "core", "ports", "redaction"},
    "loading": {*VALUES, "core"},
    "sandbox": set(),
    "rehearsal": {*VALUES, "core", "ports", "engine", "kore", "ledger", "sandbox"},
    "app": {*VALUES, *ASSEMBLED, "core", "ports", "engine", "clock", "redaction", "__version__"},
    "__main__": {"cli"},
    "__init__": {*VALUES, "core", "ports", "engine", "redaction", "loading", "app"},  # looked up when used
    "py": set(),
}
IMPURE = {"asyncio", "os", "time", "random", "socket", "threading", "subprocess", "pathlib", "aiohttp", "sqlalchemy"}
FILES = sorted(ROOT.rglob("*.py"))


def imports(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} uses a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(file):
    relative = file.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_point_inwards(file):
    own = room(file)
    if own == "cli":
        return  # it assembles
    known = {name.split(".")[1] for name in imports(file) if name.startswith("orchestrator.")}

    assert known - {own} <= ALLOWED[own]


@pytest.mark.parametrize("file", [f for f in FILES if room(f) in {"core", "model", "errors"}], ids=lambda f: f.name)
def test_the_core_does_no_input_or_output(file):
    assert not {name.split(".")[0] for name in imports(file)} & IMPURE


def test_the_model_of_the_platform_shares_no_code_with_what_it_judges():
    for file in (ROOT / "sandbox").glob("*.py"):
        ours = {n for n in imports(file) if n.startswith("orchestrator.")}

        assert all(n.startswith("orchestrator.sandbox") for n in ours), file


def test_nobody_but_main_imports_the_commands():
    importers = {room(f) for f in FILES if any(n.startswith("orchestrator.cli") for n in imports(f))}

    assert importers <= {"cli", "__main__"}


def test_what_assembles_without_a_terminal_is_for_the_commands_and_for_those_who_embed_it():
    importers = {room(f) for f in FILES if any(n.startswith("orchestrator.app") for n in imports(f))}

    assert importers == {"cli", "app", "__init__"}
