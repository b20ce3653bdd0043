import json

import jsonschema
import pytest

from orchestrator.app.schema import manifest_schema
from orchestrator.core.manifest.parse import parse
from tests.paths import SCHEMAS

SCHEMA = SCHEMAS / "manifest.v1.json"
FULL = {
    "version": 1,
    "launch": "spring",
    "host": "https://platform.kore.ai",
    "accounts": {
        "acme": {
            "account_id": "67777ce93e25326494e90001",
            "client_id": {"env": "KORE_ID"},
            "client_secret": {"command": ["pass", "kore"]},
            "algorithm": "RS256",
            "rate": ["50/60s", "10/10s"],
            "in_flight": 8,
        },
        "beta": {"account_id": "b", "client_id": {"env": "B"}, "client_secret": {"file": "b"}, "rate": "unlimited"},
    },
    "defaults": {"account": "acme", "type": "sms", "window": "day"},
    "campaigns": [{"stream": "s", "campaign": "c", "iid": "s", "name": "N", "tags": ["canary"], "rerun": True}],
    "campaigns_from": ["more.csv"],
    "preflight": {"check": "list", "startable": ["Ready"], "require_dnc": True, "hours": True},
    "probe": {"settle": "60s"},
    "windows": {
        "day": {
            "zones": ["America/New_York"],
            "hours": "09:00-20:00",
            "days": ["mon"],
            "except": ["2026-12-25"],
            "last_start": "30m",
        }
    },
    "windows_wait": "4h",
    "waves": [
        {
            "name": "canary",
            "tags": ["canary"],
            "campaigns": ["s/c"],
            "bake": "10m",
            "pass": {"started": "100%", "command": ["./look.sh"], "timeout": "30s", "env": ["TOKEN"]},
        },
        {"name": "rest"},
    ],
    "retry": {"attempts": 4, "backoff": "1s..60s", "max_elapsed": 600},
    "timeouts": {"connect": "5s", "total": 30},
    "stop_when": {
        "failed": "20%",
        "unknown": 3,
        "min_sample": 10,
        "per_account": {"failed": 2, "unknown": "5%", "min_sample": 4},
    },
    "breaker": {"opens_after": 5, "looks_every": "30s", "gives_up_after": "15m"},
    "approval": "plan",
    "limits": {"max_starts": 500},
    "ledger": "postgresql://user@db/orchestrator",
    "report": {"dir": "reports", "formats": ["json"]},
}
VALIDATOR = jsonschema.Draft202012Validator(manifest_schema())


def test_the_committed_schema_is_todays():
    assert SCHEMA.read_text(encoding="utf-8") == json.dumps(manifest_schema(), indent=2) + "\n"


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(manifest_schema())


def test_the_schema_accepts_what_the_loader_accepts():
    assert parse(FULL)[1] == ()
    VALIDATOR.validate(FULL)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"launch": 7}, {"lanch": "x"}, {"host": "http://kore example"}, {"approval": "off"},
        {"probe": {"settle": "60"}}, {"retry": {"backoff": "1s-60s"}}, {"stop_when": {"failed": "20"}},
        {"waves": [{"name": "w", "pass_": {"started": "100%"}}]}, {"report": {"formats": ["pdf"]}},
        {"accounts": {"a": {"account_id": "1", "client_secret": "literal"}}},
        {"accounts": {"a": {"account_id": "1", "rate": "50/60"}}},
        {"accounts": {}}, {"windows_wait": "1d"}, {"breaker": {"opens_after": 0}}, {"breaker": {"per_account": {}}},
        {"stop_when": {"per_account": {"per_account": {}}}}, {"waves": [{"name": "w", "pass": {"command": []}}]},
        {"windows": {"day": {"zones": ["UTC"], "hours": "09:00-20:00", "except": ["25.12.2026"]}}},
    ],
)  # fmt: skip
def test_schema_and_loader_refuse_alike(change):
    assert not VALIDATOR.is_valid({**FULL, **change})
    assert parse({**FULL, **change})[1]
