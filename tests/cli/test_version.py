import json
import platform
import subprocess
import sys
from importlib.metadata import version

import pytest

from orchestrator import __version__
from tests.paths import ROOT


def test_the_version_is_said_and_imports_nothing_that_is_slow(workplace):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "orchestrator", "--version"], cwd=workplace.path,
        env=workplace.environment, text=True, capture_output=True, check=True,
    )  # fmt: skip
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}

    assert done.stdout == f"orchestrator, version {__version__}\n"
    assert not imported & {"aiohttp", "pydantic", "sqlalchemy", "rich", "structlog", "importlib.metadata", "asyncio"}


@pytest.mark.parametrize("arguments", [("--version", "--json"), ("--json", "--version")])
def test_the_version_as_json_names_installed_dependencies(workplace, arguments):
    said = json.loads(workplace.run(*arguments).stdout)

    assert list(said)[3:] == ["name", "version", "python", "platform", "dependencies"]
    assert (said["name"], said["version"]) == ("campaign-orchestrator", __version__)
    assert said["python"] == platform.python_version()
    assert said["dependencies"]["aiohttp"] == version("aiohttp")
    assert said["dependencies"]["procrastinate"] == version("procrastinate")
    assert not {"pytest", "hatchling", "mypy"} & said["dependencies"].keys()


def test_json_without_a_version_or_a_command_is_a_usage_error(workplace):
    done = workplace.run("--json")

    assert done.returncode == 2
    assert "write --json with --version" in done.stderr


def test_no_command_at_all_shows_the_help(workplace):
    assert "Operate:" in workplace.run().stderr


def test_there_is_one_version(workplace):
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert f'\nversion = "{__version__}"\n' in text
    assert f"\n## {__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_nothing_beside_the_manifest_is_imported(workplace):
    # What `python -m` itself has imported before any module of ours can be helped by nobody.
    probe = workplace.path / "probe"
    probe.mkdir()
    (probe / "__init__.py").touch()
    (probe / "__main__.py").write_text("import sys; print(*sys.modules)", encoding="utf-8")
    by_python = subprocess.run(
        [sys.executable, "-m", "probe"], cwd=workplace.path, text=True, capture_output=True, check=True
    )
    libraries = {one for one in sys.stdlib_module_names if not one.startswith("_")}
    names = {*libraries, "click", "yaml", "sqlalchemy", "pydantic"} - set(by_python.stdout.split())
    for name in names:
        (workplace.path / f"{name}.py").write_text(f"raise SystemExit('imported {name}')", encoding="utf-8")
    done = workplace.run("run", workplace.manifest())

    assert "imported" not in done.stderr
    assert done.returncode == 0
    assert {"secrets", "enum", "typing"} <= names
