"""Every exit code of design section 6 that a run can end with, from the real command."""

import json
import os
import shutil
import signal
import sqlite3
import stat

import pytest

from tests.cli.test_control import wait_for
from tests.cli.test_rules import CLOSED


def test_0_when_all_are_started_now_or_were_started_before(workplace, platform):
    url = platform.start()
    manifest = workplace.manifest(host=url, accounts=workplace.credentials())
    first, second = workplace.run("run", manifest), workplace.run("run", manifest)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1, "st-1/cd-2": 1}
    assert "3 already_started" in second.stdout


def test_0_when_the_platform_says_that_they_are_active_already(workplace, platform):
    url = platform.start()
    for campaign in ("cd-0", "cd-1", "cd-2"):
        platform.set_state(campaign, "Active")
    done = workplace.run("run", workplace.manifest(host=url, accounts=workplace.credentials()))

    assert done.returncode == 0
    assert platform.starts == {}
    assert workplace.result()["totals"]["already_started"] == 3


def test_2_for_a_usage_error(workplace):
    assert workplace.run("run", workplace.manifest(), "--select", "nonsense").returncode == 2
    assert workplace.run("run").returncode == 2
    assert workplace.run("nonsense").returncode == 2


def test_3_with_ten_faults_each_with_its_place_and_no_connection(workplace, platform):
    url = platform.start()
    (workplace.path / "bad.yaml").write_text(
        f"""version: 1
launch: "spring renewal"
host: {url}
acounts: {{}}
accounts:
  acme: {{account_id: 677770, client_id: literal-secret, client_secret: {{env: X}}, rate: [50/0s]}}
defaults: {{account: acme}}
timeouts: {{total: soon}}
stop_when: {{failed: 120%}}
campaigns:
  - {{stream: st-1, campaign: cd-1}}
  - {{stream: st-1, campaign: cd-1}}
  - {{stream: st-1, campaign: cd-2, account: acne}}
  - {{stream: st-1, campaign: cd-3, window: daytime}}
waves:
  - {{name: canary, tags: [nobody]}}
""",
        encoding="utf-8",
    )
    done = workplace.run("run", "bad.yaml")
    places = {line.split(": ")[0] for line in done.stderr.splitlines() if line.startswith("bad.yaml:")}
    lines = {int(place.split(":")[1]) for place in places}

    assert done.returncode == 3
    assert lines >= {2, 4, 6, 8, 9, 12, 13, 14, 16}
    assert len(places) >= 10
    assert "literal-secret" not in done.stdout + done.stderr
    assert platform.calls == 0


def test_4_when_preflight_fails(workplace):
    manifest = workplace.manifest(host="http://127.0.0.1:9", accounts=workplace.credentials())
    done = workplace.run("run", manifest)

    assert done.returncode == 4
    assert "no start was sent" in done.stderr


def test_4_over_the_cap_or_with_a_missing_or_stale_approval(workplace):
    capped = workplace.run("run", workplace.manifest(limits={"max_starts": 2}))
    manifest = workplace.manifest(approval="plan")
    unapproved = workplace.run("run", manifest)
    stale = workplace.run("run", manifest, "--approve", "0123456789abcdef")

    assert [capped.returncode, unapproved.returncode, stale.returncode] == [4, 4, 4]
    assert "limits.max_starts" in capped.stderr


def test_an_approved_plan_runs(workplace):
    manifest = workplace.manifest(approval="plan")
    planned = workplace.run("plan", manifest, "-o", "plan.json")
    sha = json.loads((workplace.path / "plan.json").read_text(encoding="utf-8"))["plan_sha256"]
    unapproved = workplace.run("run", manifest, "--plan", "plan.json")
    done = workplace.run("run", manifest, "--plan", "plan.json", "--approve", sha)

    assert planned.returncode == 0, planned.stderr
    assert unapproved.returncode == 4
    assert done.returncode == 0, done.stderr


def test_4_when_the_launch_belongs_to_another_host(workplace, platform):
    workplace.run("run", workplace.manifest())
    url = platform.start()
    done = workplace.run("run", workplace.manifest(host=url, accounts=workplace.credentials()))

    assert done.returncode == 4
    assert platform.calls == 0


def test_5_when_the_selection_matches_nothing(workplace):
    assert workplace.run("run", workplace.manifest(), "--select", "tag:nobody").returncode == 5


def test_6_when_another_live_run_holds_the_account(workplace, platform):
    url = platform.start(scripted={"st-1/cd-0": ["hang_before"]})
    accounts = workplace.credentials()
    slow = workplace.manifest("slow.yaml", host=url, accounts=accounts, timeouts={"total": "20s"})
    with workplace.start("run", slow) as first:
        for line in first.stderr:
            if "wave_opened" in line:
                break
        second = workplace.run("run", workplace.manifest("other.yaml", launch="other", host=url, accounts=accounts))
        first.send_signal(signal.SIGINT)
        first.send_signal(signal.SIGTERM)
        first.communicate()

    assert second.returncode == 6, second.stderr
    assert f"pid {first.pid}" in second.stderr


def test_7_when_a_credential_is_missing_before_any_call(workplace, platform):
    accounts = workplace.credentials(client_secret={"env": "NOBODY_SET_THIS"})
    done = workplace.run("run", workplace.manifest(host=platform.start(), accounts=accounts))

    assert done.returncode == 7
    assert "NOBODY_SET_THIS" in done.stderr
    assert platform.calls == 0


def test_7_when_the_platform_rejects_the_credential(workplace, platform):
    url = platform.start(secret="another-secret-" + "8" * 50)
    done = workplace.run("run", workplace.manifest(host=url, accounts=workplace.credentials()))

    assert done.returncode == 7, done.stderr
    assert platform.starts == {}


def test_8_when_the_ledger_is_damaged(workplace):
    manifest = workplace.manifest()
    workplace.run("run", manifest)
    file = workplace.path / ".orchestrator" / "ledger.db"
    file.write_bytes(file.read_bytes()[:5000])
    done = workplace.run("run", manifest)

    assert done.returncode == 8, done.stderr
    assert "no start was sent" in done.stderr


def test_8_when_others_may_write_the_ledger(workplace):
    manifest = workplace.manifest()
    workplace.run("run", manifest)
    file = workplace.path / ".orchestrator" / "ledger.db"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o666)
    assert workplace.run("run", manifest).returncode == 8


def test_10_when_some_failed_and_nothing_retries_them_unasked(workplace, platform):
    url = platform.start(campaigns=("cd-0", "cd-1"))
    manifest = workplace.manifest(host=url, accounts=workplace.credentials())
    done = workplace.run("run", manifest)
    failed = [c for c in workplace.result()["campaigns"] if c["outcome"] == "failed"]

    assert done.returncode == 10
    assert [c["reason"] for c in failed] == ["not_found"]
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1}


@pytest.mark.parametrize("status", ["Completed", "Stopped"])
def test_10_when_a_start_would_be_a_rerun(workplace, platform, status):
    url = platform.start()
    platform.set_state("cd-1", status, instance_id="cid-7")
    done = workplace.run("run", workplace.manifest(host=url, accounts=workplace.credentials()))

    assert done.returncode == 10
    assert "st-1/cd-1" not in platform.starts
    assert "(rerun: {instance: cid-7} allows it)" in workplace.result()["campaigns"][1]["message"]


def test_a_rerun_that_the_campaign_allows_is_started(workplace, platform):
    url = platform.start()
    platform.set_state("cd-1", "Completed")
    campaigns = [{"stream": "st-1", "campaign": "cd-1", "rerun": True}]
    manifest = workplace.manifest(host=url, accounts=workplace.credentials(), campaigns=campaigns)
    done = workplace.run("run", manifest, "--new-ledger")

    assert done.returncode == 0, done.stderr
    assert platform.starts == {"st-1/cd-1": 1}


def test_8_for_a_new_ledger_with_an_unconditional_rerun(workplace, platform):
    """A job whose ledger is thrown away would text everyone again each time; a plan before it makes it no older."""
    url = platform.start()
    platform.set_state("cd-1", "Completed", instance_id="cid-7")
    campaigns = [{"stream": "st-1", "campaign": "cd-1", "rerun": True}, {"stream": "st-1", "campaign": "cd-2"}]
    manifest = workplace.manifest(host=url, accounts=workplace.credentials(), campaigns=campaigns)
    plan = workplace.run("plan", manifest)
    done = workplace.run("run", manifest)

    assert "without a terminal and --new-ledger, a run is refused" in plan.stdout
    assert "rerun: {instance: cid-7} allows it once" in plan.stdout
    assert done.returncode == 8
    assert "the plan has 1 start with rerun: true" in done.stderr
    assert "no start was sent" in done.stderr
    assert platform.starts == {}
    assert workplace.run("run", manifest, "--select", "campaign:cd-2").returncode == 0
    assert workplace.run("run", manifest).returncode == 0  # the ledger has a past now
    assert platform.starts == {"st-1/cd-1": 1, "st-1/cd-2": 1}


def test_a_rerun_of_one_instance_is_sent_once_over_any_ledgers(workplace, platform):
    url = platform.start()
    platform.set_state("cd-1", "Completed", instance_id="cid-7")
    campaigns = [{"stream": "st-1", "campaign": "cd-1", "rerun": {"instance": "cid-7"}}]
    manifest = workplace.manifest(host=url, accounts=workplace.credentials(), campaigns=campaigns)
    first = workplace.run("run", manifest)
    shutil.rmtree(workplace.path / ".orchestrator")
    platform.set_state("cd-1", "Completed")
    second = workplace.run("run", manifest)

    assert (first.returncode, second.returncode) == (0, 10), second.stderr
    assert platform.starts == {"st-1/cd-1": 1}
    (campaign,) = workplace.result()["campaigns"]
    assert (campaign["outcome"], campaign["reason"]) == ("skipped", "rerun")
    assert "rerun is for instance cid-7, and its last instance is cid-00000001" in campaign["message"]


@pytest.mark.parametrize("command", ["run", "rehearse"])
def test_the_sandbox_has_the_instances_of_the_manifest(workplace, command):
    campaigns = [{"stream": "st-1", "campaign": "cd-1", "rerun": {"instance": "cid-7"}}]
    done = workplace.run(command, workplace.manifest(campaigns=campaigns))

    assert done.returncode == 0, done.stderr
    assert "1 started" in done.stdout


def test_11_when_an_answer_is_lost_until_a_person_resolves_it(workplace, platform):
    url = platform.start(scripted={"st-1/cd-1": ["reset_before"]})
    manifest = workplace.manifest(host=url, accounts=workplace.credentials())
    first = workplace.run("run", manifest)
    again = workplace.run("run", manifest)

    assert (first.returncode, again.returncode) == (11, 11), first.stderr + again.stderr
    assert "st-1/cd-1" not in platform.starts
    resolved = workplace.run("resolve", "spring", "st-1/cd-1", "--as", "not-started", "--reason", "asked support")
    last = workplace.run("run", manifest)
    assert (resolved.returncode, last.returncode) == (0, 0), resolved.stderr + last.stderr
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1, "st-1/cd-2": 1}


def named_everywhere(workplace, done):
    """The exit code of status, how many reports there are, and whether all of them and the summaries name cd-1."""
    formats = [f"--format={name}" for name in ("json", "csv", "junit", "markdown", "html")]
    workplace.run("report", "spring", "--dir", "again", *formats)
    reports = [file.read_text(encoding="utf-8") for file in (workplace.path / "again" / "spring").iterdir()]
    reports.append(json.dumps([f"{c['stream']}/{c['campaign']}" for c in workplace.result()["campaigns"]]))
    status = workplace.run("status")
    return [status.returncode, len(reports), all("cd-1" in text for text in [done.stdout, status.stdout, *reports])]


def test_an_unknown_stays_in_sight_of_runs_that_leave_it_out(workplace, platform):
    url = platform.start(scripted={"st-1/cd-1": ["reset_before"]})
    where = {"host": url, "accounts": workplace.credentials()}
    workplace.run("run", workplace.manifest(**where))
    rest = [{"stream": "st-1", "campaign": "cd-0"}, {"stream": "st-1", "campaign": "cd-2"}]
    off = [*rest, {"stream": "st-1", "campaign": "cd-1", "enabled": False}]
    for changes, option in (
        ({}, "--exclude=campaign:cd-1"),
        ({"campaigns": rest}, "--yes"),
        ({"campaigns": off}, "--yes"),
    ):
        done = workplace.run("run", workplace.manifest(**where, **changes), option)
        assert done.returncode == 11, done.stderr
        assert named_everywhere(workplace, done) == [11, 6, True]
    planned = workplace.run("plan", "launch.yaml")
    resolved = workplace.run("resolve", "spring", "st-1/cd-1", "--as", "started", "--reason", "seen at the console")
    after = workplace.run("run", "launch.yaml")

    assert "a run ends with 11: 1 campaign that it leaves out may have started (st-1/cd-1)" in planned.stdout
    assert (resolved.returncode, after.returncode, workplace.run("status").returncode) == (0, 0, 0), after.stderr


def test_a_lost_answer_with_evidence_is_started_and_not_resent(workplace, platform):
    url = platform.start(scripted={"st-1/cd-1": ["reset_after"]})
    done = workplace.run("run", workplace.manifest(host=url, accounts=workplace.credentials()))
    found = next(c for c in workplace.result()["campaigns"] if c["campaign"] == "cd-1")

    assert done.returncode == 0, done.stderr
    assert platform.starts["st-1/cd-1"] == 1
    assert (found["outcome"], found["reason"]) == ("started", "evidence")


def test_12_when_a_rule_stops_the_run(workplace, platform):
    url = platform.start(scripted={"st-1/cd-0": ["html"], "st-1/cd-1": ["hang_before"]})
    accounts = workplace.credentials(in_flight=1)
    campaigns = [{"stream": "st-1", "campaign": f"cd-{n}"} for n in ("9", "0", "1", "2")]
    manifest = workplace.manifest(
        host=url, accounts=accounts, campaigns=campaigns, preflight={"check": "off"}, stop_when={"failed": 1}
    )
    done = workplace.run("run", manifest)

    assert done.returncode == 12, done.stdout + done.stderr
    assert platform.starts == {}
    assert workplace.result()["run"]["stop"]["reason"] == "rule"


def test_12_when_the_window_is_closed(workplace):
    defaults = {"account": "acme", "window": "closed"}
    done = workplace.run("run", workplace.manifest(windows={"closed": CLOSED}, defaults=defaults))

    assert done.returncode == 12, done.stdout + done.stderr
    assert workplace.result()["totals"]["held"] == 3


def test_13_when_the_journal_cannot_be_written_in_mid_run(workplace, platform):
    url = platform.start(scripted={"st-1/cd-0": ["slow"]})
    manifest = workplace.manifest(host=url, accounts=workplace.credentials(in_flight=1))
    workplace.run("plan", manifest)  # makes the ledger
    with sqlite3.connect(workplace.path / ".orchestrator" / "ledger.db") as ledger:
        ledger.execute(
            "CREATE TRIGGER full BEFORE INSERT ON journal WHEN NEW.kind = 'verdict' "
            "BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
        )
    ledger.close()
    done = workplace.run("run", manifest)

    assert done.returncode == 13, done.stdout + done.stderr
    assert sum(platform.starts.values()) == 1
    assert '"unrecorded"' in done.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
def test_a_signal_drains_what_is_in_flight_and_ends_sending(workplace, platform, number, code):
    campaigns = [f"cd-{n}" for n in range(6)]
    url = platform.start(campaigns=campaigns)
    answered = platform.hold("cd-0")
    manifest = workplace.manifest(
        host=url, accounts=workplace.credentials(in_flight=1),
        campaigns=[{"stream": "st-1", "campaign": c} for c in campaigns],
    )  # fmt: skip
    with workplace.start("run", manifest) as process:
        wait_for(process.stderr, "wave_opened")
        os.kill(process.pid, number)
        wait_for(process.stderr, ": no new start")
        answered.set()
        out, err = process.communicate()
    totals, sent = workplace.result()["totals"], platform.starts

    assert process.returncode == code, out + err
    assert totals["held"] >= 5
    assert totals["unknown"] == 0
    assert totals["started"] == sum(sent.values())
    assert workplace.run("run", manifest).returncode == 0
    assert all(count == 1 for count in platform.starts.values())
