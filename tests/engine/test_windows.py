"""Closed windows: who waits, who is held, and that nothing leaves after closing time. It is 22:13:20 UTC at first."""

import pytest

from orchestrator.core.outcome import State
from orchestrator.model import StopReason
from tests.fakes import UNSENT, says

STARTED = ("started", "accepted")
HELD = ("held", "window")
OPENS = 1000.0  # 22:30 UTC
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
    assert run.api.started("s/c0") + run.api.started("s/c2") == pytest.approx([OPENS, OPENS + 0.1])
    assert run.observer.named("window_waiting") == [
        {"lane": "sandbox a1", "window": "late", "campaigns": 2, "until": "2023-11-14T22:30:00.000Z"}
    ]
    assert run.exit_code() == 0


async def test_all_workers_of_a_lane_start_when_the_window_opens(rig):
    run = rig([late(f"c{n}") for n in range(8)], account={"in_flight": 4}, windows=windows())
    await run.run()
    assert run.api.started() == pytest.approx([OPENS] * 4 + [OPENS + 0.1] * 4)


async def test_a_start_that_queued_until_after_closing_time_does_not_leave(rig):
    run = rig([late(f"c{n}", "now") for n in range(6)], account={"rate": ["1/1000s"]}, windows=windows())
    stop = await run.run()
    assert stop is None
    assert len(run.api.started()) == 3
    assert max(run.api.started()) < CLOSES
    assert list(run.outcomes().values()) == [STARTED] * 3 + [HELD] * 3
    assert len(run.journal.of("intent")) == 3  # nobody else was given a permit
    assert run.exit_code() == 12


async def test_a_start_still_connecting_at_closing_time_sends_nothing_and_loses_no_attempt(rig):
    hours = {"zones": ["UTC"], "hours": "22:00-22:14"}  # closes after 40 seconds
    run = rig([late("c0", "shut")], windows=windows(shut=hours), retry={"attempts": 1})
    run.api.connecting = 60.0
    await run.run()
    assert run.api.started() == []
    assert run.api.prevented == ["not sent: window shut has closed"]
    assert run.state() is State.RETRYABLE
    assert run.outcomes() == {"c0": HELD}


async def test_a_retry_that_would_come_after_closing_time_waits_for_the_next_opening(rig):
    hours = {"zones": ["UTC", "Etc/GMT-1"], "hours": "22:00-24:00"}  # 22:00 UTC is 23:00 there: open until 23:00 UTC
    run = rig([late("c0", "both")], windows=windows(both=hours), windows_wait="24h",
              retry={"attempts": 2, "backoff": "3000s..3000s", "max_elapsed": "2h"})  # fmt: skip
    run.api.script("s/c0", UNSENT)
    stop = await run.run()
    assert stop is None
    assert run.api.started() == pytest.approx([86400 - 800.0])  # the next day, 22:00 UTC
    assert run.outcomes() == {"c0": STARTED}


async def test_last_start_counts_as_closing_time(rig):
    hours = {"zones": ["UTC"], "hours": "22:00-23:00", "last_start": "30m"}
    run = rig([late(f"c{n}", "early") for n in range(4)], account={"rate": ["1/600s"]}, windows=windows(early=hours))
    await run.run()
    assert len(run.api.started()) == 2
    assert max(run.api.started()) < OPENS


async def test_a_window_that_opens_later_than_a_run_waits_is_not_waited_for(rig, elapsed):
    run = rig([late("c0"), "c1"], windows=windows(), windows_wait="999s")
    stop = await run.run()
    assert stop is None
    assert run.outcomes() == {"c0": HELD, "c1": STARTED}
    assert elapsed() < 1
    told = run.observer.named("window_held")[0]
    assert told["message"] == (
        "window late is closed until 2023-11-14T22:30:00.000Z; a run waits 0.2775 h at most (windows_wait)"
    )
    assert run.messages()["c0"] == told["message"]


async def test_no_wait_holds_what_is_closed_and_exits_with_12(rig, elapsed):
    run = rig([late("c0"), "c1"], windows=windows())
    run.context.no_wait = True
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


async def test_what_a_window_holds_is_not_blamed_on_another_accounts_stop(rig):
    accounts = {name: {"account_id": name, "rate": "unlimited"} for name in ("acme", "bell")}
    run = rig([late("c0", account="bell"), "c1", "c2"], accounts=accounts, windows=windows(), windows_wait="0s")
    run.api.script("s/c1", says(401), says(401))
    await run.run()
    assert run.outcomes()["c0"] == HELD
    assert run.exit_code() == 12


async def test_a_window_that_opened_and_closed_while_all_workers_were_busy_is_held(rig):
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
