"""The library as another program has it: what it leaves alone, its types, and the example."""

import ast
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import orchestrator
from tests.app.conftest import Watcher, manifest_of
from tests.paths import ROOT

HERE = Path(__file__).parent
EXAMPLE = ROOT / "docs" / "examples" / "embed.py"
HOW_TO = ROOT / "docs" / "how-to" / "embed.md"


def command(file, manifest):
    return [sys.executable, str(file), manifest.name]


def run(file, manifest):
    return subprocess.run(
        command(file, manifest), cwd=manifest.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip


def test_import_and_run_print_nothing_and_change_no_global_state(tmp_path):
    done = run(HERE / "watched.py", manifest_of(tmp_path))

    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "same": True, "imported": [], "exit_code": 0, "structlog": False, "commands": False, "names": [],
    }  # fmt: skip


def test_every_name_of_the_library_is_there_and_documented():
    for name in orchestrator.__all__:
        assert getattr(orchestrator, name) is not None
        assert name == "__version__" or getattr(orchestrator, name).__doc__, name
    assert not hasattr(orchestrator, "run_lunch")
    assert importlib.import_module("orchestrator.errors").Refused is orchestrator.Refused


def test_the_types_are_those_of_the_values():
    """What a type checker is told, under TYPE_CHECKING, is where the names are looked up when the program runs."""
    tree = ast.parse(Path(orchestrator.__file__).read_text(encoding="utf-8"))
    told = next(node for node in tree.body if isinstance(node, ast.If))
    homes = {alias.name: node.module for node in told.body for alias in node.names if node.module != "typing"}

    assert homes == {name: f"orchestrator.{home}" for name, home in orchestrator._HOMES.items()}
    assert set(homes) | {"__version__"} == set(orchestrator.__all__)


def test_a_type_checker_knows_the_library_and_minds_its_misuse(tmp_path):
    (tmp_path / "use.py").write_text(
        "from orchestrator import Result, load_manifest, run_launch, run_lunch\n\n\n"
        "async def use() -> int:\n"
        "    result: Result = await run_launch(load_manifest('m.yaml'), max_starts='many')\n"
        "    reveal_type(result.exit_code)\n"
        "    return result.totals\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(tmp_path / "use.py")], cwd=ROOT,
        text=True, capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    said = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if "/use.py:" in line]

    assert [line.split("  [")[-1].rstrip("]") for line in said if line.startswith("error")] == [
        "attr-defined", "arg-type", "return-value",
    ], done.stdout  # fmt: skip
    assert 'note: Revealed type is "int"' in said or 'note: Revealed type is "builtins.int"' in said


def test_the_example_starts_the_campaigns_of_a_manifest(tmp_path):
    manifest = manifest_of(tmp_path)
    done = run(EXAMPLE, manifest)

    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        "3 started, exit code 0", "st-1/cd-0: started", "st-1/cd-1: started", "st-1/cd-2: started",
    ]  # fmt: skip


def test_the_example_says_why_nothing_was_sent(tmp_path):
    done = run(EXAMPLE, manifest_of(tmp_path, limits={"max_starts": 2}))

    assert done.returncode == 4
    assert "no start was sent\nnext: " in done.stderr


def test_the_examples_sigterm_is_an_orderly_stop(tmp_path):
    waves = [{"name": "canary", "tags": ["canary"], "bake": "1h", "pass": {"started": "100%"}}, {"name": "rest"}]
    campaigns = [{"stream": "st-1", "campaign": "cd-0", "tags": ["canary"]}, {"stream": "st-1", "campaign": "cd-1"}]
    manifest = manifest_of(tmp_path, waves=waves, campaigns=campaigns)
    process = subprocess.Popen(
        [sys.executable, "-u", *command(EXAMPLE, manifest)[1:]], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    first = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)

    assert first == "st-1/cd-0: started\n"
    assert rest == "1 started, exit code 143\n"
    assert process.returncode == 143


async def test_the_how_to_shows_what_works(places, monkeypatch):
    place, around, watcher = await places(), {}, Watcher()
    campaigns = [{**campaign, "tags": ["canary"]} for campaign in place.raw["campaigns"][:2]]
    place.load(campaigns=[*campaigns, *place.raw["campaigns"][2:]]).path.rename(place.directory / "spring.yaml")
    monkeypatch.chdir(place.directory)
    code = re.search(r"```python\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)[1]
    exec(f"async def snippet(watcher):\n{textwrap.indent(code, '    ')}    return result", around)  # noqa: S102
    result = await around["snippet"](watcher)

    assert (result.exit_code, result.totals["started"], result.totals["skipped"]) == (0, 2, 3)
    assert "run_finished" in watcher.names


def test_the_how_to_names_every_error():
    rows = set(re.findall(r"^\| `(\w+)` \|", HOW_TO.read_text(encoding="utf-8"), re.MULTILINE))
    errors = {name for name in orchestrator.__all__ if name in orchestrator._ERRORS} | {"Interrupted", "ValueError"}

    assert rows == errors - {"OrchestratorError"}
