"""What is printed as `next:` is carried out as it stands: it never ends in an error, and leads on."""

import json
import re
import shlex
import signal

import pytest

CANARY = {"name": "canary", "campaigns": ["st-1/cd-0"]}


def steps(done):
    """The commands that a result or an error advises, in their order; what only words say is left out."""
    lines = re.findall(r"^ *(?:next|then): (python -m orchestrator .*)$", done.stdout + done.stderr, re.MULTILINE)
    return list(dict.fromkeys(lines))


def carry_out(workplace, command):
    """Run a command as it was printed; where it asks for a reason, with one."""
    words = shlex.split(command)[3:]
    return workplace.run(*words, *(["because"] if words[-1] == "--reason" else []))


def until(workplace, manifest, words, *act):
    """A run of the manifest in which somebody acts once its log has the words."""
    with workplace.start("run", manifest) as process:
        while words not in process.stderr.readline():
            assert process.poll() is None
        for one in act:
            one(process)
        process.communicate(timeout=60)
    return workplace.run("status")


def ready(workplace, platform, **changes):
    return workplace.manifest(host=platform.start(), accounts=workplace.credentials(), **changes)


def rejected(workplace, platform):
    manifest = ready(workplace, platform)
    platform.refuse("cd-0", times=1)
    return workplace.run("run", manifest)


def a_canary_that_failed(workplace, platform):
    manifest = ready(workplace, platform, waves=[{**CANARY, "pass": {"started": "100%"}}, {"name": "rest"}])
    platform.refuse("cd-0", times=1)
    return workplace.run("run", manifest)


def held_behind_a_canary_that_failed(workplace, platform):
    """The advice about those that are held, which comes second."""
    done = a_canary_that_failed(workplace, platform)
    held = next(one for one in workplace.result()["campaigns"] if one["outcome"] == "held")
    done.stdout, done.stderr = f"next: {held['next']}\n", ""
    return done


def a_check_that_failed_once(workplace, platform):
    (workplace.path / "look.sh").write_text("#!/bin/sh\nmkdir seen || exit 0\nexit 1\n", encoding="utf-8")
    (workplace.path / "look.sh").chmod(0o700)
    return workplace.run(
        "run", ready(workplace, platform, waves=[{**CANARY, "pass": {"command": ["./look.sh"]}}, {"name": "rest"}])
    )


def a_rule_that_stopped_it(workplace, platform):
    manifest = ready(workplace, platform, stop_when={"failed": 1})
    platform.refuse("cd-0", times=1)
    return workplace.run("run", manifest)


def a_plan_that_nobody_approved(workplace, platform):
    return workplace.run("run", ready(workplace, platform, approval="plan"))


def a_selection_that_nobody_approved(workplace, platform):
    return workplace.run("run", ready(workplace, platform, approval="plan"), "--select", "campaign:cd-1")


def an_approved_plan_of_which_one_failed(workplace, platform):
    manifest = ready(workplace, platform, approval="plan")
    platform.refuse("cd-0", times=1)
    plan = json.loads(workplace.run("plan", manifest, "--json").stdout)
    return workplace.run("run", manifest, "--approve", plan["plan_sha256"])


def aborted_while_it_baked(workplace, platform):
    manifest = ready(workplace, platform, waves=[{**CANARY, "bake": "1h"}, {"name": "rest"}])
    return until(
        workplace, manifest, "wave_baking", lambda _: workplace.run("abort", "spring", "--reason", "wrong text")
    )


def aborted_before_a_run(workplace, platform):
    manifest = ready(workplace, platform)
    workplace.run("plan", manifest)
    workplace.run("abort", "spring", "--reason", "wrong text")
    return workplace.run("run", manifest)


def paused_and_interrupted(workplace, platform):
    manifest = ready(workplace, platform)
    workplace.run("plan", manifest)
    workplace.run("pause", "spring", "--reason", "wrong text")
    return until(workplace, manifest, "paused", lambda process: process.send_signal(signal.SIGINT))


def a_list_that_a_refused_start_left_free(workplace, platform):
    manifest = ready(workplace, platform)
    for number in range(2):
        platform.set_state(f"cd-{number}", "Ready", contact_lists=("east",))
    platform.refuse("cd-0")
    return workplace.run("run", manifest, "--exclude", "campaign:cd-2")


def a_selection_that_matches_nothing(workplace, platform):
    return workplace.run("run", ready(workplace, platform), "--select", "campaign:zz")


def a_plan_that_was_used(workplace, platform):
    manifest = ready(workplace, platform)
    workplace.run("plan", manifest, "-o", "plan.json")
    workplace.run("run", manifest, "--plan", "plan.json")
    return workplace.run("run", manifest, "--plan", "plan.json")


def nothing_to_release(workplace, platform):
    workplace.run("run", ready(workplace, platform))
    return workplace.run("release", "spring", "--reason", "dead", "--yes")


def no_run_to_report(workplace, platform):
    workplace.run("plan", ready(workplace, platform))
    return workplace.run("report", "spring")


def unpaused_twice(workplace, platform):
    workplace.run("run", ready(workplace, platform))
    return workplace.run("unpause", "spring")


def a_paused_campaign_that_is_followed(workplace, platform):
    workplace.run("run", ready(workplace, platform))
    for number in range(3):
        platform.set_state(f"cd-{number}", "Paused" if number == 0 else "Completed")
    done = workplace.run("follow", "spring")
    platform.set_state("cd-0", "Completed")
    return done


STARTED = {"st-1/cd-0": 1, "st-1/cd-1": 1, "st-1/cd-2": 1}
SITUATIONS = [
    (rejected, "run launch.yaml --retry-failed", 0, STARTED),
    (a_canary_that_failed, "run launch.yaml --retry-failed", 0, STARTED),
    (held_behind_a_canary_that_failed, "run launch.yaml --retry-failed", 0, STARTED),
    (a_check_that_failed_once, "run launch.yaml", 0, STARTED),
    (a_rule_that_stopped_it, "run launch.yaml --retry-failed", 0, STARTED),
    (a_plan_that_nobody_approved, "plan launch.yaml", 0, {}),
    (a_selection_that_nobody_approved, "plan launch.yaml --select campaign:cd-1", 0, {}),
    (an_approved_plan_of_which_one_failed, "plan launch.yaml --retry-failed", 0, {"st-1/cd-1": 1, "st-1/cd-2": 1}),
    (aborted_while_it_baked, "unpause spring --reason", 0, {"st-1/cd-0": 1}),
    (aborted_before_a_run, "unpause spring --reason", 0, {}),
    (paused_and_interrupted, "unpause spring", 0, {}),
    (a_list_that_a_refused_start_left_free, "run launch.yaml --exclude campaign:cd-2", 10, {"st-1/cd-1": 1}),
    (a_selection_that_matches_nothing, "plan launch.yaml", 0, {}),
    (a_plan_that_was_used, "plan launch.yaml", 0, STARTED),
    (nothing_to_release, "list", 0, STARTED),
    (no_run_to_report, "list", 0, {}),
    (unpaused_twice, "status spring", 0, STARTED),
    (a_paused_campaign_that_is_followed, "follow spring", 0, STARTED),
]


@pytest.mark.parametrize(
    ("situation", "advised", "code", "starts"), SITUATIONS, ids=[situation.__name__ for situation, *_ in SITUATIONS]
)
def test_what_is_advised_leads_on(workplace, platform, situation, advised, *, code, starts):
    found = steps(situation(workplace, platform))
    assert f"python -m orchestrator {advised}" in found
    done = carry_out(workplace, f"python -m orchestrator {advised}")

    assert done.returncode == code, done.stdout + done.stderr
    assert platform.starts == starts


def test_the_plan_that_is_advised_can_be_approved_and_run(workplace, platform):
    (command,) = steps(an_approved_plan_of_which_one_failed(workplace, platform))
    plan = json.loads(carry_out(workplace, f"{command} --json").stdout)
    done = workplace.run("run", "launch.yaml", "--retry-failed", "--approve", plan["plan_sha256"])

    assert done.returncode == 0, done.stderr
    assert platform.starts == STARTED


def test_nobody_is_told_to_follow_what_was_stopped(workplace, platform):
    workplace.run("run", ready(workplace, platform))
    for number in range(3):
        platform.set_state(f"cd-{number}", "Stopped" if number == 0 else "Completed")
    done = workplace.run("follow", "spring")

    assert (done.returncode, steps(done)) == (14, [])
    assert "1 stopped" in done.stdout


def test_a_refused_rerun_is_told_in_words_alone(workplace, platform):
    campaign = {"stream": "st-1", "campaign": "cd-0", "rerun": True}
    manifest = ready(workplace, platform, campaigns=[campaign])
    platform.set_state("cd-0", "Completed", instance_id="cid-1")
    done = workplace.run("run", manifest)

    assert (done.returncode, steps(done)) == (8, [])
    assert "next: write the rerun: {instance: …} that plan prints; or" in done.stderr
