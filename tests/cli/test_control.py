"""Control from another shell, with the real commands."""

import json

import pytest

from orchestrator.core.journal.lease import Holder
from orchestrator.ledger.store import Store
from orchestrator.model import Lane
from tests.cli.conftest import ACCOUNT

CAMPAIGNS = tuple(f"cd-{n}" for n in range(6))


CANARY = [{"name": "canary", "campaigns": ["st-1/cd-0"], "bake": "1h"}]  # a run that stands still after one start


def six(workplace, platform, **changes):
    url = platform.start(campaigns=CAMPAIGNS)
    return workplace.manifest(
        host=url, accounts=workplace.credentials(in_flight=1),
        campaigns=[{"stream": "st-1", "campaign": c} for c in CAMPAIGNS], **changes,
    )  # fmt: skip


def wait_for(stream, word):
    for line in stream:
        if word in line:
            return line
    raise AssertionError(f"the run ended without {word}")


def test_an_abort_ends_with_12_and_refuses_runs_until_lifted(workplace, platform):
    manifest = six(workplace, platform, waves=CANARY)
    with workplace.start("run", manifest) as process:
        wait_for(process.stderr, "wave_closed")
        aborted = workplace.run("abort", "spring", "--reason", "wrong list")
        out, err = process.communicate()
    refused = workplace.run("run", manifest)
    sent_by_then = sum(platform.starts.values())
    status = json.loads(workplace.run("status", "spring", "--json").stdout)
    shown = workplace.run("status", "spring").stdout
    lifted_mute = workplace.run("unpause", "spring")
    lifted = workplace.run("unpause", "spring", "--reason", "list is right after all")
    (workplace.path / manifest).write_text((workplace.path / manifest).read_text().replace('"1h"', '"0s"'))
    again = workplace.run("run", manifest)

    assert aborted.returncode == 0, aborted.stderr
    assert process.returncode == 12, out + err
    assert "wrong list" in out
    assert "\nwaves:\n  canary: cut short (its bake was not finished)\n" in out
    assert "\n  next: python -m orchestrator unpause spring --reason\n" in out
    assert refused.returncode == 4
    assert "wrong list; no start was sent" in refused.stderr
    assert status["control"]["word"] == "abort"
    assert status["waves"][0]["verdict"] == "cut_short"
    assert "  canary: cut short (its bake was not finished)\n" in shown
    assert sent_by_then == status["totals"]["started"] == 1
    assert status["totals"]["held"] == 5
    assert lifted_mute.returncode == 4
    assert lifted.returncode == 0, lifted.stderr
    assert again.returncode == 0, again.stderr
    assert platform.starts == {f"st-1/{c}": 1 for c in CAMPAIGNS}


def test_a_paused_run_says_why_it_waits_and_resumes_at_unpause(workplace, platform):
    manifest = six(workplace, platform)
    assert workplace.run("plan", manifest).returncode == 0  # the ledger knows the launch from here on
    paused = workplace.run("pause", "spring", "--reason", "carrier is down")
    with workplace.start("run", manifest) as process:
        line = wait_for(process.stderr, "launch_paused")
        status = workplace.run("status", "spring")
        seen = json.loads(workplace.run("status", "spring", "--json").stdout)
        workplace.run("report", "spring", "--dir", "early")
        sent = dict(platform.starts)
        unpaused = workplace.run("unpause", "spring")
        out, err = process.communicate()

    assert (paused.returncode, unpaused.returncode) == (0, 0), paused.stderr + unpaused.stderr
    assert "carrier is down" in line
    assert "carrier is down" in status.stdout
    assert ": 6 waiting\n" in status.stdout
    assert (status.returncode, "next:" in status.stdout, "held" in status.stdout) == (0, False, False)
    early = json.loads((workplace.path / "early" / "spring" / "result.json").read_text(encoding="utf-8"))
    assert {(c["reason"], c["next"]) for c in early["campaigns"]} == {("waiting", None)}
    assert early["warnings"][0].startswith("the run is still going on")
    assert (seen["is_live"], seen["totals"]["waiting"], seen["totals"]["held"]) == (True, 6, 0)
    assert sent == {}
    assert process.returncode == 0, out + err
    assert platform.starts == {f"st-1/{c}": 1 for c in CAMPAIGNS}


def test_a_launch_without_a_run_is_named(workplace):
    workplace.run("plan", workplace.manifest())
    shown = workplace.run("status")

    assert shown.returncode == 5
    assert "error: launch spring has no run with a plan\n" in shown.stderr
    assert "next: python -m orchestrator list" in shown.stderr


def test_what_nobody_knows_cannot_be_controlled(workplace):
    assert workplace.run("pause", "spring", "--reason", "x").returncode == 8
    workplace.run("run", workplace.manifest())

    assert workplace.run("abort", "autumn", "--reason", "x").returncode == 5
    assert workplace.run("unpause", "spring").returncode == 4
    assert workplace.run("pause", "spring").returncode == 2


def leased_elsewhere(workplace):
    """A run on a host that this one cannot look at holds the account."""
    store = Store.open(f"sqlite:///{workplace.path}/.orchestrator/ledger.db")
    (lane,) = {Lane(record.lane) for record in store.read("spring") if record.kind == "intent"}
    # As by a clock that is ahead: on a crowded machine, half a minute may be over before a command has looked.
    store.acquire([lane], Holder("r-far", "spring", "burned-down", 4711), store.time() + 300)
    store.close()


def test_an_account_of_a_dead_run_is_released_by_a_person(workplace):
    workplace.run("run", workplace.manifest())
    free = workplace.run("release", "spring", "--reason", "x")
    leased_elsewhere(workplace)
    refused = workplace.run("run", workplace.manifest())
    released = workplace.run("release", ACCOUNT, "--reason", "the host burned down", "--json")
    again = workplace.run("release", "spring", "--reason", "x")

    assert (free.returncode, refused.returncode, again.returncode) == (4, 6, 4)
    assert "no run holds spring: there is nothing to release" in free.stderr
    assert released.returncode == 0, released.stdout
    assert json.loads(released.stdout)["released"] == [
        {"account": ACCOUNT, "run_id": "r-far", "launch": "spring", "machine": "burned-down", "pid": 4711, "fence": 2}
    ]
    assert workplace.run("run", workplace.manifest()).returncode == 0
    assert workplace.run("release", "autumn", "--reason", "x").returncode == 5


@pytest.mark.parametrize("reason", [["--reason", "TEXT"], ["--reason", " "], ["--reason"], []])
@pytest.mark.parametrize(
    "command",
    [["pause", "spring"], ["abort", "spring"], ["stop-started", "spring"], ["release", "spring"],
     ["resolve", "spring", "st-1/cd-0", "--as", "started"], ["unpause", "spring"]],
    ids=lambda words: words[0],
)  # fmt: skip
def test_what_says_nothing_is_no_reason(workplace, command, reason):
    if command[0] == "unpause" and not reason:
        return  # a pause is lifted without
    done = workplace.run(*command, *reason)

    assert done.returncode == 2
    assert "Error: --reason needs your own words" in done.stderr
    assert not (workplace.path / ".orchestrator").exists()
