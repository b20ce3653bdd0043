"""`status --watch`: in place at a terminal, until the run has ended or a person has seen enough."""

import json
import signal
import time

from tests.cli.test_control import CAMPAIGNS, six, wait_for
from tests.cli.test_terminal import CURSOR, at_terminal


def paused(workplace, platform):
    """A run that waits, because its launch is paused."""
    manifest = six(workplace, platform)
    workplace.run("plan", manifest)
    workplace.run("pause", "spring", "--reason", "carrier is down")
    process = workplace.start("run", manifest)
    wait_for(process.stderr, "launch_paused")
    return process


def test_watching_ends_with_the_run_and_its_code(workplace, platform):
    with paused(workplace, platform) as run, workplace.start("status", "spring", "--watch") as watcher:
        wait_for(watcher.stdout, "the run is going on")
        workplace.run("abort", "spring", "--reason", "wrong list")
        run.communicate()
        out, err = watcher.communicate()

    assert (run.returncode, watcher.returncode) == (12, 12), err
    assert "wrong list" in out
    assert "\nexit code 12: stopped by a rule" in out


def test_watching_waits_for_a_run_without_a_plan(workplace, platform):
    manifest = six(workplace, platform)
    workplace.run("plan", manifest)  # the ledger knows the launch; no run of it has a plan
    with workplace.start("status", "--watch", "--json") as watcher:
        wait_for(watcher.stdout, '"run": null')
        workplace.run("run", manifest)
        out, err = watcher.communicate()

    assert watcher.returncode == 0, err
    assert json.loads(out[out.rindex("\n{") :] if "\n{" in out else out)["totals"]["started"] == len(CAMPAIGNS)


def test_watching_is_ended_without_a_word(workplace, platform):
    with paused(workplace, platform) as run:
        for number, code in ((signal.SIGINT, 0), (signal.SIGTERM, 143)):
            with workplace.start("status", "--watch") as watcher:
                wait_for(watcher.stdout, "the run is going on")
                watcher.send_signal(number)
                out, err = watcher.communicate()
            assert (watcher.returncode, out.strip(), err) == (code, "", "")
        workplace.run("unpause", "spring")
        run.communicate()


def test_watching_redraws_in_place_at_a_terminal(workplace, platform):
    with paused(workplace, platform) as run:
        seen = ("the run is going on", lambda: workplace.run("unpause", "spring"))
        code, shown = at_terminal(workplace, "status", "--watch", at=seen)
        run.communicate()

    assert code == 0, shown
    assert CURSOR.search(shown)
    assert "exit code 0: all selected campaigns are started" in shown


def test_a_launch_that_has_ended_is_shown_once(workplace):
    workplace.run("run", workplace.manifest())
    done = workplace.run("status", "--watch")

    assert (done.returncode, done.stdout.count("launch spring")) == (0, 1)


def test_status_of_a_run_that_goes_on_says_nothing_untrue(workplace, platform):
    """Each word against what the platform has seen: one accepted, one whose answer is still out, none of the rest."""
    url = platform.start(scripted={"st-1/cd-1": ["hang_before", "hang_before"]})
    accounts = workplace.credentials(rate=["5/60s"], in_flight=1)
    manifest = workplace.manifest(host=url, accounts=accounts, timeouts={"total": "60s"}, preflight={"check": "off"})
    with workplace.start("run", manifest, "--yes") as process:
        deadline = time.monotonic() + 30
        shown = ""
        while "1 started, 1 in flight" not in shown and time.monotonic() < deadline:
            shown = workplace.run("status", "spring").stdout
        seen = dict(platform.starts)
        process.kill()
        process.communicate()

    assert seen == {"st-1/cd-0": 1}
    assert shown.splitlines()[0].endswith(": 1 started, 1 in flight, 1 waiting")
    assert "st-1/cd-1: its start is on its way" in shown
    assert shown.endswith("\nthe run is going on\n")
    assert "exit code" not in shown
    assert "next:" not in shown
