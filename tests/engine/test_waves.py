"""Waves, bakes and opening hours."""

import pytest

from orchestrator.model import StopReason
from tests.fakes import BASE, says

STARTED = ("started", "accepted")
STOPPED = ("held", "stopped")
CAMPAIGNS = [
    {"stream": "s", "campaign": "c0"},
    {"stream": "s", "campaign": "c1", "tags": ["canary"]},
    {"stream": "s", "campaign": "c2", "tags": ["canary"]},
    {"stream": "s", "campaign": "c3"},
]
CANARY = {"name": "canary", "tags": ["canary"], "bake": "10m", "pass": {"started": "100%"}}


async def test_the_rest_opens_once_the_canary_has_passed_and_baked(rig):
    run = rig(CAMPAIGNS, waves=[CANARY])
    stop = await run.run()
    assert stop is None
    assert run.api.started("s/c1") == run.api.started("s/c2") == [0]
    assert run.api.started("s/c0") + run.api.started("s/c3") == pytest.approx([600.1] * 2)
    ended = run.journal.of("end")[0].data["waves"]
    assert [(w["name"], w["campaigns"], w["passed"]) for w in ended] == [("canary", 2, True), ("rest", 2, True)]
    assert [event["wave"] for event in run.observer.named("wave_opened")] == ["canary", "rest"]


async def test_a_canary_that_falls_short_holds_the_rest(rig, elapsed):
    run = rig(CAMPAIGNS, waves=[CANARY])
    run.api.script("s/c2", says(400))
    stop = await run.run()
    assert stop.reason is StopReason.WAVE
    assert run.outcomes() == {"c0": STOPPED, "c1": STARTED, "c2": ("failed", "rejected"), "c3": STOPPED}
    assert elapsed() < 1
    assert run.exit_code() == 12


async def test_a_share_of_the_canary_may_be_enough(rig):
    run = rig(CAMPAIGNS, waves=[{**CANARY, "pass": {"started": "50%"}}])
    run.api.script("s/c2", says(400))
    stop = await run.run()
    assert stop is None
    assert len(run.api.started()) == 4


async def test_a_wave_ends_with_the_judgement_of_its_suspects(rig):
    run = rig(CAMPAIGNS, waves=[CANARY])
    run.api.script("s/c2", says(500))
    stop = await run.run()
    assert stop.reason is StopReason.WAVE
    assert run.outcomes()["c2"] == ("unknown", "no_evidence")
    assert run.outcomes()["c0"] == STOPPED


async def test_nothing_bakes_after_the_last_wave(rig, elapsed):
    run = rig(CAMPAIGNS, waves=[{"name": "rest", "bake": "10m"}])
    await run.run()
    assert elapsed() < 1


async def test_a_stop_ends_the_bake_at_once(rig, stop_at, elapsed):
    run = rig(CAMPAIGNS, waves=[CANARY])
    stop_at(run, 10)
    stop = await run.run()
    assert stop.reason is StopReason.SIGINT
    assert elapsed() == pytest.approx(10)
    assert run.outcomes()["c0"] == STOPPED


@pytest.mark.parametrize(("zones", "is_open"), [(["UTC"], False), (["America/Los_Angeles"], True),
                                                (["UTC", "America/Los_Angeles"], False)])  # fmt: skip
async def test_outside_opening_hours_a_campaign_is_held(rig, zones, is_open):
    hours = {"day": {"zones": zones, "hours": "09:00-20:00"}}
    run = rig([{"stream": "s", "campaign": "c0", "window": "day"}, "c1"], windows=hours)
    stop = await run.run()
    assert stop is None
    assert run.outcomes() == {"c0": STARTED if is_open else ("held", "window"), "c1": STARTED}


async def test_the_end_says_when_each_wave_opened_and_closed(rig):
    run = rig(CAMPAIGNS, waves=[CANARY])
    await run.run()
    (ending,) = run.journal.of("end")
    canary, rest = ending.data["waves"]
    assert BASE <= canary["opened_at"] < canary["closed_at"]
    assert rest["opened_at"] == pytest.approx(canary["closed_at"] + 600)
    assert rest["closed_at"] > rest["opened_at"]
