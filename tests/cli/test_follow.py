"""`follow` and `run --follow`, with real processes and a platform on loopback."""

import json
import signal

import pytest

from orchestrator.core.delivery.delivery import deliveries
from orchestrator.core.delivery.readings import FOLLOW
from orchestrator.ledger.store import Store
from tests.cli.test_control import wait_for

RECIPIENTS = {"cd-0": 2, "cd-1": 3, "cd-2": 3}
"""At one message a second each."""
ENDLESS = dict.fromkeys(RECIPIENTS, 100_000)
"""What is sent until a test says that it is `completed`."""


def started(workplace, platform, recipients=RECIPIENTS, **changes):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials(), **changes)
    for campaign, number in recipients.items():
        platform.set_state(campaign, "Ready", recipients=number)
    return manifest


def completed(platform, recipients):
    """All has been sent of these campaigns."""
    for campaign, number in recipients.items():
        platform.set_state(campaign, "Completed", recipients=number, sending_since=None, messages_sent=number)


def records(workplace):
    store = Store.open(f"sqlite:///{workplace.path}/.orchestrator/ledger.db", create=False)
    try:
        return store.read("spring")
    finally:
        store.close()


def test_a_launch_is_followed_until_all_is_sent(workplace, platform):
    workplace.run("run", started(workplace, platform))
    done = workplace.run("follow", "spring", "--every", "1s", "--json")
    printed = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert printed["totals"]["completed"] == 3
    assert {key: one["sent"] for key, one in printed["campaigns"].items()} == {
        "st-1/cd-0": 2, "st-1/cd-1": 3, "st-1/cd-2": 3,
    }  # fmt: skip
    assert (printed["sent"], printed["recipients"]) == (8, 8)
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1, "st-1/cd-2": 1}


def test_a_share_of_known_recipients_is_enough(workplace, platform):
    workplace.run("run", started(workplace, platform, {"cd-0": 0, "cd-1": 0, "cd-2": 100}))
    done = workplace.run("follow", "spring", "--every", "1s", "--until", "sent:2%", "--json")
    last = json.loads(done.stdout)["campaigns"]["st-1/cd-2"]

    assert done.returncode == 0, done.stderr
    assert (last["state"], last["recipients"]) == ("active", 100)
    assert last["sent"] >= 2


def test_14_where_one_was_stopped_or_the_time_is_up(workplace, platform):
    workplace.run("run", started(workplace, platform, {"cd-0": 1, "cd-1": 1, "cd-2": 100_000}))
    late = workplace.run("follow", "spring", "--every", "1s", "--timeout", "1s")
    platform.set_state("cd-2", "Paused", sending_since=None, messages_sent=7)
    paused = workplace.run("follow", "spring", "--every", "1s")

    assert (late.returncode, paused.returncode) == (14, 14)
    assert "the time was up" in late.stdout
    assert "st-1/cd-2: paused, 7 of 100,000 sent" in paused.stdout
    assert "next: python -m orchestrator follow spring" in paused.stdout


def test_a_killed_follower_is_gone_on_with_from_its_journal(workplace, platform):
    workplace.run("run", started(workplace, platform, ENDLESS | {"cd-0": 2}))
    with workplace.start("follow", "spring", "--every", "1s") as process:
        wait_for(process.stderr, "delivery_ended")
        process.send_signal(signal.SIGKILL)
        process.communicate()
    completed(platform, {"cd-1": 7, "cd-2": 7})
    known = deliveries(records(workplace))
    done = workplace.run("follow", "spring", "--every", "1s", "--json")

    assert known["st-1/cd-0"].sent == 2
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sent"] == 16
    # What the killed process read is in the journal, and what came after it follows.
    readers = [record.run_id for record in records(workplace) if record.kind == FOLLOW]
    assert len(set(readers)) == 2
    assert readers == sorted(readers, key=readers.index)


def test_ctrl_c_ends_it_with_its_code(workplace, platform):
    workplace.run("run", started(workplace, platform, ENDLESS))
    with workplace.start("follow", "spring", "--every", "1s") as process:
        wait_for(process.stderr, "follow_read")
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate()

    assert process.returncode == 130
    assert "stopped early: SIGINT received" in printed


def test_a_run_begins_while_its_account_is_followed(workplace, platform):
    manifest = started(workplace, platform, ENDLESS)
    workplace.run("run", manifest, "--exclude", "campaign:cd-2")
    with workplace.start("follow", "spring", "--every", "1s") as process:
        wait_for(process.stderr, "follow_read")
        runs = [workplace.run("run", manifest) for _ in range(5)]
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert [done.returncode for done in runs] == [0] * 5, runs
    assert platform.starts["st-1/cd-2"] == 1


def test_what_is_started_meanwhile_is_followed_too(workplace, platform):
    manifest = started(workplace, platform, ENDLESS | {"cd-1": 6, "cd-2": 6})
    workplace.run("run", manifest, "--select", "campaign:cd-0")
    with workplace.start("follow", "spring", "--every", "1s", "--json") as process:
        wait_for(process.stderr, "follow_read")
        workplace.run("run", manifest)
        completed(platform, {"cd-0": 4})
        printed, _ = process.communicate()

    assert process.returncode == 0
    assert {key: one["sent"] for key, one in json.loads(printed)["campaigns"].items()} == {
        "st-1/cd-0": 4, "st-1/cd-1": 6, "st-1/cd-2": 6,
    }  # fmt: skip


def test_what_is_started_meanwhile_waits_for_no_other(workplace, platform):
    manifest = started(workplace, platform, ENDLESS)
    workplace.run("run", manifest, "--select", "campaign:cd-0")
    with workplace.start("follow", "spring", "--every", "1s") as process:
        wait_for(process.stderr, "follow_read")
        workplace.run("run", manifest)
        wait_for(process.stderr, "campaigns=3 unread=0")
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert {str(one.state) for one in deliveries(records(workplace)).values()} == {"active"}
    assert len(deliveries(records(workplace))) == 3


def test_a_person_decides_while_the_launch_is_followed(workplace, platform):
    workplace.run("run", started(workplace, platform, ENDLESS))
    with workplace.start("follow", "spring", "--every", "1s") as process:
        wait_for(process.stderr, "follow_read")
        said = [
            workplace.run(*command).returncode
            for command in (("abort", "spring", "--reason", "x"), ("unpause", "spring", "--reason", "y")) * 3
        ]
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert said == [0] * 6


def test_a_run_follows_what_it_has_started(workplace, platform):
    done = workplace.run("run", started(workplace, platform, dict.fromkeys(RECIPIENTS, 0)), "--follow", "--json")
    printed = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert printed["followed"]["totals"]["completed"] == 3
    assert printed["delivery"]["states"]["completed"] == workplace.result()["delivery"]["states"]["completed"] == 3
    assert printed["run"]["exit_code"] == 0


def test_a_run_whose_campaign_is_paused_ends_with_14(workplace, platform):
    manifest = started(workplace, platform, dict.fromkeys(RECIPIENTS, 0))
    workplace.run("run", manifest)
    platform.set_state("cd-0", "Paused", sending_since=None)
    paused = workplace.run("run", manifest, "--follow", "--json")
    printed = json.loads(paused.stdout)

    assert (paused.returncode, printed["exit_code"], printed["run"]["exit_code"]) == (14, 14, 0)
    assert printed["followed"]["missed"] == ["st-1/cd-0"]


def test_what_was_sent_before_a_stop_is_kept(workplace, platform):
    workplace.run("run", started(workplace, platform, ENDLESS))
    workplace.run("follow", "spring", "--every", "1s", "--timeout", "2s")
    workplace.run("stop-started", "spring", "--reason", "wrong list")
    before = deliveries(records(workplace))
    done = workplace.run("follow", "spring", "--every", "1s", "--json")
    printed = json.loads(done.stdout)["campaigns"]

    assert done.returncode == 14
    assert {str(one.state) for one in before.values()} == {"stopped"}
    assert all(one.sent >= 2 for one in before.values())
    assert {key: one["sent"] for key, one in printed.items()} == {key: one.sent for key, one in before.items()}


def test_history_and_why_tell_what_was_read(workplace, platform):
    workplace.run("run", started(workplace, platform, ENDLESS))
    workplace.run("follow", "spring", "--every", "1s", "--timeout", "1s")
    completed(platform, RECIPIENTS)
    workplace.run("follow", "spring", "--every", "1s")
    history = workplace.run("history", "spring").stdout
    why = workplace.run("why", "spring", "st-1/cd-1").stdout
    listed = workplace.run("list")

    assert "read what had been sent (" in history
    assert "the platform lists it as Active, with " in why
    assert "the platform lists it as Completed, with 3 messages sent" in why
    assert listed.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("follow", "autumn"), 5, "no launch autumn"),
        (("follow", "spring", "--every", "0s"), 2, "not a duration"),
        (("follow", "spring", "--until", "sent:120%"), 2, "neither completed nor a share"),
        (("run", "launch.yaml", "--fleet", "--follow"), 2, "--follow does not work with --fleet"),
    ],
)
def test_what_cannot_be_followed_is_refused(workplace, platform, arguments, code, words):
    workplace.run("run", started(workplace, platform))
    done = workplace.run(*arguments)

    assert done.returncode == code
    assert words in done.stderr


def test_a_launch_that_started_nothing_cannot_be_followed(workplace, platform):
    workplace.run("plan", started(workplace, platform))
    done = workplace.run("follow", "spring")

    assert done.returncode == 5
    assert "it started nothing" in done.stderr
