"""Closed windows: who waits, who is held, and that nothing leaves after closing time. It is 22:13:20 UTC at first."""

import asyncio

import pytest

from orchestrator.core.content import digest
from orchestrator.core.journal.states import State
from orchestrator.model import CampaignKey, LiveState, StopReason
from tests.fakes import UNSENT, says

STARTED = ("started", "accepted")
HELD = ("held", "window")
OPENS = 1000.0  # 22:30 UTC
LOOKED = OPENS + 0.1  # when the live states have been read again
CLOSES = 2800.0  # 23:00 UTC
LATE = {"zones": ["UTC"], "hours": "22:30-23:00"}


def windows(**hours):
    return {"late": LATE, "now": {"zones": ["UTC"], "hours": "22:00-23:00"}, **hours}


def late(name, window="late", **more):
    return {"stream": "s", "campaign": name, "window": window, **more}


async def test_a_campaign_waits_for_its_window_while_others_go_on(rig):
    run = rig([late("c0"), "c1", late("c2"), "c3"], account={"in_flight": 1}, windows=windows())
    stop = await run.run()
    assert stop is None
    assert run.api.started("s/c1") + run.api.started("s/c3") == pytest.approx([0, 0.1])
    assert run.api.started("s/c0") + run.api.started("s/c2") == pytest.approx([LOOKED, LOOKED + 0.1])
    assert run.observer.named("window_waiting") == [
        {"lane": "sandbox a1", "window": "late", "campaigns": 2, "until": "2023-11-14T22:30:00.000Z"}
    ]
    assert run.exit_code() == 0


async def test_all_workers_of_a_lane_start_when_the_window_opens(rig):
    run = rig([late(f"c{n}") for n in range(8)], account={"in_flight": 4}, windows=windows())
    await run.run()
    assert run.api.started() == pytest.approx([LOOKED] * 4 + [LOOKED + 0.1] * 4)
    assert run.api.reads("list") == [OPENS]  # one look for all


async def test_a_start_queued_past_closing_time_does_not_leave(rig):
    run = rig([late(f"c{n}", "now") for n in range(6)], account={"rate": ["1/1000s"]}, windows=windows())
    stop = await run.run()
    assert stop is None
    assert len(run.api.started()) == 3
    assert max(run.api.started()) < CLOSES
    assert list(run.outcomes().values()) == [STARTED] * 3 + [HELD] * 3
    assert len(run.journal.of("intent")) == 3  # nobody else was given a permit
    assert run.exit_code() == 12


async def test_connecting_at_closing_time_sends_nothing_costs_no_try(rig):
    hours = {"zones": ["UTC"], "hours": "22:00-22:14"}  # closes after 40 seconds
    run = rig([late("c0", "shut")], windows=windows(shut=hours), timeouts={"total": "90s"},
              retry={"attempts": 1, "max_elapsed": "30s"})  # fmt: skip
    run.api.connecting = 60.0
    await run.run()
    assert run.api.started() == []
    assert run.api.prevented == ["not sent: window shut has closed"]
    assert run.state() is State.RETRYABLE
    assert run.outcomes() == {"c0": HELD}


async def test_a_retry_due_after_closing_waits_for_the_next_opening(rig):
    hours = {
        "zones": ["UTC", "Europe/Berlin"],
        "hours": "22:00-24:00",
    }  # 22:00 UTC is 23:00 there: open until 23:00 UTC
    run = rig([late("c0", "both")], windows=windows(both=hours), windows_wait="24h",
              retry={"attempts": 2, "backoff": "3000s..3000s", "max_elapsed": "2h"})  # fmt: skip
    run.api.script("s/c0", UNSENT)
    stop = await run.run()
    assert stop is None
    assert run.api.started() == pytest.approx([86400 - 800.0 + 0.1])  # the next day, 22:00 UTC
    assert run.outcomes() == {"c0": STARTED}


async def test_last_start_counts_as_closing_time(rig):
    hours = {"zones": ["UTC"], "hours": "22:00-23:00", "last_start": "30m"}
    run = rig([late(f"c{n}", "early") for n in range(4)], account={"rate": ["1/600s"]}, windows=windows(early=hours))
    await run.run()
    assert len(run.api.started()) == 2
    assert max(run.api.started()) < OPENS


async def test_a_window_that_opens_after_the_longest_wait_is_ignored(rig, elapsed):
    run = rig([late("c0"), "c1"], windows=windows(), windows_wait="999s")
    stop = await run.run()
    assert stop is None
    assert run.outcomes() == {"c0": HELD, "c1": STARTED}
    assert elapsed() < 1
    told = run.observer.named("window_held")[0]
    assert told["message"] == (
        "window late is closed until 2023-11-14T22:30:00.000Z; a run waits 16 min 39 s at most (windows_wait)"
    )
    assert run.messages()["c0"] == told["message"]


async def test_no_wait_holds_what_is_closed_and_exits_with_12(rig, elapsed):
    run = rig([late("c0"), "c1"], windows=windows(), no_wait=True)
    await run.run()
    assert run.outcomes() == {"c0": HELD, "c1": STARTED}
    assert run.messages()["c0"].endswith("; this run does not wait")
    assert elapsed() < 1
    assert run.exit_code() == 12


async def test_a_window_that_never_opens_is_said_to(rig):
    never = {"zones": ["UTC", "Asia/Tokyo"], "hours": "12:00-13:00"}
    run = rig([late("c0", "never")], windows=windows(never=never))
    await run.run()
    assert "does not open within a month" in run.messages()["c0"]


async def test_a_stop_ends_the_wait_at_once(rig, stop_at, elapsed):
    run = rig([late("c0")], windows=windows())
    stop_at(run, 10)
    stop = await run.run()
    assert stop.reason is StopReason.SIGINT
    assert elapsed() == pytest.approx(10)
    assert run.outcomes() == {"c0": ("held", "stopped")}


async def test_a_hold_by_a_window_is_not_blamed_on_another_lanes_stop(rig):
    accounts = {name: {"account_id": name, "rate": "unlimited"} for name in ("acme", "bell")}
    run = rig([late("c0", account="bell"), "c1", "c2"], accounts=accounts, windows=windows(), windows_wait="0s")
    run.api.script("s/c1", says(401), says(401))
    await run.run()
    assert run.outcomes()["c0"] == HELD
    assert run.exit_code() == 12


async def test_a_window_missed_while_all_workers_were_busy_is_held(rig):
    short = {"zones": ["UTC"], "hours": "22:30-22:31"}
    run = rig(["c0", late("c1", "short")], account={"in_flight": 1}, windows=windows(short=short), latency=2000.0,
              timeouts={"total": "3000s"})  # fmt: skip
    await run.run()
    assert run.outcomes() == {"c0": STARTED, "c1": HELD}


async def test_a_canary_whose_window_is_closed_holds_the_rest(rig):
    waves = [{"name": "canary", "campaigns": ["s/c0"], "pass": {"started": "100%"}}]
    run = rig([late("c0"), "c1"], windows=windows(), waves=waves, windows_wait="0s")
    stop = await run.run()
    assert stop.reason is StopReason.WAVE
    assert run.api.started() == []
    assert run.outcomes() == {"c0": HELD, "c1": ("held", "stopped")}


BEFORE = {"message": "a", "name": "c0", "contact lists": ["people"]}
EDITED = [
    ({"message": "b"}, "message changed"),
    ({"message": "b", "contact lists": ["others"]}, "message and contact lists changed"),
    ({"message": None, "name": "c1", "contact lists": []}, "message, contact lists and name changed"),
]


@pytest.mark.parametrize(("edit", "said"), EDITED)
async def test_what_was_edited_during_the_wait_is_named(rig, edit, said):
    run = rig([late("c0"), late("c1")], windows=windows())
    run.api.live["s/c0"] = LiveState("Ready", instance_id="i0", updated_at="T1", content=digest(BEFORE))
    now = LiveState("Ready", instance_id="i0", updated_at="T2", content=digest(BEFORE | edit))
    asyncio.get_running_loop().call_at(500, run.api.live.__setitem__, "s/c0", now)
    await run.run()
    assert run.outcomes() == {"c0": ("held", "changed"), "c1": STARTED}
    assert run.messages()["c0"] == f"it was edited while it waited: {said} since the plan"


CHANGES = [
    (LiveState("Active", instance_id="i1"), "it is Active now"),
    (LiveState("Ready", instance_id="i1"), "it ran"),
    (LiveState("Ready", instance_id="i0", instance_updated_at="2023-11-14T22:14:00Z"), "it was edited"),
    (LiveState("Ready", instance_id="i0", scheduled=True), "it is Ready now, scheduled"),
    (None, "it is no longer on the platform"),
]


@pytest.mark.parametrize(("now", "said"), CHANGES)
async def test_what_somebody_changed_during_the_wait_is_not_started(rig, now, said):
    run = rig([late("c0"), late("c1")], windows=windows())

    def change():
        run.api.live.pop(CampaignKey("s/c0"))
        run.api.live.update({} if now is None else {CampaignKey("s/c0"): now})

    asyncio.get_running_loop().call_at(500, change)
    await run.run()
    assert run.api.started("s/c0") == []
    assert run.outcomes() == {"c0": ("held", "changed"), "c1": STARTED}
    assert run.messages()["c0"] == f"it was changed while it waited: {said}"
    assert run.observer.named("campaign_held") == [
        {"campaign": "s/c0", "lane": "sandbox a1", "message": run.messages()["c0"]}
    ]


async def test_what_cannot_be_read_again_after_the_wait_is_not_started(rig):
    run = rig([late("c0")], windows=windows(), retry={"attempts": 1})
    run.api.read_steps.append(says(503))
    await run.run()
    assert run.api.started() == []
    assert run.messages()["c0"].startswith("its state could not be read again after the wait (HTTP 503")


async def test_without_a_preflight_there_is_nothing_to_compare(rig):
    run = rig([late("c0")], windows=windows(), preflight={"check": "off"})
    await run.run()
    assert run.api.started() == pytest.approx([OPENS])
    assert [call.what for call in run.api.calls] == ["start"]


async def test_a_worker_that_is_free_looks_while_another_is_at_work(rig):
    run = rig([late("c0"), *(f"c{n}" for n in range(1, 4))], account={"in_flight": 2}, windows=windows(), latency=900.0,
              timeouts={"total": "3000s"})  # fmt: skip
    await run.run()
    # The second starts of both workers wait for a read: 900 s after the plan, its live states are no longer good.
    assert run.api.started("s/c3") == [1800.0]
    assert run.api.reads("list") == [900.0, 1800.0]
    assert run.outcomes()["c0"] == STARTED


async def test_a_stop_during_the_second_look_sends_nothing(rig, stop_at):
    run = rig([late(f"c{n}") for n in range(4)], windows=windows(), retry={"backoff": "60s..60s"})
    run.api.read_steps.append(says(503))
    stop_at(run, OPENS + 10)
    await run.run()
    assert run.api.started() == []
    assert set(run.outcomes().values()) == {("held", "stopped")}


ENDS = "2023-11-14T22:13:50Z"  # 30 seconds after the run begins


async def test_nothing_starts_from_not_after_on(rig):
    run = rig(6, account={"rate": ["1/10s"]}, not_after=ENDS)
    stop = await run.run()
    assert stop is None
    assert len(run.api.started()) == 3
    assert max(run.api.started()) < 30
    assert list(run.outcomes().values()) == [STARTED] * 3 + [HELD] * 3
    assert (
        run.messages()["c5"]
        == "not_after is Tue 2023-11-14 22:13:50 UTC: nothing starts from then on, unless it is changed"
    )
    assert run.exit_code() == 12


async def test_a_window_that_opens_after_not_after_is_not_waited_for(rig, elapsed):
    run = rig([late("c0"), "c1"], windows=windows(), not_after=ENDS)
    await run.run()
    assert run.outcomes() == {"c0": HELD, "c1": STARTED}
    ending = "not_after is Tue 2023-11-14 22:13:50 UTC: nothing starts from then on, unless it is changed"
    assert run.messages()["c0"] == f"window late is closed until 2023-11-14T22:30:00.000Z; {ending}"
    assert elapsed() < 30


async def test_connecting_when_not_after_comes_sends_nothing(rig):
    run = rig(1, not_after=ENDS, timeouts={"total": "90s"})
    run.api.connecting = 60.0
    await run.run()
    assert run.api.started() == []
    assert run.api.prevented == ["not sent: not_after has passed"]
    assert run.outcomes() == {"c0": HELD}


async def test_a_wave_that_bakes_past_not_after_is_held(rig):
    canary = {"stream": "s", "campaign": "c0", "tags": ["canary"]}
    run = rig([canary, "c1"], waves=[{"name": "canary", "tags": ["canary"], "bake": "10m"}], not_after=ENDS)
    await run.run()
    assert run.outcomes() == {"c0": STARTED, "c1": HELD}
