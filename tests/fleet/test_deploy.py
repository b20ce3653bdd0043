"""What deploy/ has a host run, run: the same command line, with this machine's Python and the tests' database."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from configparser import ConfigParser

import pytest
import sqlalchemy as sa
import yaml

from orchestrator.ledger.postgres import conninfo
from tests import postgres
from tests.paths import ROOT

UNIT = ROOT / "deploy" / "orchestrator-worker.service"
COMPOSE = ROOT / "deploy" / "compose.yaml"
IMAGE = ROOT / "deploy" / "Containerfile"
IN_FLIGHT = 2 * 30  # seconds: a stop waits for what is in flight, at most twice the default timeouts.total


def unit():
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(UNIT, encoding="utf-8")
    return parser["Service"]


def service():
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["worker"]


def command_here(command, url):
    """The command line with this machine's Python, and the tests' ledger for the one it names."""
    place = command.index("--ledger") + 1
    assert conninfo(sa.make_url(command[place]))["dbname"] == "orchestrator"
    return [sys.executable, *command[1:place], url, *command[place + 1 :]]


def entry_point():
    """What the image puts before a container's command: the program, after tini."""
    (line,) = re.findall(r"^ENTRYPOINT (.+)$", IMAGE.read_text(encoding="utf-8"), re.MULTILINE)
    tini, dashes, program = json.loads(line)
    assert (tini, dashes, program) == ("/usr/bin/tini", "--", "orchestrator")
    return ["python", "-m", program]


@pytest.mark.parametrize(
    ("command", "stop"),
    [
        (shlex.split(unit()["ExecStart"]), unit()["KillSignal"]),
        ([*entry_point(), *service()["command"]], service().get("stop_signal", "SIGTERM")),
    ],
    ids=["systemd", "compose"],
)
def test_the_command_makes_a_worker_that_works_and_ends_in_order(fleet, command, stop):
    scene = fleet(accounts=1, campaigns=5)
    worker = scene.start(*command_here(command, scene.url), log="worker.log")

    assert scene.submit().wait() == 0, scene.log("submit") + scene.log("worker")
    assert scene.check_the_end()["started"] == 5
    with postgres.connected(scene.url) as connection:
        registered = "SELECT count(*) FROM procrastinate_workers"
        assert connection.execute(registered).fetchone() == (1,)
        worker.send_signal(signal.Signals[stop])
        assert worker.wait() == 0, scene.log("worker")
        assert connection.execute(registered).fetchone() == (0,)


def test_a_stop_leaves_time_for_what_is_in_flight():
    minutes = service()["stop_grace_period"]

    assert int(unit()["TimeoutStopSec"]) >= IN_FLIGHT
    assert minutes.endswith("m")
    assert int(minutes[:-1]) * 60 >= IN_FLIGHT


def test_the_composed_workers_are_the_image_that_is_tried():
    build = service()["build"]

    assert (COMPOSE.parent / build["context"] / build["dockerfile"]).resolve() == IMAGE
    assert service()["read_only"] is True


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here")
    installed = tmp_path / UNIT.name
    python = shlex.split(unit()["ExecStart"])[0]  # on the host, not here
    installed.write_text(UNIT.read_text(encoding="utf-8").replace(python, sys.executable), encoding="utf-8")
    found = subprocess.run([program, "verify", installed], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout + found.stderr) == (0, "")
