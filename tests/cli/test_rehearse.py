"""`rehearse`, as the real command: what it writes, and what its forecast takes for granted."""

import json

import pytest

from docs.generator.faults import MEANINGS
from orchestrator.sandbox.faults import Fault


def test_a_rehearsal_leaves_the_reports_of_the_run_alone(workplace):
    manifest = workplace.manifest()
    workplace.run("run", manifest)
    before = (workplace.path / "reports" / "spring" / "result.json").read_bytes()
    done = workplace.run("rehearse", manifest, "--dir", "reports", "--faults", "nasty", "--seed", "7", "--json")
    rehearsed = workplace.path / "reports" / "spring" / "rehearsal" / "result.json"

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["first"]["run"]["rehearsal"] == {"faults": "nasty", "seed": 7}
    assert json.loads(rehearsed.read_text(encoding="utf-8"))["run"]["rehearsal"] == {"faults": "nasty", "seed": 7}
    assert (workplace.path / "reports" / "spring" / "result.json").read_bytes() == before
    assert json.loads(before)["run"]["rehearsal"] is None


@pytest.mark.parametrize(
    ("faults", "assumed"),
    [
        ("none", "half of the answers within 0.05 s, a fault in 0 % of first attempts"),
        ("realistic", "half of the answers within 0.25 s, a fault in 5.7 % of first attempts"),
        ("calm", "half of the answers within 0.15 s, a fault in 20 % of first attempts"),
    ],
)
def test_a_forecast_names_what_it_assumes(workplace, faults, assumed):
    manifest = workplace.manifest(host="https://kore.example", accounts=workplace.credentials())
    out = workplace.run("rehearse", manifest, "--faults", faults).stdout

    assert out.startswith("Rehearsal: nothing was sent\nlaunch spring, run r-rehearsal-1: ")
    assert f"\nassumed: {assumed}, 3,600 recipients a campaign\n" in out


def test_a_rehearsal_forecasts_the_end_of_texting(workplace):
    account = {"acme": {"account_id": "67777ce93e25326494e90001", "messages_per_minute": 120}}
    manifest = workplace.manifest(accounts=account, sandbox={"faults": "none"})
    command = ("rehearse", manifest, "--at", "2026-03-02T15:00:00Z")
    told = workplace.run(*command).stdout
    ends_at = json.loads(workplace.run(*command, "--json").stdout)["texting"]["ends_at"]

    # 3 campaigns of 3,600 people at 2 a second.
    assert "\ntexting ends about 16:30 UTC\n" in told
    assert ends_at.startswith("2026-03-02T16:30:0")


def test_a_rehearsal_waits_for_what_a_wave_asks(workplace):
    waves = [{"name": "canary", "campaigns": ["st-1/cd-0"], "pass": {"completed": "100%"}}]
    manifest = workplace.manifest(waves=waves, sandbox={"faults": "none"})
    told = json.loads(workplace.run("rehearse", manifest, "--json").stdout)

    # Its 3,600 people get a message a second; a round of reading is a minute.
    assert 3600 <= told["seconds"]["median"] <= 3720
    assert told["first"]["campaigns"][0]["delivery"]["state"] == "completed"


def test_a_run_in_the_sandbox_says_so(workplace):
    lines = workplace.run("run", workplace.manifest()).stdout.splitlines()

    assert lines[0].startswith("launch spring, run ")
    assert lines[1] == "Sandbox: nothing was sent"


def test_the_page_explains_every_fault():
    assert set(MEANINGS) == set(Fault)


def test_a_rehearsal_begins_when_the_manifest_lets_it(workplace):
    opens, closes = "2037-12-01T14:00:00Z", "2037-12-01T14:00:30Z"
    manifest = workplace.manifest(not_before=opens, not_after=closes,
                                  accounts={"acme": {"account_id": "a1", "rate": ["2/20s"]}})  # fmt: skip
    done = workplace.run("rehearse", manifest, "--faults", "none", "--json")
    first = json.loads(done.stdout)["first"]

    assert first["run"]["started_at"][:19] == "2037-12-01T14:00:00"
    assert [c["outcome"] for c in first["campaigns"]] == ["started", "started", "held"]
    late = workplace.run("rehearse", manifest, "--at", closes)
    assert late.returncode == 4
    assert "not_after is Tue 2037-12-01 14:00:30 UTC" in late.stderr
