"""After the first permit no error, wherever it is raised, leads to an exit code of 1 to 9 (P6).

A sample in `make test`; in `make soak` each statement with ERRORS kinds of error, by default 2. All of them, ERRORS=26,
take some hours.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.paths import ROOT
from tests.system.crash.raising import KINDS

AT_ONCE = 2
SAMPLE = 60
WARM = ("orchestrator.", "sqlalchemy.", "aiohttp.", "rich.", "jinja2.", "prometheus_client")
CODES = {0, 10, 11, 12, 13, 129, 130, 143}
PARTS = 20
ERRORS = int(os.environ.get("ERRORS", "2"))


class Zygote:
    """Forks the program, traced; one run at a time."""

    def __init__(self):
        self.modules = []
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "system" / "crash" / "raising.py")], text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, directory, site="", kind=""):
        directory.mkdir(mode=0o700)
        write_manifest(directory)
        names = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary"}
        environment = {"GITHUB_ACTIONS": "true", **{name: str(directory / file) for name, file in names.items()}}
        job = {"cwd": str(directory), "site": site, "kind": kind, "arguments": ["run", "m.yaml"],
               "environment": environment, "modules": self.modules}  # fmt: skip
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def write_manifest(directory):
    raw = {
        "version": 1, "launch": "raised", "host": "sandbox", "sandbox": {"faults": "nasty", "seed": 3},
        "accounts": {"acme": {"account_id": "a1", "rate": "unlimited", "in_flight": 2}},
        "campaigns": [{"account": "acme", "stream": "st-1", "campaign": f"cd-{n}"} for n in range(6)],
        "waves": [{"name": "first", "campaigns": ["st-1/cd-0"], "pass": {"command": ["true"]}}, {"name": "rest"}],
        # Many: on a crowded machine a read of the preflight may be late, time after time.
        "retry": {"attempts": 10, "backoff": "0.01s..0.02s"},
        "timeouts": {"connect": "0.2s", "total": "0.2s"}, "probe": {"settle": "0.05s"},
        "stop_when": {"unknown": 100},
        "report": {"formats": ["json", "csv", "junit", "markdown", "html", "prometheus", "dotenv"]},
    }  # fmt: skip
    (directory / "m.yaml").write_text(json.dumps(raw), encoding="utf-8")


@pytest.fixture
def zygotes(tmp_path):
    made = [Zygote() for _ in range(AT_ONCE)]
    yield made
    for zygote in made:
        zygote.close()


def sites_of(zygotes, directory):
    """The statements after the first permit. Two looks: which answer comes first differs from run to run."""
    sites = set()
    for number in range(2):
        code = zygotes[0].run(directory / f"look{number}")
        assert code in CODES, (directory / f"look{number}" / "child.log").read_text(encoding="utf-8")
        looked = json.loads((directory / f"look{number}" / "seen.json").read_text(encoding="utf-8"))
        sites |= set(looked["sites"])
    for zygote in zygotes:
        zygote.modules = [name for name in looked["modules"] if name.startswith(WARM)]
    return sorted(sites)


def raise_at(zygote, directory, chosen):
    """What the runs ended with, by place and kind, where the place was reached."""
    directory.mkdir()
    ended = {}
    for number, (site, kind) in enumerate(chosen):
        place = directory / str(number)
        code = zygote.run(place, site, kind)
        if (place / "raised").exists():
            ended[site, kind] = code if code in CODES else (code, (place / "child.log").read_text(encoding="utf-8"))
        shutil.rmtree(place)
    return ended


def ends(zygotes, tmp_path, chosen):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = pool.map(lambda n: raise_at(zygotes[n], tmp_path / str(n), chosen[n::AT_ONCE]), range(AT_ONCE))
        ended = {key: value for part in parts for key, value in part.items()}
    codes = Counter(str(value) for value in ended.values() if isinstance(value, int))
    sys.stdout.write(f"{len(ended)} errors at {len({site for site, _ in ended})} statements: {dict(codes)}\n")
    return ended


def wrong(ended):
    return {key: value for key, value in ended.items() if not isinstance(value, int)}


def test_an_error_after_a_permit_never_ends_with_1_to_9(zygotes, tmp_path):
    sites = sites_of(zygotes, tmp_path)
    draw = random.Random(1)
    chosen = [(site, draw.choice(list(KINDS))) for site in draw.sample(sites, SAMPLE)]
    ended = ends(zygotes, tmp_path, chosen)

    assert wrong(ended) == {}
    assert len(ended) >= SAMPLE / 2


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_every_error_at_every_statement_after_a_permit(zygotes, tmp_path, part):
    kinds, sites = list(KINDS), sites_of(zygotes, tmp_path)
    chosen = [(site, kinds[(n + m) % len(kinds)]) for n, site in enumerate(sites) for m in range(ERRORS)]

    assert wrong(ends(zygotes, tmp_path, chosen[part::PARTS])) == {}
