import ast
from itertools import pairwise

import pytest

from tests.paths import PRODUCT as ROOT

# Who may know whom (design section 4). A room is a folder, or a module beside __init__.py.
VALUES = {"model", "errors"}
ALLOWED = {
    "model": set(),
    "errors": {"core"},  # core/exit_codes alone, see below
    "redaction": set(),
    "clock": {"core", "model"},
    "places": set(),
    "ports": {"model", "core"},
    "core": VALUES,
    "engine": {*VALUES, "core", "ports"},
    "kore": {*VALUES, "core", "ports", "redaction", "places"},
    "ledger": {*VALUES, "core", "ports", "clock", "places"},
    "loading": {*VALUES, "core", "places"},
    "report": {*VALUES, "core", "ports", "places"},
    "console": {*VALUES, "core", "ports", "redaction"},
    "fleet": {*VALUES, "core", "ports", "engine", "ledger"},
    "notify": set(),
    "sandbox": set(),
    "serve": {*VALUES, "core", "ledger", "report", "redaction"},
    "rehearsal": {*VALUES, "core", "ports", "engine", "kore", "ledger", "sandbox"},
    "app": {*VALUES, "core", "ports", "engine", "kore", "ledger", "loading", "notify", "report", "sandbox", "clock",
            "redaction", "places", "__version__"},
    "__main__": {"cli", "console"},  # signals and streams, before anything else
    "__init__": {*VALUES, "core", "ports", "engine", "redaction", "loading", "app"},  # looked up when used
    "py": set(),
}  # fmt: skip
IMPURE = {"asyncio", "os", "time", "random", "socket", "threading", "subprocess", "pathlib", "aiohttp", "sqlalchemy"}
FILES = sorted(ROOT.rglob("*.py"))

MOST_IMPORTS, MOST_LINES_EACH = 20, 350
MOST_MODULES, MOST_LINES, MOST_SMALL = 306, 40_500, 11
NAMESAKES = {
    "audit": "the rule in the core, its use cases, the commands, and what is shown of it",
    "approval": "the rule in the core, and the check of a run in app",
    "circuit_breaker": "the rule in the core, and a lane's breaker in the engine",
    "control": "the rule in the core, and the commands pause, unpause and abort",
    "diff": "the rule in the core, the use case, its command, and what is shown of it",
    "discover": "the use case and its command",
    "discovery": "what is found and what it changes in a file, and what is shown of it",
    "follow": "the use case and its command",
    "gate": "the sandbox shares no code or names with what it checks",
    "journal": "a rehearsal's journal, named like the port",
    "lane": "a lane of a run in the engine, and the same as a fleet's job",
    "messages": "a manifest's faults in words",
    "notify": "a manifest's section, and its command",
    "plan": "the rule, its command, and what is shown of it",
    "rehearse": "the use case and its command",
    "resolve": "the use case and its command",
    "run": "a run in the engine, its use case, and its command",
    "schema": "the ledger's tables, the result's JSON Schema, and the command",
    "stop_started": "the use case and its command",
    "serve": "the command, and the sandbox's own at a terminal",
    "states": "what the journal proves, and a run's campaigns by their states",
    "waves": "the rule in the core, and waves in order in the engine",
    "wire": "the client's side, and the sandbox's own",
    "worker": "the fleet's worker, and its command",
}


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


def name(file):
    parts = ("orchestrator", *file.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name(file): file for file in FILES}
MODULES = [file for file in FILES if file.name != "__init__.py"]


def ours(file):
    """The modules of ours that a file imports, inside functions too."""
    found = {
        one if one in NAMES else one.rpartition(".")[0] for one in imports(file) if one.startswith("orchestrator.")
    }
    return {one for one in found if one in NAMES and one != name(file)}


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_point_inwards(file):
    own = room(file)
    if own == "cli":
        return  # it assembles
    known = {one.split(".")[1] for one in imports(file) if one.startswith("orchestrator.")}

    assert known - {own} <= ALLOWED[own]


def test_the_errors_know_of_the_core_only_the_exit_codes():
    assert ours(ROOT / "errors.py") == {"orchestrator.core.exit_codes"}
    assert ours(ROOT / "core" / "exit_codes.py") == {"orchestrator.model"}


@pytest.mark.parametrize("file", [f for f in FILES if room(f) in {"core", "model", "errors"}], ids=lambda f: f.name)
def test_the_core_does_no_input_or_output(file):
    assert not {one.split(".")[0] for one in imports(file)} & IMPURE


def test_the_platforms_model_shares_no_code_with_us():
    for file in (ROOT / "sandbox").glob("*.py"):
        assert all(one.startswith("orchestrator.sandbox") for one in ours(file)), file


def test_only_main_imports_the_commands():
    importers = {room(f) for f in FILES if any(n.startswith("orchestrator.cli") for n in imports(f))}

    assert importers <= {"cli", "__main__"}


def test_use_cases_are_for_commands_and_embedders():
    importers = {room(f) for f in FILES if any(n.startswith("orchestrator.app") for n in imports(f))}

    assert importers == {"cli", "app", "__init__"}


def test_no_module_imports_itself_through_others():
    edges = {one: ours(file) for one, file in NAMES.items() if one != "orchestrator"}
    done = set()

    def visit(one, path):
        assert one not in path, " -> ".join([*path[path.index(one) :], one])
        if one not in done:
            for other in sorted(edges.get(one, ())):
                visit(other, [*path, one])
            done.add(one)

    for one in sorted(edges):
        visit(one, [])


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_no_file_imports_too_much(file):
    assert len(ours(file)) <= MOST_IMPORTS, sorted(ours(file))


def test_modules_are_few_and_of_a_readable_size():
    lines = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    small = [str(file.relative_to(ROOT)) for file in MODULES if lines[file] < 40]

    assert len(MODULES) <= MOST_MODULES
    assert sum(lines.values()) <= MOST_LINES
    assert max(lines.values()) <= MOST_LINES_EACH
    assert len(small) <= MOST_SMALL, small


def test_file_names_that_stand_twice_have_a_reason():
    stems = sorted(file.stem for file in MODULES)

    assert {one for one, other in pairwise(stems) if one == other} <= NAMESAKES.keys()
