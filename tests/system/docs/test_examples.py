import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.paths import ROOT

PAGE = ROOT / "docs" / "examples" / "README.md"
BUILT = PAGE.parent
REPORTS = ("junit.xml", "result.csv", "result.env", "result.html", "result.json", "result.md", "result.prom")
MAKE = shutil.which("make") or "make"
LINK = re.compile(r"\]\(([^)#:]+)\)")


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    """What `make examples` writes, in another folder, another time zone and a narrow terminal's environment."""
    folder = tmp_path_factory.mktemp("examples")
    around = {"COLUMNS": "40", "TZ": "Pacific/Auckland", "FORCE_COLOR": "1", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    subprocess.run(
        [MAKE, "--silent", "-o", ".venv/.ready", "-o", "recording", "examples", f"EXAMPLES={folder}",
         f"BIN={Path(sys.executable).parent}"],
        cwd=ROOT, env={**os.environ, **around}, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("name", ["terminal.txt", *(f"bad-day/rehearsal/{report}" for report in REPORTS)])
def test_the_committed_examples_are_what_make_examples_writes(rebuilt, name):
    assert (BUILT / name).read_bytes() == (rebuilt / name).read_bytes(), "run `make examples`, and commit"


def test_nothing_else_is_committed_beside_them(rebuilt):
    written = {file.name for file in (rebuilt / "bad-day" / "rehearsal").iterdir()}

    assert {file.name for file in (BUILT / "bad-day" / "rehearsal").iterdir()} == written == set(REPORTS)


def test_the_day_is_bad_in_every_way_that_the_page_tells_of():
    result = json.loads((BUILT / "bad-day" / "rehearsal" / "result.json").read_text(encoding="utf-8"))

    assert {o for o, count in result["totals"].items() if count} >= {"started", "failed", "unknown", "held", "skipped"}
    assert all(budget["throttled"] for budget in result["budget"].values())
    assert result["run"]["stop"]["reason"] == "rule"
    assert result["run"]["exit_code"] == 11


def test_the_story_of_an_unknown_says_its_http_status_once():
    page = (BUILT / "bad-day" / "rehearsal" / "result.html").read_text(encoding="utf-8")

    assert "<span>HTTP 500: Internal Server Error</span>" in page
    assert "<span>HTTP 500</span> <span>HTTP 500" not in page


def test_the_page_shows_the_recorded_run():  # docs/examples/README.md
    recorded = (BUILT / "terminal.txt").read_text(encoding="utf-8")

    assert f"```console\n{recorded}```\n" in PAGE.read_text(encoding="utf-8")


def test_the_page_links_every_report():
    linked = set(LINK.findall(PAGE.read_text(encoding="utf-8")))

    assert {"bad-day.yaml", "terminal.txt", *(f"bad-day/rehearsal/{report}" for report in REPORTS)} <= linked


def test_the_recording_ends_with_a_good_run():
    picture = (ROOT / "docs" / "images" / "good-run.svg").read_text(encoding="utf-8")

    assert "exit code 0: all selected campaigns are started" in picture.replace("\u00a0", " ")
    assert "/home/ann/campaigns/.orchestrator/ledger.db" in picture
    assert tempfile.gettempdir() not in picture
