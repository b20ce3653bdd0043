"""The commands of README.md."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.system.docs.page import comparable, steps

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKE = shutil.which("make") or "make"
WAY_IN = (
    "python -m orchestrator init may",
    "cd may",
    "python -m orchestrator discover launch.yaml -o campaigns.csv --stream",
    "python -m orchestrator plan launch.yaml",
)
"""Run, with the answers as options and a stream's id, by tests/cli/test_init.py and docs/how-to/from-account.md."""


def commands():
    return [command for command, _ in steps(README)]


def made(folder):
    """What `make run` prints in the end: stdout, and the reports that it names on stderr.

    It runs in a folder with nothing but the demonstration's manifest.
    """
    done = subprocess.run(
        [MAKE, "--silent", "-f", ROOT / "Makefile", "-o", ".venv/.runtime", f"BIN={Path(sys.executable).parent}",
         "run"],
        cwd=folder, check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    reports = [line for line in done.stderr.splitlines(keepends=True) if line.startswith("report: ")]
    return "".join([done.stdout, *reports])


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demonstration")
    folder.chmod(0o700)
    shutil.copytree(ROOT / "configs", folder / "configs")
    return made(folder), made(folder)


def test_every_command_is_known_here():
    assert commands() == ["make run", *WAY_IN]


def test_it_is_short_enough_to_be_read_at_once():
    assert len(README.splitlines()) <= 120


def test_make_run_starts_all_and_the_second_time_nothing(twice):
    (shown,) = re.findall(r"^```\n(launch demo-.*?)^```$", README, re.MULTILINE | re.DOTALL)
    columns = re.compile(r"^(\w+ +\d+) +\d+ +\d+$", re.MULTILINE)  # calls and waits are the network's
    first, second = (columns.sub(r"\1", comparable(text)) for text in twice)

    assert first == columns.sub(r"\1", comparable(shown))
    assert ": 30 already_started\n" in second
