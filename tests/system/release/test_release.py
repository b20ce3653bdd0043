"""What is handed over: built from the tree, installed where nothing is, and run from there."""

import hashlib
import json
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import PurePosixPath

import pytest

from orchestrator import __version__
from tests.paths import ROOT
from tests.system.release.conftest import make

NEEDED = ("tests/conftest.py", "configs/launch.yaml", "configs/campaigns.csv", "schema/result.v1.json",
          "docs/reference/events.md", "requirements.lock", "requirements-dev.lock", "Makefile", "pyproject.toml",
          "LICENSE", "SECURITY.md", "CONTRIBUTING.md", "orchestrator/py.typed")  # fmt: skip

DEMONSTRATION = "orchestrator/configs/launch.yaml"  # in the tree it is configs/launch.yaml, and there once


def tracked():
    """What is under version control here; skips where this is no clone, such as an unpacked sdist."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    listed = subprocess.run([git, "ls-files"], cwd=ROOT, text=True, capture_output=True, check=True)
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


def sources(dist):
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = [PurePosixPath(member.name) for member in archive.getmembers() if member.isfile()]
    return {str(name.relative_to(name.parts[0])) for name in names}


def test_the_sdist_has_what_the_tests_need(dist):
    assert sources(dist) >= set(NEEDED)


def test_the_sdist_is_exactly_what_is_under_version_control(dist):
    assert sources(dist) == tracked() | {"PKG-INFO"}


def test_the_wheel_is_exactly_the_package(dist):
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as archive:
        files = set(archive.namelist())
        entries = archive.read(f"campaign_orchestrator-{__version__}.dist-info/entry_points.txt").decode()
    ours = {name for name in files if ".dist-info/" not in name}

    assert ours == {name for name in sources(dist) if name.startswith("orchestrator/")} | {DEMONSTRATION}
    assert {"orchestrator/py.typed", "orchestrator/report/html/templates/report.html.j2"} <= ours
    assert entries == "[console_scripts]\norchestrator = orchestrator.__main__:main\n"


def test_building_again_gives_the_same_bytes(dist, tmp_path):
    make("dist", f"DIST={tmp_path / 'again'}")

    first, second = (
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
        for folder in (dist, tmp_path / "again")
    )
    assert first == second
    assert len(first) == 2


def test_the_main_job_runs_from_an_empty_environment(installed, tmp_path):
    tmp_path.chmod(0o700)
    shutil.copy(ROOT / "configs" / "launch.yaml", tmp_path)
    done = installed.run("orchestrator", "run", "launch.yaml", cwd=tmp_path)
    again = installed.run("orchestrator", "run", "launch.yaml", "--json", cwd=tmp_path)
    where = installed.run("python", "-c", "import orchestrator; print(orchestrator.__file__)", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "30 started" in done.stdout
    assert json.loads(again.stdout)["totals"]["already_started"] == 30
    assert "<!doctype html>" in (tmp_path / "reports/demo-renewal-2026/result.html").read_text(encoding="utf-8")
    assert where.stdout.startswith(str(installed.site))
    assert "docs/" not in installed.run("orchestrator", "run", "--help", cwd=tmp_path).stdout


def test_the_demonstration_runs_from_an_empty_folder(installed, tmp_path):
    tmp_path.chmod(0o700)
    made = installed.run("orchestrator", "init", "demo", "--example", cwd=tmp_path)
    done = installed.run("orchestrator", "run", "launch.yaml", cwd=tmp_path / "demo")
    ours = (ROOT / "configs" / "launch.yaml").read_text(encoding="utf-8")

    assert made.returncode == 0, made.stderr
    assert (tmp_path / "demo" / "launch.yaml").read_text(encoding="utf-8") == ours.replace("../schema/", "")
    assert "30 started" in done.stdout


def test_a_first_manifest_is_written_from_there(installed, tmp_path):
    account = ("--account-id", "a1a1a1a1a1a1a1a1a1a1a1a1")
    made = installed.run("orchestrator", "init", "spring", "--yes", *account, cwd=tmp_path)
    planned = installed.run("orchestrator", "plan", "launch.yaml", cwd=tmp_path / "spring")
    command = "orchestrator discover launch.yaml -o campaigns.csv --stream\n"
    here = f"{installed.path}/bin/"  # it is not on the PATH: the name alone would not run

    assert made.stdout.endswith(f"\nnext: cd spring && {here}{command}")
    assert planned.stderr.endswith(f"\nnext: {here}{command}")
    assert f"#   {command}" in (tmp_path / "spring" / "launch.yaml").read_text(encoding="utf-8")


def test_the_wheel_leads_from_an_empty_folder_to_a_plan(installed, tmp_path):
    tmp_path.chmod(0o700)
    account = {"account_id": "a1" * 12, "client_id": "cs-spring", "secret": "only-for-the-sandbox-0123456789abcdef"}
    listed = [{"account_id": "a1" * 12, "stream": "st-1", "campaign": f"cd-{number}"} for number in range(3)]
    world = tmp_path / "world.json"
    world.write_text(json.dumps({"accounts": [account], "campaigns": listed}), encoding="utf-8")
    environment = {"KORE_CLIENT_ID": account["client_id"], "KORE_CLIENT_SECRET": account["secret"]}
    program = str(installed.path / "bin" / "orchestrator")
    serving = subprocess.Popen(
        [program, "sandbox", "--port", "0", "--world", str(world)], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with serving:
        try:
            host = serving.stdout.readline().removeprefix("# Sandbox: ").strip()
            done = [
                installed.run("orchestrator", *words, cwd=tmp_path, **environment)
                for words in (
                    ("init", "--yes", "--launch", "spring", "--host", host, "--account-id", "a1" * 12),
                    ("discover", "launch.yaml", "-o", "campaigns.csv", "--stream", "st-1"),
                    ("plan", "launch.yaml"),
                )
            ]
        finally:
            serving.terminate()

    assert [one.stderr for one in done if one.returncode] == []
    assert done[-1].stdout.startswith("plan for launch spring: 3 to start, 0 to check, 0 to skip\n")


def test_every_command_can_be_imported_without_test_tools(installed, tmp_path):
    commands = installed.run(
        "python", "-c", "from orchestrator.cli.catalogue import COMMANDS; print(*COMMANDS)", cwd=tmp_path
    )
    codes = {name: installed.run("orchestrator", name, "--help", cwd=tmp_path) for name in commands.stdout.split()}

    assert "run" in codes
    assert {name: done.stderr for name, done in codes.items() if done.returncode} == {}


def test_the_schema_is_printed_from_there(installed, tmp_path):
    printed = installed.run("orchestrator", "schema", "--of", "result", cwd=tmp_path).stdout

    assert json.loads(printed) == json.loads((ROOT / "schema" / "result.v1.json").read_text(encoding="utf-8"))


def test_the_library_is_typed_there(installed, tmp_path):
    asks = "import importlib.resources as r; print(r.files('orchestrator').joinpath('py.typed').is_file())"
    done = installed.run("python", "-c", asks, cwd=tmp_path)

    assert done.stdout == "True\n"


def test_the_version_names_what_is_installed_and_no_absent_extra(installed, bare, tmp_path):
    said = json.loads(installed.run("orchestrator", "--version", "--json", cwd=tmp_path).stdout)
    checkout = bare.run("python", "-m", "orchestrator", "--version", "--json", cwd=tmp_path, PYTHONPATH=str(ROOT))

    assert said["dependencies"]["aiohttp"] == installed.pins["aiohttp"]
    assert "procrastinate" not in said["dependencies"]
    assert json.loads(checkout.stdout) == said


def test_the_bill_of_materials_is_valid_and_matches_the_lock(installed, tmp_path):
    """cyclonedx-py judges what it writes by CycloneDX's schema, and fails where it does not fit."""
    make("sbom", f"DIST={tmp_path}", f"EMPTY={installed.path}")
    text = (tmp_path / "campaign-orchestrator.cdx.json").read_text(encoding="utf-8")
    bill = json.loads(text)
    named = {one["name"].lower().replace("_", "-"): one["version"] for one in bill["components"]}
    root = next(one for one in bill["dependencies"] if one["ref"] == bill["metadata"]["component"]["bom-ref"])

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert (bill["metadata"]["component"]["name"], bill["metadata"]["component"]["version"]) == (
        "campaign-orchestrator", __version__,
    )  # fmt: skip
    assert named.items() <= installed.pins.items()
    assert {"aiohttp", "sqlalchemy", "cryptography"} <= named.keys()
    assert any(ref.startswith("aiohttp==") for ref in root["dependsOn"])
    assert str(tmp_path) not in text


@pytest.mark.soak
def test_make_release_installs_from_the_index_and_runs(tmp_path):
    done = make("release", f"DIST={tmp_path / 'dist'}", f"EMPTY={tmp_path / 'env'}", timeout=900)
    sums = (tmp_path / "dist" / "SHA256SUMS").read_text(encoding="utf-8").splitlines()

    assert "30 started" in done.stdout
    assert len(sums) == 3
