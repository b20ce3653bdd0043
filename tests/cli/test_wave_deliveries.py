"""`pass: {completed, sent}` of a wave, with real processes and a platform on loopback."""

import json
import signal

from tests.cli.test_control import wait_for
from tests.cli.test_follow import started


def waiting(**asked):
    return {
        "waves": [{"name": "canary", "campaigns": ["st-1/cd-0"], "pass": {"completed": "100%", **asked}}],
    }


def test_a_run_waits_until_its_canary_is_completed(workplace, platform):
    manifest = started(workplace, platform, {"cd-0": 0, "cd-1": 5, "cd-2": 5}, **waiting(sent="95%"))
    done = workplace.run("run", manifest, "--json")
    printed = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert [(wave["name"], wave["verdict"]) for wave in printed["waves"]] == [("canary", "passed"), ("rest", "no_rule")]
    assert printed["campaigns"][0]["delivery"]["state"] == "completed"
    assert "wave_followed wave=canary passed=True" in done.stderr
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1, "st-1/cd-2": 1}


def test_a_canary_that_is_paused_holds_the_rest(workplace, platform):
    manifest = started(workplace, platform, {"cd-0": 1000, "cd-1": 5, "cd-2": 5}, **waiting())
    with workplace.start("run", manifest) as process:
        wait_for(process.stderr, "wave_following")
        process.send_signal(signal.SIGINT)
        process.communicate()
    platform.set_state("cd-0", "Paused", sending_since=None, messages_sent=7)
    done = workplace.run("run", manifest)

    assert process.returncode == 130
    assert done.returncode == 12
    assert "wave canary: 0 of 1 completed, 100% are needed (1 paused; resume what is paused)" in done.stdout
    assert platform.starts == {"st-1/cd-0": 1}


def test_a_run_killed_while_it_waits_is_continued(workplace, platform):
    manifest = started(workplace, platform, {"cd-0": 100_000, "cd-1": 5, "cd-2": 5}, **waiting())
    with workplace.start("run", manifest) as process:
        wait_for(process.stderr, "follow_read")
        process.send_signal(signal.SIGKILL)
        process.communicate()
    before = dict(platform.starts)
    platform.set_state("cd-0", "Completed", sending_since=None, messages_sent=100_000)
    done = workplace.run("run", manifest, "--json")
    canary = json.loads(done.stdout)["campaigns"][0]

    assert before == {"st-1/cd-0": 1}
    assert done.returncode == 0, done.stderr
    assert (canary["delivery"]["sent"], canary["delivery"]["recipients"]) == (100_000, 100_000)
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1, "st-1/cd-2": 1}


def test_a_fleet_refuses_a_wave_that_waits_for_deliveries(workplace, platform):
    manifest = started(workplace, platform, ledger="postgresql://nowhere.invalid/x", **waiting())
    done = workplace.run("run", manifest, "--fleet", "--yes")

    assert done.returncode == 4
    assert "wave canary waits for deliveries (pass: completed or sent)" in done.stderr
    assert "next: run without --fleet" in done.stderr
