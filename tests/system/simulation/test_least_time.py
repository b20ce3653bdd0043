"""A launch at the platform's limit ends as soon as its limits allow, whatever it has to read and to wait for."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrator.core.manifest.parse import parse
from orchestrator.rehearsal import rehearse as rehearsals
from orchestrator.rehearsal.rehearse import RehearsalConfig, rehearse, world_of
from orchestrator.sandbox.platform import Campaign

ACCOUNTS, EACH, OLD, PAGE = 3, 100, 2000, 50
EIGHT_FORTY = datetime(2026, 3, 4, 8, 40, tzinfo=UTC).timestamp()
LONG_AGO = "2024-06-01T00:00:00.000Z"
WAVES = [{"name": "canary", "tags": ["canary"]}, {"name": "rest"}]
HOURS = {"day": {"zones": ["UTC"], "hours": "09:00-20:00"}}


def least(calls):
    """Seconds from the first of these calls to the last, at 50/60s and 10/10s and without latency."""
    minutes, rest = divmod(calls - 1, 50)
    return 60.0 * minutes + 10.0 * (rest // 10)


def launch(**changes):
    raw = {
        "version": 1, "launch": "spring", "host": "sandbox",
        "accounts": {f"a{n}": {"account_id": f"id-{n}"} for n in range(ACCOUNTS)},
        "campaigns": [
            {"account": f"a{n}", "stream": f"st-{n}", "campaign": f"cd-{m}", "tags": ["canary"] if m < 10 else []}
            for n in range(ACCOUNTS) for m in range(EACH)
        ],
    }  # fmt: skip
    manifest, issues = parse(raw | changes)
    assert manifest is not None, issues
    return manifest


def crowded(manifest):
    """A platform on which every stream begins with old campaigns."""
    world = world_of(manifest)
    old = [
        Campaign(f"st-{n}", f"old-{m}", f"old-{m}", f"id-{n}", status="Completed", created_at=LONG_AGO)
        for n in range(ACCOUNTS) for m in range(OLD)
    ]  # fmt: skip
    return replace(world, campaigns=(*old, *world.campaigns))


def reads(wanted, old):
    """Calls that read that number of campaigns of a stream: its pages, or its first page and then each by id."""
    return min(-(-(old + EACH) // PAGE), 1 + wanted)


# What it changes; when its window opens; how many campaigns are read at a time in the hour of the starts.
CASES = {
    "plain": ({}, 0.0, [EACH]),
    "one connection": ({"connections": 1}, 0.0, [EACH]),
    "waves": ({"waves": WAVES}, 0.0, [EACH]),
    "a window": ({"windows": HOURS, "defaults": {"window": "day"}}, 1200.0, [EACH]),
    "both": ({"waves": WAVES, "windows": HOURS, "defaults": {"window": "day"}}, 1200.0, [10, EACH - 10]),
}


@pytest.mark.parametrize("old", [0, OLD], ids=["short streams", "old campaigns"])
@pytest.mark.parametrize("case", CASES)
def test_a_launch_at_the_limit_takes_one_per_cent_more_at_most(monkeypatch, case, old):
    changes, opens, batches = CASES[case]
    if old:
        monkeypatch.setattr(rehearsals, "world_of", crowded)
    config = RehearsalConfig(launch(**changes), "launch.yaml", "0" * 64, "none", EIGHT_FORTY)
    done = rehearse(config, 1)
    shortest, taken = least(EACH + sum(reads(wanted, old) for wanted in batches)), done.seconds - opens
    print(f"{case}, {old} old campaigns: least {shortest:g} s, taken {taken:.2f} s")
    assert done.result.totals["started"] == ACCOUNTS * EACH
    assert shortest <= taken <= 1.01 * shortest
