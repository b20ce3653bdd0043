"""`--at`, `not_before` and `not_after` with the real command: processes that wait, die, and are stopped."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest

LATER = "2037-12-01T09:00:00Z"
SOON = 8  # seconds: on a quiet machine enough for two processes to begin to wait


def from_now(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def waits(process):
    """Read stderr until the process waits; what it said."""
    said = []
    for line in process.stderr:
        said.append(line)
        if "waits until" in line:
            return "".join(said)
    raise AssertionError(f"it does not wait: {''.join(said)}")


def host_of(workplace, manifest):
    return json.loads((workplace.path / manifest).read_text(encoding="utf-8"))["host"]


@pytest.fixture
def launch(workplace, platform):
    """A manifest for a platform that outlives the runs."""
    return workplace.manifest(host=platform.start(), accounts=workplace.credentials())


@pytest.fixture
def soon(workplace, launch):
    """A time that is near, and yet far enough for the machine as fast as it is today."""
    workplace.run("--version")  # the first command of all waits for what forks them
    begun = time.monotonic()
    workplace.run("plan", launch)
    return from_now(max(SOON, 8 * (time.monotonic() - begun)))


def test_a_host_that_dies_while_waiting_is_replaced(workplace, platform, launch, soon):
    with workplace.start("run", launch, "--at", soon) as first:
        said = waits(first)
        assert "start_waiting" in first.stderr.readline()
        assert "nothing is started, and no account is held" in said
        assert platform.starts == {}
        first.kill()
        first.communicate()
    seen = workplace.run("status")
    second = workplace.run("run", launch, "--at", soon)

    assert second.returncode == 0, second.stderr
    assert "is gone: pid " in seen.stdout
    assert "is gone" not in workplace.run("status").stdout
    assert platform.starts == {f"st-1/cd-{n}": 1 for n in range(3)}
    begun = datetime.fromisoformat(min(c["sent_at"] for c in workplace.result()["campaigns"]))
    assert begun >= datetime.fromisoformat(soon)


def test_of_two_hosts_that_wait_at_once_only_one_sends(workplace, platform, launch, soon):
    with workplace.start("run", launch, "--at", soon) as first:
        waits(first)
        with workplace.start("run", launch, "--at", soon) as second:
            second.communicate()
        first.communicate()

    assert sorted([first.returncode, second.returncode]) in ([0, 0], [0, 6])
    assert platform.starts == {f"st-1/cd-{n}": 1 for n in range(3)}


def test_an_account_is_free_for_others_while_a_run_waits(workplace, platform, launch):
    host = host_of(workplace, launch)
    other = workplace.manifest("other.yaml", launch="summer", host=host, accounts=workplace.credentials())
    with workplace.start("run", launch, "--at", LATER) as waiting:
        waits(waiting)
        done = workplace.run("run", other)
        waiting.send_signal(signal.SIGTERM)
        waiting.communicate()

    assert done.returncode == 0, done.stderr
    assert sum(platform.starts.values()) == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_with_nothing_sent(workplace, platform, launch, number, code):
    with workplace.start("run", launch, "--at", LATER) as process:
        said = waits(process)
        process.send_signal(number)
        _, err = process.communicate()

    assert "waits until Tue 2037-12-01 09:00 UTC, " in said
    assert process.returncode == code
    assert "no start was sent" in err
    assert platform.starts == {}


def test_an_abort_ends_the_wait_with_nothing_sent(workplace, platform, launch):
    with workplace.start("run", launch, "--at", LATER) as process:
        waits(process)
        workplace.run("abort", "spring", "--reason", "wrong text")
        _, err = process.communicate()

    assert process.returncode == 4, err
    assert "wrong text" in err
    assert platform.starts == {}


def test_people_see_a_run_that_waits_and_what_they_do_to_it(workplace, platform, launch):
    with workplace.start("run", launch, "--at", LATER) as process:
        while "start_waiting" not in process.stderr.readline():
            assert process.poll() is None
        status, history, listed = (workplace.run(*words) for words in (("status",), ("history", "spring"), ("list",)))
        data = json.loads(workplace.run("status", "--json").stdout)
        paused = workplace.run("pause", "spring", "--reason", "wrong list")
        held = workplace.run("status")
        aborted = workplace.run("abort", "spring", "--reason", "wrong list")
        process.communicate()
    after = workplace.run("status")

    line = "a run waits until Tue 2037-12-01 09:00 UTC"
    assert status.stdout.startswith(f"launch spring: no run yet\n{line}, ")
    assert f"pid {process.pid} on " in status.stdout
    assert (status.returncode, data["run"], data["waits"][0]["until"]) == (0, None, "2037-12-01T09:00:00.000Z")
    assert line in history.stdout
    assert line in " ".join(listed.stdout.split())
    assert "it keeps waiting, and starts nothing until the launch is unpaused" in paused.stdout
    assert "the launch is paused by " in held.stdout
    assert "it ends within a few seconds, with nothing sent" in aborted.stdout
    assert after.stdout.startswith("launch spring: no run yet\nthe launch is aborted by ")
    assert platform.starts == {}


def test_what_was_not_startable_when_the_wait_began_is_held(workplace, platform, launch, soon):
    platform.set_state("cd-1", "Paused")
    with workplace.start("run", launch, "--at", soon) as process:
        waits(process)
        platform.set_state("cd-1", "Ready")
        platform.set_state("cd-2", "Ready", instance_id="cid-new")
        process.communicate()

    assert process.returncode == 12
    told = {c["campaign"]: (c["outcome"], c["reason"], c["message"]) for c in workplace.result()["campaigns"]}
    assert told["cd-0"][0] == "started"
    assert told["cd-1"][:2] == told["cd-2"][:2] == ("held", "changed")
    assert told["cd-1"][2].startswith("it could not be started when the wait began (its state is 'Paused'")
    assert told["cd-2"][2] == "it was changed while it waited: it ran"
    assert platform.starts == {"st-1/cd-0": 1}


def test_the_manifests_not_before_is_waited_for_and_then_passed(workplace, platform, launch, soon):
    workplace.manifest(host=host_of(workplace, launch), accounts=workplace.credentials(), not_before=soon)
    with workplace.start("run", launch) as process:
        waits(process)
        process.communicate()
    again = workplace.run("run", launch)

    assert process.returncode == again.returncode == 0
    assert "waits until" not in again.stderr
    assert sum(platform.starts.values()) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--at", "2026-03-08T02:30", "--zone", "America/New_York"), "does not exist in America/New_York"),
        (("--at", "2026-11-01T01:30", "--zone", "America/New_York"), "2026-11-01T01:30:00-05:00 (06:30 UTC)"),
        (("--at", "2026-11-01T01:30"), "has no time zone; write --at 2026-12-01T09:00 --zone"),
        (("--zone", "America/New_York"), "--zone is for --at"),
        (("--at", "2026-01-01T09:00", "--zone", "EST"), "write America/New_York"),
    ],
)
def test_a_time_that_names_no_instant_is_a_usage_error(workplace, options, said):
    done = workplace.run("run", workplace.manifest(), *options)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_a_time_of_more_than_a_minute_ago_is_refused(workplace):
    done = workplace.run("run", workplace.manifest(), "--at", "2026-01-01T09:00", "--zone", "America/New_York")
    assert done.returncode == 2
    assert "--at Thu 2026-01-01 09:00 New York time (14:00 UTC) was " in done.stderr
    assert "leave --at out to start at once" in done.stderr
    assert workplace.run("run", "launch.yaml", "--at", from_now(-30)).returncode == 0


def test_after_not_after_a_run_is_refused(workplace):
    manifest = workplace.manifest(not_after="2026-01-01T09:00:00Z")
    done = workplace.run("run", manifest)
    assert done.returncode == 4
    assert "not_after is Thu 2026-01-01 09:00 UTC" in done.stderr
    late = workplace.run("run", workplace.manifest(not_after="2036-01-01T09:00:00Z"), "--at", LATER)
    assert late.returncode == 4
    assert "no start was sent" in late.stderr


def test_a_plan_shows_when_each_campaign_starts(workplace):
    manifest = workplace.manifest(not_before={"at": "2037-12-01T09:00", "zone": "America/New_York"})
    done = workplace.run("plan", manifest, "-o", "plan.json")
    document = json.loads((workplace.path / "plan.json").read_text(encoding="utf-8"))
    assert document["begins_at"] == "2037-12-01T14:00:00.000Z"
    assert [c["starts_at"][:19] for c in document["campaigns"]] == ["2037-12-01T14:00:00"] * 3
    assert document["identity"]["not_before"] == "2037-12-01T14:00:00Z"
    assert done.stdout.count("start   2037-12-01T14:00:00Z") == 3
    assert "a run waits until Tue 2037-12-01 09:00 New York time (14:00 UTC)" in done.stdout
    at = workplace.run("plan", manifest, "--at", "2037-12-02T09:00Z", "--json")
    assert json.loads(at.stdout)["begins_at"] == "2037-12-02T09:00:00.000Z"


def test_an_approval_too_old_at_the_start_is_refused_at_once(workplace):
    manifest = workplace.manifest(approval="plan")
    plan = json.loads(workplace.run("plan", manifest, "--json").stdout)
    begun = time.monotonic()
    done = workplace.run("run", manifest, "--approve", plan["plan_sha256"], "--at", from_now(25 * 3600))
    assert done.returncode == 4
    assert "old when it is run, and good for 24 h" in done.stderr
    assert time.monotonic() - begun < 60
