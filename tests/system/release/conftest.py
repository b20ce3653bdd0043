import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.paths import ROOT

MAKE = shutil.which("make") or "make"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def make(*arguments, timeout=300):
    """A target of the Makefile with this environment's tools; nothing is installed for it."""
    return subprocess.run(
        [MAKE, "--silent", "-o", ".venv/.ready", "-o", ".venv/.runtime", f"BIN={Path(sys.executable).parent}",
         *arguments], cwd=ROOT, text=True,
        capture_output=True, check=True, timeout=timeout,
    )  # fmt: skip


class Empty:
    """An environment with what requirements.lock pins, linked from here: nothing of ours, and no network."""

    def __init__(self, path):
        self.path = path
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)
        self.site = next(path.glob("lib/python*/site-packages"))
        self.pins = dict(PIN.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")))
        for name in self.pins:
            self._link(name)

    def _link(self, name):
        try:
            files = metadata.distribution(name).files or ()
        except metadata.PackageNotFoundError:
            return  # for another system
        for top in {Path(file).parts[0] for file in files} - {"..", "__pycache__"}:
            (self.site / top).symlink_to(Path(metadata.distribution(name).locate_file(top)))

    def install(self, wheel):
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", str(self.path / "bin" / "python"), "install", "--quiet",
             "--no-deps", "--no-index", str(wheel)], check=True, timeout=120,
        )  # fmt: skip

    def run(self, program, *arguments, cwd, **environment):
        around = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "CI", "FORCE_COLOR"}}
        return subprocess.run(
            [str(self.path / "bin" / program), *arguments], cwd=cwd, env=around | environment, text=True,
            capture_output=True, check=False, timeout=120,
        )  # fmt: skip


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """What `make dist` builds."""
    folder = tmp_path_factory.mktemp("release") / "dist"
    make("dist", f"DIST={folder}")
    return folder


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """The environment before the wheel."""
    return Empty(tmp_path_factory.mktemp("bare") / "env")


@pytest.fixture(scope="session")
def installed(dist, tmp_path_factory):
    """The environment with the wheel."""
    empty = Empty(tmp_path_factory.mktemp("installed") / "env")
    empty.install(next(dist.glob("*.whl")))
    return empty
