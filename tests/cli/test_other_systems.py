"""Windows and macOS as far as Linux can show them: the program without what they do not have."""

import os
import signal
import sys

import pytest

from tests.cli.test_control import wait_for
from tests.cli.test_serve import address_of, page

pytestmark = pytest.mark.parametrize("system", ["windows", "macos"])


@pytest.fixture
def elsewhere(workplace, system):
    """Runs a command as the other system would."""
    workplace.environment |= {"DRIVE_TYPE": "3", "ORCHESTRATOR_LOOP": "asyncio"}
    workplace.command = lambda *arguments: [sys.executable, "-m", "tests.other_system", system, *arguments]
    return workplace


@pytest.mark.parametrize("command", [["validate"], ["plan"], ["run"]], ids=" ".join)
def test_a_command_goes_through(elsewhere, command):
    done = elsewhere.run(*command, elsewhere.manifest())

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_is_journaled_and_not_repeated(elsewhere):
    manifest = elsewhere.manifest()
    first, again = elsewhere.run("run", manifest), elsewhere.run("run", manifest)
    status = elsewhere.run("status", "spring")

    assert (first.returncode, again.returncode, status.returncode) == (0, 0, 0), again.stderr
    assert "3 already_started" in status.stdout


def test_a_campaign_that_is_not_there_is_reported(elsewhere, platform):
    url = platform.start(campaigns=["cd-0", "cd-1"])
    done = elsewhere.run("run", elsewhere.manifest(host=url, accounts=elsewhere.credentials()))

    assert done.returncode == 10, done.stdout + done.stderr
    assert elsewhere.result()["totals"]["started"] == 2


def test_a_faulty_manifest_is_refused(elsewhere):
    assert elsewhere.run("run", elsewhere.manifest(accounts={})).returncode == 3


def test_a_failed_check_ends_its_wave(elsewhere):
    waves = [
        {"name": "first", "tags": ["canary"], "pass": {"command": [sys.executable, "-c", "exit(7)"]}},
        {"name": "rest"},
    ]
    campaigns = [{"stream": "st-1", "campaign": f"cd-{n}", "tags": ["canary"] * (n == 0)} for n in range(3)]
    done = elsewhere.run("run", elsewhere.manifest(waves=waves, campaigns=campaigns))

    assert "exited with 7" in done.stdout + done.stderr
    assert elsewhere.result()["totals"]["started"] == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_a_signal_stops_a_run_in_order(elsewhere, platform, number, code):
    manifest = elsewhere.manifest(host=platform.start(), accounts=elsewhere.credentials(in_flight=1))
    answered = platform.hold("cd-0")
    with elsewhere.start("run", manifest) as process:
        wait_for(process.stderr, "wave_opened")
        os.kill(process.pid, number)
        wait_for(process.stderr, ": no new start")
        answered.set()
        out, err = process.communicate()

    assert process.returncode == code, out + err
    assert elsewhere.result()["totals"]["unknown"] == 0
    assert elsewhere.run("run", manifest).returncode == 0
    assert all(count == 1 for count in platform.starts.values())


def test_a_folder_open_to_all_says_something_by_modes_alone(elsewhere, system):
    folder = elsewhere.path / ".orchestrator"
    folder.mkdir()
    folder.chmod(0o777)

    assert elsewhere.run("run", elsewhere.manifest()).returncode == {"windows": 0, "macos": 8}[system]


def test_a_shared_drive_holds_no_ledger(elsewhere, system):
    elsewhere.environment["DRIVE_TYPE"] = "4"
    done = elsewhere.run("run", elsewhere.manifest())

    assert done.returncode == {"windows": 8, "macos": 0}[system]
    assert ("is on a file system of kind remote drive" in done.stderr) == (system == "windows")


def test_a_run_is_watched_to_its_end(elsewhere, platform):
    url = platform.start(scripted={"st-1/cd-0": ["slow"]})
    manifest = elsewhere.manifest(host=url, accounts=elsewhere.credentials())
    with elsewhere.start("run", manifest) as run:
        wait_for(run.stderr, "wave_opened")
        with elsewhere.start("status", "--watch", "--json") as watcher:
            run.communicate()
            out, err = watcher.communicate()

    assert (run.returncode, watcher.returncode) == (0, 0), err
    assert '"started": 3' in out


def test_a_ledger_at_rest_is_served(elsewhere):
    elsewhere.run("run", elsewhere.manifest())
    with elsewhere.start("serve", "--port", "0") as process:
        url = address_of(process)
        while "exit code 0" not in (seen := page(url)):
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()

    assert "3 started" in seen
    assert (process.returncode, out, err) == (0, "", "")


def test_a_run_in_progress_keeps_its_account(elsewhere, platform):
    url = platform.start(scripted={"st-1/cd-0": ["hang_before"]})
    manifest = elsewhere.manifest(host=url, accounts=elsewhere.credentials(), timeouts={"total": "20s"})
    with elsewhere.start("run", manifest) as first:
        for line in first.stderr:
            if "wave_opened" in line:
                break
        second = elsewhere.run("run", manifest)
        first.send_signal(signal.SIGINT)
        first.send_signal(signal.SIGTERM)
        first.communicate()

    assert second.returncode == 6, second.stderr
