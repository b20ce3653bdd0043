"""Windows, waves and rules from the command line."""

import json
import sys
from datetime import UTC, datetime, timedelta

CLOSED = {"zones": ["UTC"], "hours": "00:00-24:00",
          "except": [str((datetime.now(UTC) + timedelta(days=n)).date()) for n in range(-1, 3)]}  # fmt: skip


def test_no_wait_holds_what_is_closed_with_12_and_its_opening(workplace, platform):
    campaigns = [{"stream": "st-1", "campaign": "cd-0"}, {"stream": "st-1", "campaign": "cd-1", "window": "closed"}]
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials(), campaigns=campaigns,
                                  windows={"closed": CLOSED}, windows_wait="168h")  # fmt: skip
    done = workplace.run("run", manifest, "--no-wait")

    assert done.returncode == 12, done.stderr
    assert platform.starts == {"st-1/cd-0": 1}
    held = next(c for c in workplace.result()["campaigns"] if c["outcome"] == "held")
    assert held["message"].startswith("window closed is closed until ")
    assert held["next"] == "python -m orchestrator run launch.yaml"


def test_a_command_between_waves_can_hold_the_rest(workplace, platform):
    (workplace.path / "check.py").write_text("import sys; sys.exit('too many opted out')", encoding="utf-8")
    waves = [{"name": "canary", "campaigns": ["st-1/cd-0"], "pass": {"command": [sys.executable, "check.py"]}}]
    done = workplace.run(
        "run", workplace.manifest(host=platform.start(), accounts=workplace.credentials(), waves=waves)
    )

    assert done.returncode == 12, done.stderr
    assert platform.starts == {"st-1/cd-0": 1}
    assert "its check failed" in done.stdout
    assert "(too many opted out)" in done.stdout
    assert [wave["passed"] for wave in workplace.result()["waves"]] == [False]


def test_validate_and_plan_say_what_every_rule_means(workplace):
    manifest = workplace.manifest(
        stop_when={"failed": "20%", "per_account": {"unknown": 2}},
        windows={"day": {"zones": ["America/New_York"], "hours": "09:00-20:00", "last_start": "30m"}},
        waves=[{"name": "canary", "campaigns": ["st-1/cd-0"], "bake": "10m", "pass": {"started": "100%"}}],
    )
    expected = [
        "wave canary: the next one opens when 100% are started and 10 min after the last of them",
        "the run stops when 20% of at least 10 attempted failed",
        "an account stops when 2 are unknown there",
    ]
    for command in ("validate", "plan"):
        said = workplace.run(command, manifest).stdout
        assert all(f"rule: {text}" in said for text in expected), said
        assert "rule: window day: starts leave 09:00-20:00" in said
        assert set(expected) <= set(json.loads(workplace.run(command, manifest, "--json").stdout)["rules"])


def test_plan_details_compares_calling_hours_for_a_call_each(workplace, platform):
    manifest = workplace.manifest(
        host=platform.start(), accounts=workplace.credentials(), defaults={"account": "acme", "window": "always"},
        windows={"always": {"zones": ["UTC"], "hours": "00:00-24:00"}},
    )  # fmt: skip
    hours = {"frequency": "WEEKLY", "timezone": "Asia/Kolkata",
             "days": [{"day": "MO", "start": "9:00 AM", "end": "6:00 PM"}]}  # fmt: skip
    platform.set_state("cd-1", "Ready", calling_hours=hours)
    without = workplace.run("plan", manifest)
    calls = platform.calls
    done = workplace.run("plan", manifest, "--details")

    assert "Asia/Kolkata" not in without.stdout
    assert platform.calls - calls == calls + 3
    assert "warning: st-1/cd-1: window always is open at" in done.stdout
    assert "(mon 09:00-18:00 Asia/Kolkata)" in done.stdout
    assert platform.starts == {}


def test_preflight_hours_puts_the_same_warning_into_the_report(workplace, platform):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials(), preflight={"hours": True})
    hours = {"timezone": "UTC", "days": [{"day": "monday", "start": "soon", "end": "later"}]}
    platform.set_state("cd-1", "Ready", calling_hours=hours)
    done = workplace.run("run", manifest)

    assert done.returncode == 0, done.stderr
    assert [text.partition(":")[0] for text in workplace.result()["warnings"]] == ["st-1/cd-1"]


def test_a_rehearsal_waits_for_windows_and_bakes_in_virtual_time(workplace):
    campaigns = [{"stream": "st-1", "campaign": "cd-0", "tags": ["canary"]},
                 {"stream": "st-1", "campaign": "cd-1", "window": "day"}]  # fmt: skip
    waves = [{"name": "canary", "tags": ["canary"], "bake": "10m", "pass": {"started": "100%", "command": ["false"]}}]
    manifest = workplace.manifest(
        campaigns=campaigns, waves=waves, windows={"day": {"zones": ["America/New_York"], "hours": "09:00-20:00"}}
    )
    at = ("--at", "2026-03-08T11:30:00Z", "--json")  # 07:30 there, on the day the clocks were set
    waits = json.loads(workplace.run("rehearse", manifest, *at).stdout)
    holds = json.loads(workplace.run("rehearse", manifest, *at, "--no-wait").stdout)

    assert waits["exit_codes"] == {"0": 1}
    assert 5400 <= waits["seconds"]["median"] < 5410
    assert [c["sent_at"][11:16] for c in waits["first"]["campaigns"]] == ["11:30", "13:00"]
    assert holds["exit_codes"] == {"12": 1}
