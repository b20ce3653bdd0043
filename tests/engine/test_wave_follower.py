"""A wave that waits for what becomes of its campaigns, in the run itself."""

import asyncio

import pytest

from orchestrator.core.delivery.readings import FOLLOW, round_of
from orchestrator.model import LiveState, Stop, StopReason, WaveVerdict
from tests.fakes import says

CAMPAIGNS = [{"stream": "s", "campaign": f"c{n}", "tags": ["canary"] if n < 2 else []} for n in range(4)]


def canary(**asked):
    return [{"name": "canary", "tags": ["canary"], "pass": asked}]


def started(run, *, sent=0, status="Active", keys=("s/c0", "s/c1")):
    """What the platform reports of campaigns from now on."""
    for key in keys:
        run.api.live[key] = LiveState(status, instance_id="i1", messages_sent=sent)


def later(seconds, act, *args, **kwargs):
    asyncio.get_running_loop().call_later(seconds, lambda: act(*args, **kwargs))


def sends(run, *, end):
    """The canary begins to send at once, and is completed after `end` seconds."""
    later(1, started, run, sent=50)
    later(end, started, run, sent=100, status="Completed")


def ended(run):
    return run.journal.of("end")[0].data["waves"][0]


async def test_the_rest_opens_once_the_canary_is_completed(rig):
    run = rig(CAMPAIGNS, waves=canary(completed="100%"))
    sends(run, end=630)

    assert await run.run() is None
    assert min(run.api.started("s/c2") + run.api.started("s/c3")) == pytest.approx(660.3, abs=5)  # rounds of a minute
    assert (ended(run)["verdict"], ended(run)["passed"]) == (WaveVerdict.PASSED, True)
    assert [e["passed"] for e in run.observer.named("wave_followed")] == [True]


async def test_a_share_of_the_completed_is_enough(rig):
    run = rig(CAMPAIGNS, waves=canary(completed="50%"))
    later(1, started, run, sent=50)
    later(200, started, run, sent=100, status="Completed", keys=["s/c0"])

    assert await run.run() is None
    assert min(run.api.started("s/c2")) == pytest.approx(240.3, abs=5)


async def test_the_bake_comes_first_and_the_check_last(rig):
    run = rig(CAMPAIGNS, waves=[{**canary(completed="100%", command=["./look"])[0], "bake": "10m"}])
    sends(run, end=900)
    await run.run()
    names = [name for name, _ in run.observer.events if name.startswith("wave_")]

    assert names[:6] == [
        "wave_opened", "wave_closed", "wave_baking", "wave_following", "wave_followed", "wave_checked",
    ]  # fmt: skip
    assert min(run.api.reads("list")[-3:]) > 600


async def test_a_list_that_lags_shows_no_end_of_the_last_run(rig):
    """A Completed campaign that runs again sends its messages first."""
    again = [{**campaign, "rerun": {"instance": "i0"}} for campaign in CAMPAIGNS]
    run = rig(again, waves=canary(completed="100%"))
    before = {key: LiveState("Completed", instance_id="i0", messages_sent=100) for key in run.api.live}
    run.api.live.update(before)
    for seconds in (0.1, 0.11, 40):  # after the answers, and once more: not every server may have the same list
        later(seconds, run.api.live.update, before)
    later(30, started, run, sent=50)
    later(70, started, run, sent=50)
    later(300, started, run, sent=100, status="Completed")

    assert await run.run() is None
    assert min(run.api.started("s/c2")) == pytest.approx(300, abs=65)
    readings = [one for record in run.journal.of(FOLLOW) for one in round_of(record).readings]
    assert {one.instance for one in readings} == {"i1"}


async def test_starts_of_the_next_wave_wait_where_a_read_was_limited(rig):
    """The other account's campaign is enough to pass, at the moment when the platform asks this one to wait."""
    accounts = {name: {"account_id": name, "rate": "unlimited"} for name in ("acme", "bell")}
    canaries = [{"stream": "s", "campaign": "c0", "tags": ["canary"]},
                {"stream": "t", "campaign": "c1", "tags": ["canary"], "account": "bell"}]  # fmt: skip
    run = rig([*canaries, {"stream": "s", "campaign": "c2"}], accounts=accounts, waves=canary(completed="50%"))
    run.api.read_steps.append(says(429, retry_after="300", takes=1.0))
    later(0.1, started, run, sent=100, status="Completed", keys=["t/c1"])

    assert await run.run() is None
    assert min(run.api.started("s/c2")) >= 300


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        ("Stopped", "these will not go on: to start the rest, change pass of this wave"),
        ("Paused", "resume what is paused"),
    ],
)
async def test_what_was_stopped_or_paused_ends_the_wait(rig, elapsed, status, fix):
    run = rig(CAMPAIGNS, waves=canary(completed="100%"))
    later(1, started, run, sent=50)
    later(100, started, run, sent=60, status=status, keys=["s/c1"])
    stop = await run.run()

    short = f"wave canary: 0 of 2 completed, 100% are needed (1 {status.lower()}; {fix})"
    assert stop == Stop(StopReason.WAVE, short)
    assert run.api.started("s/c2") == run.api.started("s/c3") == []
    assert elapsed() < 200
    assert ended(run)["verdict"] == WaveVerdict.NOT_PASSED
    assert run.exit_code() == 12


async def test_the_time_for_it_is_bounded(rig, elapsed):
    run = rig(CAMPAIGNS, waves=canary(completed="100%", within="30m"))
    for minute in range(60):
        later(60 * minute + 1, started, run, sent=minute)
    stop = await run.run()

    assert stop.detail == "wave canary: 0 of 2 completed, 100% are needed (not within 30 min)"
    assert elapsed() == pytest.approx(1800, abs=10)


async def test_a_stalled_campaign_ends_the_wait(rig, elapsed):
    run = rig(CAMPAIGNS, waves=canary(completed="100%"))
    later(1, started, run, sent=50)
    stop = await run.run()

    assert stop.detail == "wave canary: 0 of 2 completed, 100% are needed (2 stalled)"
    assert 600 <= elapsed() < 800


async def test_a_signal_ends_the_wait_at_once(rig, elapsed, stop_at):
    run = rig(CAMPAIGNS, waves=canary(completed="100%"))
    later(1, started, run, sent=50)
    stop_at(run, 100)
    stop = await run.run()

    assert (stop.reason, ended(run)["verdict"]) == (StopReason.SIGINT, WaveVerdict.CUT_SHORT)
    assert ended(run)["message"] == "what it started was not followed to the end"
    assert elapsed() < 102


async def test_readings_are_journaled_and_a_next_run_goes_on(rig, stop_at):
    first = rig(CAMPAIGNS, waves=canary(completed="100%"))
    later(1, started, first, sent=50)
    stop_at(first, 100)
    await first.run()
    read = [record for record in first.journal.records if record.kind == FOLLOW]
    again = rig(
        CAMPAIGNS,
        waves=canary(completed="100%"),
        earlier=tuple(r for r in first.journal.records if r.campaign[0] != "@"),
    )
    started(again, sent=100, status="Completed")
    assert await again.run() is None

    assert [one.sent for one in round_of(read[-1]).readings] == [50, 50]
    assert again.api.started("s/c0") == []
    assert len(again.api.started("s/c2")) == 1


async def test_each_wave_of_a_run_may_be_followed(rig):
    run = rig(
        CAMPAIGNS,
        waves=[*canary(completed="100%"), {"name": "more", "campaigns": ["s/c2"], "pass": {"completed": "100%"}}],
    )
    later(1, started, run, sent=100, status="Completed")
    later(100, started, run, sent=100, status="Completed", keys=["s/c2"])

    assert await run.run() is None
    assert [e["wave"] for e in run.observer.named("wave_followed")] == ["canary", "more"]
    assert len({r.attempt for r in run.journal.records if r.kind == FOLLOW}) == len(run.journal.of(FOLLOW)) > 1


async def test_the_last_wave_is_not_followed(rig):
    run = rig(CAMPAIGNS[:2], waves=canary(completed="100%"))

    assert await run.run() is None
    assert run.observer.named("wave_following") == []


async def test_a_refused_credential_ends_the_wait_with_its_words(rig):
    run = rig(CAMPAIGNS, waves=canary(completed="100%"))
    later(0.5, lambda: run.api.read_steps.extend([says(401)] * 3))
    stop = await run.run()

    assert stop.reason is StopReason.WAVE
    assert "the platform rejects the credential of account acme" in stop.detail
