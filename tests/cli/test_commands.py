import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from orchestrator.core.events import EVENTS
from tests.cli.conftest import ROOT, SECRET

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
RESULT_KEYS = ["schema_version", "run", "totals", "budget", "waves", "recipients", "delivery", "campaigns", "warnings"]
RUN_KEYS = ["run_id", "launch", "manifest", "manifest_sha256", "plan_sha256", "host", "ledger", "started_at",
            "finished_at", "last_success_at", "exit_code", "stop", "rehearsal", "environment",
            "by", "approved", "head", "planned_by", "approvals", "version"]  # fmt: skip
CAMPAIGN_KEYS = ["account", "stream", "campaign", "name", "wave", "outcome", "reason", "message", "attempts",
                 "intent_at", "sent_at", "finished_at", "http_status", "elapsed_ms", "evidence", "updated_at",
                 "next", "tags", "recipients"]  # fmt: skip
DELIVERY_COLUMNS = [f"delivery_{name}" for name in
                    ("state", "sent", "per_minute", "stalled_for_s", "is_stalled", "eta", "read_at")]  # fmt: skip
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.mark.parametrize("file", CONFIGS, ids=lambda f: f.name)
def test_every_shipped_manifest_is_valid_and_fits_the_schema(workplace, file):
    done = workplace.run("validate", str(file))
    schema = json.loads((ROOT / "schema" / "manifest.v1.json").read_text(encoding="utf-8"))

    assert done.returncode == 0, done.stderr
    jsonschema.validate(yaml.safe_load(file.read_text(encoding="utf-8")), schema)


def test_validate_needs_no_secret_and_speaks_json_when_asked(workplace):
    accounts = {"acme": {"account_id": "a1", "client_id": {"env": "UNSET_A"}, "client_secret": {"env": "UNSET_B"}}}
    good = workplace.run("validate", workplace.manifest(host="platform.kore.ai", accounts=accounts), "--json")
    bad = workplace.run("validate", workplace.manifest("bad.yaml", version=2), "--json")

    assert json.loads(good.stdout)["valid"] is True
    assert bad.returncode == 3
    assert json.loads(bad.stdout)["error"]["problems"][0]["path"] == "version"


def test_names_that_differ_in_case_alone_get_a_warning(workplace):
    campaigns = [{"stream": "st-1", "campaign": "cd-a"}, {"stream": "st-1", "campaign": "cd-A"}]
    told = "campaigns differ only in upper and lower case: st-1/cd-A and st-1/cd-a; remove one if they are the same"
    done = workplace.run("validate", workplace.manifest(campaigns=campaigns), "--json")
    workplace.run("run", workplace.manifest())
    again = workplace.run("run", workplace.manifest(launch="Spring"))

    assert (done.returncode, json.loads(done.stdout)["warnings"]) == (0, [told])
    assert again.returncode == 0
    assert "warning: launches differ only in upper and lower case: Spring and spring" in again.stdout


@pytest.mark.parametrize("subject", ["manifest", "result"])
def test_the_printed_schema_is_the_committed_one(workplace, subject):
    printed = workplace.run("schema", "--of", subject).stdout

    assert json.loads(printed) == json.loads((ROOT / "schema" / f"{subject}.v1.json").read_text(encoding="utf-8"))


def test_the_result_has_its_documented_keys_and_reports_agree(workplace):
    done = workplace.run("run", workplace.manifest(), "--json")
    printed, written = json.loads(done.stdout), workplace.result()
    lines = (workplace.path / "reports" / "spring" / "result.csv").read_text(encoding="utf-8").splitlines()

    jsonschema.validate(written, json.loads((ROOT / "schema" / "result.v1.json").read_text(encoding="utf-8")))
    said = [f"new ledger: {workplace.path}/.orchestrator/ledger.db; it knows of no earlier start"]
    assert printed == {**written, "command": "run", "exit_code": 0, "messages": said}
    assert list(written) == RESULT_KEYS
    assert list(written["run"]) == RUN_KEYS
    assert all(list(campaign) == [*CAMPAIGN_KEYS, "delivery"] for campaign in written["campaigns"])
    assert sum(written["totals"].values()) == 3
    assert lines[0].split(",") == [*CAMPAIGN_KEYS, *DELIVERY_COLUMNS, "note"]  # it is the sandbox's
    assert len(lines) == 1 + 3
    assert RFC3339.fullmatch(written["run"]["started_at"])
    assert all(RFC3339.fullmatch(c["sent_at"]) for c in written["campaigns"])


def test_report_rebuilds_the_same_result_from_the_journal_alone(workplace):
    workplace.run("run", workplace.manifest())
    before = workplace.result()
    (workplace.path / "reports" / "spring" / "result.json").unlink()
    done = workplace.run("report", "spring")

    assert done.returncode == 0, done.stderr
    assert workplace.result() == before


def test_a_run_with_nothing_to_do_says_what_the_journal_says(workplace):
    """It concludes from what it knows; `report` reads everything."""
    workplace.run("run", workplace.manifest())
    assert workplace.run("run", workplace.manifest()).returncode == 0
    before = workplace.result()
    workplace.run("report", "spring")

    assert {c["outcome"] for c in before["campaigns"]} == {"already_started"}
    assert workplace.result() == before


def test_the_html_report_made_again_is_the_same(workplace):
    done = workplace.run("run", workplace.manifest(report={"dir": "reports", "formats": ["json", "html"]}))
    path = workplace.path / "reports" / "spring" / "result.html"
    before = path.read_text(encoding="utf-8")
    path.unlink()
    again = workplace.run("report", "spring", "--format", "html")

    assert (done.returncode, again.returncode) == (0, 0)
    assert path.read_text(encoding="utf-8") == before
    assert "3 campaigns started" in before
    assert "no limit" in before


def test_status_shows_the_newest_launch_and_knows_no_other(workplace):
    assert workplace.run("status").returncode == 8
    workplace.run("run", workplace.manifest())

    assert "launch spring" in workplace.run("status").stdout
    assert json.loads(workplace.run("status", "spring", "--json").stdout)["totals"]["started"] == 3
    assert workplace.run("status", "autumn").returncode == 5


def test_resolve_refuses_what_is_not_unknown(workplace):
    workplace.run("run", workplace.manifest())
    done = workplace.run("resolve", "spring", "st-1/cd-0", "--as", "not-started", "--reason", "x")

    assert done.returncode == 4
    assert "not unknown" in done.stderr


def test_plan_sends_nothing_and_says_why(workplace, platform):
    url = platform.start(campaigns=("cd-0", "cd-1"))
    platform.set_state("cd-1", "Completed", instance_id="cid-7")
    done = workplace.run("plan", workplace.manifest(host=url, accounts=workplace.credentials()))

    assert done.returncode == 0, done.stderr
    assert platform.starts == {}
    assert "1 to start" in done.stdout
    assert "rerun: {instance: cid-7} allows it" in done.stdout


def test_select_and_exclude_leave_the_rest_alone(workplace, platform):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials())
    done = workplace.run("run", manifest, "--select", "stream:st-1", "--exclude", "campaign:cd-2")

    assert done.returncode == 0, done.stderr
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1}
    assert workplace.result()["totals"]["skipped"] == 1


def test_json_logs_have_stable_names_and_no_sink_has_a_secret(workplace, platform):
    url = platform.start(scripted={"st-1/cd-1": ["unauthorized_once"], "st-1/cd-2": ["truncate"]})
    manifest = workplace.manifest(host=url, accounts=workplace.credentials())
    done = workplace.run("run", manifest, "--log-format", "json")
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    names = {event["event"] for event in events}
    written = b"".join(f.read_bytes() for f in Path(workplace.path).rglob("*") if f.is_file())

    assert done.returncode == 0, done.stderr
    assert {"run_started", "wave_opened", "start_answered", "campaign_done", "probe_done", "run_finished"} <= names
    listed = {kind.name: set(kind.fields) for kind in EVENTS}
    assert all(event.keys() == {"event", "level", "timestamp"} | listed[event["event"]] for event in events)
    for sink in (done.stdout.encode(), done.stderr.encode(), written):
        assert SECRET.encode() not in sink
        assert b"eyJ" not in sink


def test_help_names_every_command(workplace):
    text = workplace.run("--help").stdout

    names = ("run", "plan", "validate", "status", "resolve", "report", "schema", "sandbox", "pause", "unpause", "abort",
             "release", "stop-started", "doctor")  # fmt: skip
    for name in names:
        assert re.search(rf"^  {name} ", text, re.MULTILINE)
        assert workplace.run(name, "--help").returncode == 0


def test_a_second_launch_soon_after_needs_the_campaigns_consent(workplace, platform):
    changes = {"host": platform.start(), "accounts": workplace.credentials(), "repeat_guard": "24h"}
    workplace.run("run", workplace.manifest(**changes))
    for campaign in ("cd-0", "cd-1", "cd-2"):
        platform.set_state(campaign, "Ready")  # as if somebody had copied or reset it
    campaigns = [{"stream": "st-1", "campaign": "cd-0"}, {"stream": "st-1", "campaign": "cd-1", "rerun": True}]
    done = workplace.run("run", workplace.manifest("next.yaml", launch="autumn", campaigns=campaigns, **changes))
    by_name = {c["campaign"]: (c["outcome"], c["reason"]) for c in workplace.result("autumn")["campaigns"]}

    assert done.returncode == 10, done.stderr
    assert by_name == {"cd-0": ("skipped", "repeat"), "cd-1": ("started", "accepted")}
    assert platform.starts["st-1/cd-0"] == 1


def test_several_manifests_end_with_the_worst_exit_code(workplace):
    good, bad = workplace.manifest(), workplace.manifest("bad.yaml", version=2)
    one, two = workplace.run("validate", good, bad, "missing.yaml"), workplace.run("validate", good, good)

    assert (one.returncode, two.returncode) == (3, 0)
    assert "launch.yaml is valid" in one.stdout
    assert "bad.yaml:1:2: version: must be 1" in one.stderr
    assert "missing.yaml:1:1: there is no such file" in one.stderr
    printed = json.loads(workplace.run("validate", good, bad, "--json").stdout)
    assert [each["manifest"] for each in printed["manifests"]] == [good, bad]
    assert [each["exit_code"] for each in printed["manifests"]] == [0, 3]
    assert printed["exit_code"] == 3
    [problem] = printed["manifests"][1]["error"]["problems"]
    assert (problem["path"], problem["value"], problem["line"]) == ("version", "2", 1)
