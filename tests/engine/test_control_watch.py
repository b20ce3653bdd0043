"""What people say while a run goes on."""

import asyncio

import pytest

from orchestrator.core.content import digest
from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.journal.states import State
from orchestrator.engine.control_watch import POLL_SECONDS
from orchestrator.errors import JournalWriteError, LedgerError
from orchestrator.model import LiveState
from tests.fakes import UNSENT

SLOW = {"account": {"rate": ["1/10s"]}, "preflight": {"check": "off"}}


def say_at(rig, at, word, reason=""):
    asyncio.get_running_loop().call_at(at, rig.journal.record_command, "spring", word, reason)


async def test_a_paused_run_sends_nothing_and_resumes_without_repeats(rig, elapsed):
    rig = rig(6, **SLOW)
    say_at(rig, 15, ControlCommand.PAUSE, "lunch")
    say_at(rig, 3615, ControlCommand.UNPAUSE)
    assert await rig.run() is None
    starts = rig.api.started()
    assert all(not 15 <= at < 3615 for at in starts)
    assert len(starts) == 6
    assert starts[2] <= 3615 + POLL_SECONDS
    assert all(outcome == "started" for outcome, _ in rig.outcomes().values())
    assert rig.exit_code() == 0
    assert rig.observer.named("launch_paused") == [{"by": "ann", "reason": "lunch", "number": 1}]
    assert len(rig.observer.named("launch_unpaused")) == 1


async def test_no_permit_is_granted_after_an_abort_not_yet_polled(rig, elapsed):
    rig = rig(8, account={"in_flight": 1}, preflight={"check": "off"}, latency=0.1)
    say_at(rig, 0.35, ControlCommand.ABORT, "wrong list")
    stop = await rig.run()
    intents = [record for record in rig.journal.records if record.kind == "intent"]
    assert len(intents) == len(rig.api.started()) == 4
    assert elapsed() < POLL_SECONDS
    assert stop.detail == "launch spring was aborted by ann: wrong list"
    assert [o for o, _ in rig.outcomes().values()] == ["started"] * 4 + ["held"] * 4
    assert rig.exit_code() == 12


async def test_an_abort_ends_a_run_waiting_for_its_rate_in_seconds(rig, elapsed):
    rig = rig(3, account={"rate": ["1/1h"]}, preflight={"check": "off"})
    say_at(rig, 60, ControlCommand.ABORT, "wrong list")
    await rig.run()
    assert elapsed() <= 60 + POLL_SECONDS
    assert len(rig.api.started()) == 1


async def test_an_abort_ends_a_run_that_is_paused(rig, elapsed):
    rig = rig(3, **SLOW)
    say_at(rig, 5, ControlCommand.PAUSE, "lunch")
    say_at(rig, 50, ControlCommand.ABORT, "never mind")
    await rig.run()
    assert elapsed() <= 50 + POLL_SECONDS
    assert rig.exit_code() == 12


async def test_a_launch_that_is_paused_before_it_begins_spends_no_slot(rig):
    rig = rig(3, account={"rate": ["3/1h"]}, preflight={"check": "off"})
    rig.journal.record_command("spring", ControlCommand.PAUSE, "not yet")
    say_at(rig, 100, ControlCommand.UNPAUSE)
    await rig.run()
    assert len(rig.api.started()) == 3
    assert all(100 <= at <= 100 + POLL_SECONDS for at in rig.api.started())


async def test_a_signal_ends_a_run_that_is_paused(rig, stop_at, elapsed):
    rig = rig(3, **SLOW)
    rig.journal.record_command("spring", ControlCommand.PAUSE, "not yet")
    stop_at(rig, 30)
    await rig.run()
    assert elapsed() == pytest.approx(30)
    assert rig.api.started() == []
    assert rig.exit_code() == 130


async def test_a_pause_does_not_use_up_the_time_for_retries(rig):
    rig = rig(1, retry={"attempts": 4, "backoff": "10s..10s", "max_elapsed": "60s"}, preflight={"check": "off"})
    rig.api.script("s/c0", UNSENT, UNSENT)
    say_at(rig, 5, ControlCommand.PAUSE, "lunch")
    say_at(rig, 7200, ControlCommand.UNPAUSE)
    await rig.run()
    assert rig.state() is State.STARTED


@pytest.mark.parametrize("in_flight", [1, 3, 8])
async def test_what_was_edited_during_a_pause_is_held(rig, in_flight):
    """Also what waited for its slot while the launch was paused, and noticed nothing of it."""
    rig = rig(8, account={"rate": ["1/10s"], "in_flight": in_flight})
    before = digest({"message": "a", "name": "c"})
    rig.api.live = {key: LiveState("Ready", updated_at="T1", content=before) for key in rig.api.live}
    edited = LiveState("Ready", updated_at="T2", content=digest({"message": "b", "name": "c"}))
    say_at(rig, 15, ControlCommand.PAUSE, "wrong text")
    for n in range(2, 8):
        asyncio.get_running_loop().call_at(16, rig.api.live.__setitem__, f"s/c{n}", edited)
    say_at(rig, 17, ControlCommand.UNPAUSE)
    await rig.run()
    assert len(rig.api.started()) == 2
    assert list(rig.outcomes().values()) == [("started", "accepted")] * 2 + [("held", "changed")] * 6
    assert rig.messages()["c7"] == "it was edited while it waited: message changed since the plan"


@pytest.mark.parametrize("in_flight", [1, 8])
async def test_after_a_pause_campaigns_are_read_twice_at_most(rig, in_flight):
    rig = rig(120, account={"in_flight": in_flight, "rate": ["20/10s"]})
    say_at(rig, 5, ControlCommand.PAUSE, "lunch")
    say_at(rig, 1000, ControlCommand.UNPAUSE)
    await rig.run()
    assert len(rig.api.started()) == 120
    # Three pages; once more where some were in workers' hands.
    assert len(rig.api.reads("list")) in {3, 6}


async def test_a_pause_before_the_run_is_no_reason_to_read_again(rig):
    rig = rig(3)
    for word in (ControlCommand.PAUSE, ControlCommand.UNPAUSE):
        rig.journal.record_command("spring", word, "x")
    await rig.run()
    assert len(rig.api.started()) == 3
    assert rig.api.reads("list") == []


async def test_a_start_in_flight_is_recorded_during_a_pause(rig):
    rig = rig(1, preflight={"check": "off"}, latency=20.0)
    say_at(rig, 1, ControlCommand.PAUSE, "lunch")
    await rig.run()
    assert rig.state() is State.STARTED


async def test_a_journal_that_cannot_be_polled_stops_nothing(rig):
    rig = rig(2, **SLOW)
    rig.journal.unreadable = LedgerError("the ledger cannot be read")
    await rig.run()
    assert rig.exit_code() == 0


async def test_a_journal_that_breaks_ends_a_run_that_waits(rig, elapsed):
    """Not hours later, at the next permit: until then nobody could pause or abort it."""
    rig = rig(2, waves=[{"name": "one", "campaigns": ["s/c0"], "bake": "4h"}, {"name": "rest"}])
    gone = JournalWriteError("the ledger was moved")
    asyncio.get_running_loop().call_at(60, setattr, rig.journal, "unreadable", gone)
    await rig.run()
    assert rig.exit_code() == 13
    assert elapsed() <= 60 + POLL_SECONDS
