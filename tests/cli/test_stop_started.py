import json
import time

from tests.cli.test_control import CANARY, six, wait_for
from tests.cli.test_terminal import at_terminal


def test_exactly_what_the_launch_started_is_stopped_once(workplace, platform):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials())
    workplace.run("run", manifest, "--exclude", "campaign:cd-2")
    first = workplace.run("stop-started", "spring", "--reason", "wrong list")
    calls = platform.calls
    second = workplace.run("stop-started", "spring", "--reason", "again", "--json")
    status = workplace.run("status")

    assert first.returncode == 0, first.stderr
    assert "MESSAGES ALREADY SENT STAY SENT" in first.stderr
    assert "2 stopped, 0 not confirmed; messages already sent stay sent" in first.stdout
    assert [platform.state(c) for c in ("cd-0", "cd-1", "cd-2")] == ["Stopped", "Stopped", "Ready"]
    assert json.loads(second.stdout)["stopped_before"] == ["st-1/cd-0", "st-1/cd-1"]
    assert platform.calls == calls
    assert "2 campaigns were stopped since" in status.stdout


def test_a_run_that_goes_on_must_be_aborted_first(workplace, platform):
    manifest = six(workplace, platform, waves=CANARY)
    with workplace.start("run", manifest) as process:
        wait_for(process.stderr, "wave_closed")
        refused = workplace.run("stop-started", "spring", "--reason", "wrong list")
        workplace.run("abort", "spring", "--reason", "wrong list")
        process.communicate()
    done = workplace.run("stop-started", "spring", "--reason", "wrong list", "--json")

    assert refused.returncode == 6
    assert "abort spring" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)["stopped"]) == sorted(platform.starts)


def test_11_when_state_is_unknown_and_4_for_another_manifest(workplace, platform):
    url = platform.start(scripted={"st-1/cd-1": ["reset_before"]})
    changes = {"host": url, "accounts": workplace.credentials()}
    workplace.run("run", workplace.manifest(**changes))
    done = workplace.run("stop-started", "spring", "--reason", "x")
    other = workplace.manifest("other.yaml", launch="autumn", **changes)
    wrong = workplace.run("stop-started", "spring", "--reason", "x", "--manifest", other)

    assert done.returncode == 11
    assert "may run      st-1/cd-1" in done.stdout
    assert wrong.returncode == 4


def test_a_limit_of_hours_does_not_hold_up_a_stop(workplace, platform):
    streams = ("st-1", "st-2")
    manifest = workplace.manifest(
        host=platform.start(("cd-0",), streams=streams), accounts=workplace.credentials(),
        campaigns=[{"stream": stream, "campaign": "cd-0"} for stream in streams],
    )  # fmt: skip
    workplace.run("run", manifest)
    platform.limit(1, 3600.0)
    begun = time.monotonic()
    done = workplace.run("stop-started", "spring", "--reason", "wrong list")

    assert done.returncode == 10, done.stderr
    assert "the platform limits the account for longer" in done.stderr
    assert time.monotonic() - begun < 30


def test_at_a_terminal_the_launch_is_typed_before_a_stop(workplace, platform):
    workplace.run("run", workplace.manifest(host=platform.start(), accounts=workplace.credentials()))
    command = ("stop-started", "spring", "--reason", "wrong list")
    code, shown = at_terminal(workplace, *command, answer="summer")
    before = [platform.state(one) for one in ("cd-0", "cd-1", "cd-2")]
    agreed, _ = at_terminal(workplace, *command, answer="spring")

    assert (code, agreed) == (4, 0)
    assert "3 campaigns that launch spring started will be stopped:" in shown
    assert "  3  account acme (67777ce93e25326494e90001)" in shown
    assert "Stopped" not in before
    assert [platform.state(one) for one in ("cd-0", "cd-1", "cd-2")] == ["Stopped"] * 3
