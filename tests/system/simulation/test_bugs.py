"""The seeded bugs: each is put into a copy of the program, and some simulated day must break a promise."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.paths import ROOT

HERE = Path(__file__).resolve().parent
BUGS = sorted((HERE / "bugs").glob("*.patch"))
SEEDS = "1500"
GIT = shutil.which("git") or "git"


def lived(patch, directory):
    """The outcome of days with a bug in the program; None where the patch does not fit any more."""
    for part in ("orchestrator", "tests"):
        shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__", "bugs"))
    fits = subprocess.run([GIT, "apply", str(patch)], cwd=directory, capture_output=True, text=True, check=False)
    if fits.returncode:
        return None
    # The day that caught it last goes first; if it does not any more, the whole search follows.
    before = re.findall(r"^Caught by seed (\d+)\.$", patch.read_text(encoding="utf-8"), re.MULTILINE)
    options = ["-m", "tests.system.simulation", "--seeds", SEEDS, "--jobs", "1", "--until-broken", "--before", *before]
    environment = {**os.environ, "PYTHONPATH": str(directory), "GIT_DIR": str(directory / ".git")}
    return subprocess.run(
        [sys.executable, *options], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """What came of every bug, several at a time."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        folders = [tmp_path_factory.mktemp(patch.stem) for patch in BUGS]
        return dict(zip(BUGS, pool.map(lived, BUGS, folders), strict=True))


def test_there_are_twenty_at_least():
    assert len(BUGS) >= 20


@pytest.mark.parametrize("patch", BUGS, ids=lambda patch: patch.stem)
def test_the_simulation_catches(days, patch):
    done = days[patch]

    assert done is not None, f"{patch.name} does not fit the program any more: make it anew"
    assert done.returncode == 1, done.stdout + done.stderr
    assert "replay: python -m tests.system.simulation --seed" in done.stdout, done.stdout + done.stderr
