"""Starts whose answer was lost: evidence or unknown, and never a second send."""

import asyncio

import pytest

from orchestrator.core.journal.states import State
from orchestrator.model import LiveState, Progress, Record, StopReason
from tests.fakes import BASE, loses, says

LOST = [
    says(500, "oops"),
    says(503),
    says(408),
    says(200, "<html>", payload=None),
    says(200, payload={"status": "Ready"}),
    says(200, payload={"status": "failure", "errors": [{"msg": "?"}]}),
    loses(Progress.SENDING, takes=30.0),
    loses(Progress.ANSWERED, http_status=200),
]
LANE = "sandbox a1"


def earlier(at=BASE, kind=None, **data):
    """The journal of a run that died after its intent, or later."""
    begun = Record("spring", "s/c0", 1, "intent", "r-1", at, LANE, {"deadline": at + 30, "baseline": BASELINE})
    if kind is None:
        return (begun,)
    return (begun, Record("spring", "s/c0", 1, kind, "r-1", at + 1, LANE, data))


BASELINE = {"status": "Ready", "instance": "i0"}


@pytest.mark.parametrize("step", LOST)
async def test_a_lost_answer_is_never_sent_again_and_stays_unknown(rig, step):
    run = rig(1)
    run.api.script("s/c0", step)
    stop = await run.run()
    assert stop is None
    assert len(run.api.started()) == 1
    assert run.outcomes() == {"c0": ("unknown", "no_evidence")}
    assert run.state() is State.UNKNOWN
    assert run.exit_code() == 11


async def test_a_suspect_is_probed_at_once_and_after_the_settle_time(rig, elapsed):
    run = rig(1, probe={"settle": "90s"})
    run.api.script("s/c0", says(500))
    await run.run()
    assert run.api.reads("status") == pytest.approx([0.1])
    assert run.api.reads("list") == pytest.approx([90.1])
    assert elapsed() == pytest.approx(90.2)


async def test_the_settle_time_defaults_to_twice_the_timeout(rig):
    run = rig(1, timeouts={"total": "20s"})
    run.api.script("s/c0", says(500))
    await run.run()
    assert run.api.reads("list") == pytest.approx([40.1])


@pytest.mark.parametrize("check", ["status", "off"])
async def test_the_second_probe_is_a_status_call_if_nothing_is_listed(rig, check):
    run = rig(1, preflight={"check": check})
    run.api.script("s/c0", says(500))
    await run.run()
    assert run.api.reads("status") == pytest.approx([0.1, 60.1])
    assert run.api.reads("list") == []


async def test_suspects_of_a_stream_share_one_list_call(rig):
    run = rig(5)
    for i in range(5):
        run.api.script(f"s/c{i}", says(500))
    await run.run()
    assert len(run.api.reads("status")) == 5
    assert len(run.api.reads("list")) == 1


@pytest.mark.parametrize(
    "then",
    [
        LiveState("Active", instance_id="i0"),
        LiveState("Preparing", instance_id="i0"),
    ],
)
async def test_evidence_found_at_once_means_started(rig, elapsed, then):
    run = rig(1)
    run.api.script("s/c0", says(500, then=then))
    await run.run()
    assert run.outcomes() == {"c0": ("started", "evidence")}
    assert elapsed() < 1
    assert len(run.api.started()) == 1


async def test_evidence_found_after_the_settle_time_means_started(rig, elapsed):
    run = rig(1)
    run.api.script("s/c0", says(500))
    asyncio.get_running_loop().call_at(30, run.api.live.__setitem__, "s/c0", LiveState("Active"))
    await run.run()
    assert run.outcomes() == {"c0": ("started", "evidence")}
    assert elapsed() > 60


async def test_a_probe_that_cannot_be_read_proves_nothing(rig):
    run = rig(1, retry={"attempts": 1})
    run.api.script("s/c0", says(500, then=LiveState("Active")))
    run.api.read_steps.extend([says(500), says(500)])
    await run.run()
    assert run.outcomes() == {"c0": ("unknown", "no_evidence")}


async def test_probes_spend_the_lanes_budget(rig):
    run = rig(3, account={"rate": ["2/10s"]}, probe={"settle": "0s"})
    run.api.script("s/c0", says(500))
    await run.run()
    times = sorted(call.at for call in run.api.calls)
    assert len(times) == 5
    assert all(b - a >= 10 for a, b in zip(times, times[2:], strict=False))


async def test_an_open_intent_is_judged_after_its_deadline_never_sent(rig):
    run = rig(1, earlier=earlier(), probe={"settle": "1s"})
    run.api.live["s/c0"] = LiveState("Active")
    await run.run()
    assert run.api.started() == []
    assert run.api.reads("status") == pytest.approx([60])
    assert run.outcomes() == {"c0": ("started", "evidence")}


async def test_an_open_intent_of_a_clock_ahead_delays_nobody_for_hours(rig, elapsed):
    """The permit was good for 30 s, so it ended 30 s after this run saw it; then the timeout of 30 s."""
    run = rig(1, earlier=earlier(BASE + 8 * 3600), probe={"settle": "1s"})
    await run.run()
    assert run.api.started() == []
    assert run.outcomes() == {"c0": ("unknown", "no_evidence")}
    assert run.api.reads("status") == pytest.approx([60])
    assert 60 <= elapsed() < 61


async def test_an_open_intent_without_evidence_is_unknown(rig, elapsed):
    run = rig(1, earlier=earlier())
    await run.run()
    assert run.api.started() == []
    assert run.outcomes() == {"c0": ("unknown", "no_evidence")}
    assert 60 <= elapsed() < 61


async def test_an_old_open_intent_is_judged_at_once(rig, elapsed):
    run = rig(1, earlier=earlier(BASE - 1000))
    await run.run()
    assert run.api.started() == []
    assert run.outcomes() == {"c0": ("unknown", "no_evidence")}
    assert elapsed() < 1


async def test_a_suspect_of_an_earlier_run_is_judged_and_never_sent(rig):
    run = rig(1, earlier=earlier(BASE - 1000, "verdict", event="indeterminate", message="lost"))
    run.api.live["s/c0"] = LiveState("Ready", instance_id="i1")
    await run.run()
    assert run.api.started() == []
    assert run.outcomes() == {"c0": ("started", "evidence")}


async def test_an_open_intent_does_not_hold_up_the_starts(rig):
    run = rig(3, earlier=earlier(), account={"in_flight": 1})
    await run.run()
    assert run.api.started() == pytest.approx([0, 0.1])
    assert run.outcomes()["c1"] == ("started", "accepted")


async def test_an_unknown_of_an_earlier_run_is_left_to_a_person(rig):
    run = rig(1, earlier=(*earlier(BASE - 1000, "no_evidence", message="none"),))
    await run.run()
    assert run.api.calls == []
    assert run.outcomes() == {"c0": ("unknown", "no_evidence")}


async def test_a_second_run_of_a_finished_launch_sends_nothing(rig):
    first = rig(5)
    first.api.script("s/c1", says(400))
    first.api.script("s/c2", says(500))
    await first.run()
    again = rig(5, earlier=tuple(r for r in first.journal.records if not r.campaign.startswith("@")))
    stop = await again.run()
    assert stop is None
    assert again.api.started() == []
    assert set(again.outcomes()) == {"c0", "c1", "c2", "c3", "c4"}
    assert again.outcomes()["c0"] == ("already_started", "journal")
    assert again.outcomes()["c1"] == ("failed", "failed_before")


async def test_a_stop_leaves_suspects_as_they_are(rig, stop_at, elapsed):
    run = rig(1)
    run.api.script("s/c0", says(500))
    stop_at(run, 10)
    stop = await run.run()
    assert stop.reason is StopReason.SIGINT
    assert elapsed() == pytest.approx(10)
    assert run.state() is State.SUSPECT
    assert run.outcomes() == {"c0": ("unknown", "open_intent")}


async def test_a_stop_leaves_open_intents_of_earlier_runs_as_they_are(rig, stop_at, elapsed):
    run = rig(1, earlier=earlier())
    stop_at(run, 10)
    await run.run()
    assert elapsed() == pytest.approx(10)
    assert run.state() is State.INTENDED
    assert run.api.calls == []
