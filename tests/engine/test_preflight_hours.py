"""The look at the campaigns' own calling hours. It is Tuesday, 22:13:20 UTC."""

import pytest

from orchestrator.engine.preflight import calling_hours_warnings, details
from orchestrator.model import CallingHours, LiveState
from tests.fakes import says

WINDOWS = {"late": {"zones": ["UTC"], "hours": "22:00-23:00"}}
ALL_DAY = CallingHours("UTC", tuple((d, "00:00", "24:00") for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")))
MORNING = CallingHours("UTC", (("tue", "09:00", "12:00"),))


def with_hours(rig, *hours, window="late", **changes):
    campaigns = [{"stream": "s", "campaign": f"c{n}", "window": window} for n in range(len(hours))]
    run = rig(campaigns, windows=WINDOWS, **changes)
    run.api.details = {
        c.key: LiveState("Ready", calling_hours=h) for c, h in zip(run.manifest.campaigns, hours, strict=True)
    }
    return run


async def told(run):
    found, failed = await details(run.readers, run.plan())
    run.api.live |= found
    return calling_hours_warnings(run.plan(), failed, run.manifest, run.clock.now())


async def test_hours_that_cover_the_window_or_are_absent_do_not_warn(rig):
    run = with_hours(rig, ALL_DAY, None)
    assert await told(run) == ()
    assert len(run.api.reads("get")) == 2


async def test_a_mismatch_names_the_time_and_both_hours(rig):
    texts = await told(with_hours(rig, ALL_DAY, MORNING))
    assert list(texts) == [
        (
            "s/c1: window late is open at 2023-11-14T22:13:20.200Z, its calling hours on the platform "
            "(tue 09:00-12:00 UTC) are not open then: "
            "if it is started then, it is Active and texts nobody until they open"
        )
    ]


async def test_without_a_window_it_is_about_now(rig):
    texts = await told(with_hours(rig, MORNING, window=None))
    assert texts[0].startswith("s/c0: it may be started now, its calling hours")


async def test_what_cannot_be_understood_or_read_is_said(rig):
    assert "cannot be understood" in (await told(with_hours(rig, CallingHours("UTC", ()))))[0]
    run = with_hours(rig, ALL_DAY, retry={"attempts": 1})
    run.api.read_steps.append(says(404, "not found"))
    assert "could not be read" in (await told(run))[0]


async def test_only_what_is_started_is_looked_at_and_within_the_budget(rig, elapsed):
    run = with_hours(rig, MORNING, MORNING, MORNING, account={"rate": ["1/60s"]})
    run.api.live[run.manifest.campaigns[0].key] = LiveState("Active")
    assert len(await told(run)) == 2
    assert elapsed() == pytest.approx(60.1, abs=0.3)
