"""The one envelope of every command's JSON: `schema_version`, `command`, `exit_code`, then the command's own keys."""

import json

import jsonschema
import pytest

from orchestrator.cli.catalogue import COMMANDS as ALL
from tests.paths import SCHEMAS
from tests.signatures import Signer

ENVELOPE = ["schema_version", "command", "exit_code"]
WITHOUT_JSON = {"worker", "schema", "sandbox", "serve", "completion", "help"}  # services, and texts for programs

COMMANDS = {
    "init": (("init", "demo", "--example"), ["folder", "files", "notes", "next"]),
    "diff": (
        ("diff", "spring", "spring"),
        ["equal", "before", "after", "facts", "added", "gone", "changed", "reordered", "content_compared"],
    ),
    "explain": (("explain", "launch.yaml"), ["manifest", "environment", "values"]),
    "validate": (
        ("validate", "launch.yaml"), ["valid", "launch", "environment", "campaigns", "rules", "files", "warnings"]
    ),
    "plan": (
        ("plan", "launch.yaml"),
        ["launch", "plan_sha256", "identity", "made_at", "planned_by", "expires_at", "begins_at", "calls", "seconds",
         "recipients", "campaigns", "rules", "warnings", "notes", "messages"],
    ),
    "approve": (
        ("approve", "plan.json", "--yes", "--key", "key-cleo"),
        ["launch", "plan_sha256", "key", "signature"],
    ),
    "discover": (
        ("discover", "launch.yaml", "--stream", "st-1"),
        ["account", "type", "streams", "calls", "campaigns", "notes", "messages"],
    ),
    "run": (
        ("run", "launch.yaml"),
        ["run", "totals", "budget", "waves", "recipients", "delivery", "campaigns", "warnings", "messages"],
    ),
    "status": (
        ("status", "spring"),
        ["run", "totals", "budget", "waves", "recipients", "delivery", "campaigns", "warnings", "is_live", "control",
         "stopped_since", "waits"],
    ),
    "report": (("report", "spring"), ["launch", "run_id", "files"]),
    "pause": (("pause", "spring", "--reason", "x"), ["launch", "control", "waits"]),
    "unpause": (("unpause", "spring"), ["launch", "control", "waits"]),
    "abort": (("abort", "spring", "--reason", "x"), ["launch", "control", "waits"]),
    "release": (("release", "spring", "--reason", "x"), ["reason", "released"]),
    "doctor": (("doctor",), ["healthy", "findings"]),
    "notify": (("notify", "test", "launch.yaml"), ["launch", "entries"]),
    "rehearse": (
        ("rehearse", "launch.yaml"), ["faults", "seed", "assumed", "runs", "seconds", "outcomes", "exit_codes", "first"]
    ),
    "follow": (
        ("follow", "spring"),
        ["launch", "until", "timed_out", "stop", "totals", "sent", "recipients", "campaigns", "missed", "not_followed"],
    ),
    "stop-started": (
        ("stop-started", "spring", "--reason", "x"),
        ["launch", "stopped", "not_stopped", "stopped_before", "may_be_running"],
    ),
    "resolve": (
        ("resolve", "spring", "st-1/cd-0", "--as", "started", "--reason", "x"),
        ["launch", "resolved", "campaign", "resolved_as", "reason"],
    ),
    "list": (("list",), ["launches"]),
    "history": (("history", "spring"), ["launch", "happenings", "waits"]),
    "why": (("why", "spring", "st-1/cd-0"), ["launch", "campaign", "happenings", "now"]),
    "audit verify": (
        ("audit", "verify", "spring"), ["launch", "verified", "records", "unchained", "chains", "findings"]
    ),
    "audit export": (
        ("audit", "export", "spring", "-o", "pack.zip"), ["launch", "file", "files", "findings", "complete"],
    ),
    "version": (("--version",), ["name", "version", "python", "platform", "dependencies"]),
}  # fmt: skip


def test_every_command_that_prints_has_json():
    assert {name.split()[0] for name in COMMANDS} == ALL.keys() - WITHOUT_JSON | {"version"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_the_envelope(workplace, name):
    workplace.manifest(notify=[{"to": {"env": "NOBODY"}}] if name == "notify" else None)
    if name not in {"init", "validate", "plan", "run", "rehearse", "doctor", "notify", "version"}:
        workplace.run("run", "launch.yaml")
    if name == "approve":
        Signer(workplace.path, "cleo")
        workplace.run("plan", "launch.yaml", "-o", "plan.json")
    if name == "unpause":
        workplace.run("pause", "spring", "--reason", "x")
    arguments, keys = COMMANDS[name]
    done = workplace.run(*arguments, "--json")
    printed = json.loads(done.stdout)

    if "error" not in printed:
        assert list(printed) == [*ENVELOPE, *keys]
    assert (printed["schema_version"], printed["command"]) == ("1", name)
    assert printed["exit_code"] == done.returncode


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("run", "missing.yaml"), 3, "ManifestError"),
        (("status", "autumn"), 8, "LedgerError"),
        (("resolve", "spring", "st-1/cd-9", "--as", "started", "--reason", "x"), 8, "LedgerError"),
        (("pause", "spring", "--reason", "x"), 8, "LedgerError"),
        (("report", "spring"), 8, "LedgerError"),
    ],
)
def test_an_error_prints_the_envelope(workplace, arguments, code, kind):
    done = workplace.run(*arguments, "--json")
    printed = json.loads(done.stdout)

    assert list(printed) == [*ENVELOPE, "error"]
    assert (printed["exit_code"], printed["command"], done.returncode) == (code, arguments[0], code)
    assert list(printed["error"]) == ["exit_code", "kind", "message", "next", "problems"]
    assert printed["error"]["kind"] == kind
    assert done.stderr == ""


def test_what_run_prints_is_still_a_result(workplace):
    printed = json.loads(workplace.run("run", workplace.manifest(), "--json").stdout)

    jsonschema.validate(printed, json.loads((SCHEMAS / "result.v1.json").read_text(encoding="utf-8")))
