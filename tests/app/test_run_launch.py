import asyncio
import dataclasses
import json
import sqlite3
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from orchestrator import (
    Interrupted,
    LaneLeased,
    Outcome,
    Redactor,
    Result,
    Stop,
    StopReason,
    StopSignal,
    plan_launch,
    run_launch,
)
from orchestrator.core.journal.states import State
from orchestrator.errors import JournalWriteError, LedgerError
from orchestrator.ledger.store import Store
from orchestrator.sandbox import people
from tests.app.conftest import Watcher, reached
from tests.system.crash.conftest import ACCOUNT, SECRET


async def test_in_a_running_loop_a_second_call_starts_nothing(places):
    place = await places()
    manifest = place.load()
    first = await run_launch(manifest)
    again = await run_launch(manifest)

    assert isinstance(first, Result)
    assert (first.exit_code, first.totals[Outcome.STARTED]) == (0, 5)
    assert (again.exit_code, again.totals[Outcome.ALREADY_STARTED]) == (0, 5)
    assert place.result == again.as_json()
    place.check_never_twice()
    assert len(place.starts) == 5


async def test_a_program_waits_for_not_before_and_is_stopped_in_it(places):
    place = await places(count=2)
    opens = int(time.time()) + 4
    result = await run_launch(place.load(not_before=datetime.fromtimestamp(opens, UTC).isoformat()))
    assert result.totals[Outcome.STARTED] == 2
    assert min(datetime.fromisoformat(c.sent_at).timestamp() for c in result.campaigns) >= opens

    stop = StopSignal()
    later = asyncio.create_task(run_launch(place.load(launch="later", not_before="2037-12-01T14:00Z"), stop=stop))
    asyncio.get_running_loop().call_later(2, stop.set, Stop(StopReason.SIGINT, "enough"))
    with pytest.raises(Interrupted) as caught:
        await later
    assert (caught.value.exit_code, caught.value.nothing_was_sent) == (130, True)
    assert len(place.starts) == 2


async def test_selections_are_minded(places):
    place = await places()
    result = await run_launch(place.load(), select=["stream:st-1"], exclude=["campaign:cd-1,campaign:cd-2"])

    assert place.starts == {"st-1/cd-0": 1, "st-1/cd-3": 1, "st-1/cd-4": 1}
    assert result.totals[Outcome.SKIPPED] == 2


async def test_failed_campaigns_start_again_only_on_request(places):
    place = await places(count=2)
    campaigns = [*place.raw["campaigns"], {"stream": "st-1", "campaign": "cd-late"}]
    manifest = place.load(campaigns=campaigns, preflight={"check": "off"})
    first = await run_launch(manifest)
    known = place.server.platform.campaign("st-1", "cd-0")
    place.server.platform.put(dataclasses.replace(known, id="cd-late", status="Ready"))
    second = await run_launch(manifest)
    third = await run_launch(manifest, retry_failed=True)

    assert [place.outcomes(r)["st-1/cd-late"] for r in (first, second, third)] == ["failed", "failed", "started"]
    assert place.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1, "st-1/cd-late": 1}


def crowd(place, count):
    """Old campaigns of other launches, which fill the first pages of the stream's list."""
    platform = place.server.platform
    known = platform.campaign("st-1", "cd-0")
    for n in range(count):
        old = {"id": f"old-{n}", "status": "Completed", "instance_id": f"cid-old-{n}", "contact_lists": (f"list {n}",)}
        platform.put(dataclasses.replace(known, created_at="2024-06-01T00:00:00.000Z", **old))


async def test_three_of_two_thousand_take_five_reads(places):
    place = await places(count=3)
    crowd(place, 2000)
    manifest = place.load()
    planned = await plan_launch(manifest)
    read = place.server.platform.arrivals[ACCOUNT].total
    result = await run_launch(manifest)

    assert (read, planned.estimate.calls) == (5, {"acme": 8})  # a page, three by id, the contact lists
    assert place.server.platform.arrivals[ACCOUNT].total == read + 8
    assert place.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1, "st-1/cd-2": 1}
    assert result.exit_code == 0


async def test_a_campaign_that_a_long_stream_lacks_is_not_found(places):
    place = await places(count=3)
    crowd(place, 2000)
    result = await run_launch(place.load(campaigns=[*place.raw["campaigns"], {"stream": "st-1", "campaign": "cd-no"}]))

    assert place.outcomes(result)["st-1/cd-no"] == "failed"
    assert (result.exit_code, len(place.starts)) == (10, 3)


@pytest.mark.parametrize("named", [{"require_dnc": True}, {"rerun": True}])
async def test_what_only_a_list_names_is_so_in_any_stream(places, named):
    entries = []
    for length in (0, 400):
        place = await places(f"of-{length}", count=3)
        crowd(place, length)
        known = place.server.platform.campaign("st-1", "cd-1")
        place.server.platform.put(dataclasses.replace(known, dnc_list="stop", status="Stopped", instance_id="cid-7"))
        campaigns = [one | {"rerun": named.get("rerun", False)} for one in place.raw["campaigns"]]
        preflight = {"require_dnc": named.get("require_dnc", False)}
        planned = await plan_launch(place.load(campaigns=campaigns, preflight=preflight))
        entries.append([(entry.live, entry.decision) for entry in planned.plan.entries])

    assert entries[0] == entries[1]
    assert entries[1][1][0].instance_id == "cid-7"


async def test_two_launches_at_once_share_a_ledger_independently(places):
    east, west = await places("east"), await places("west")
    ledger = f"sqlite:///{east.directory}/.orchestrator/ledger.db"
    mine, theirs = east.load(), west.load(launch="west", ledger=ledger)
    one, other = await asyncio.gather(run_launch(mine), run_launch(theirs))

    assert (one.run["launch"], other.run["launch"]) == ("crash", "west")
    assert one.totals == other.totals
    assert len(east.starts) == len(west.starts) == one.totals[Outcome.STARTED] == 5


async def test_the_same_launch_twice_at_once_runs_once(places):
    place, stop_signal, baking = await places(), StopSignal(), asyncio.Event()
    waves = [{"name": "canary", "tags": ["canary"], "bake": "1h"}, {"name": "rest"}]
    place.raw["campaigns"][0]["tags"] = ["canary"]
    manifest = place.load(waves=waves)
    first = asyncio.create_task(run_launch(manifest, stop=stop_signal, observer=Watcher(wave_baking=baking.set)))
    await reached(baking, first)
    with pytest.raises(LaneLeased):
        await run_launch(manifest)
    stop_signal.set(Stop(StopReason.CANCELLED, "enough"))

    assert (await first).totals[Outcome.STARTED] == 1
    assert place.starts == {"st-1/cd-0": 1}


async def test_cancelling_is_an_orderly_stop_and_a_later_call_goes_on(places):
    place = await places(count=8, scripted={f"st-1/cd-{n}": ["slow"] for n in range(8)})
    manifest = place.load()
    watcher = Watcher()
    task = asyncio.create_task(run_launch(manifest, observer=watcher))
    watcher.at["start_answered"] = task.cancel
    with pytest.raises(asyncio.CancelledError):
        await task
    begun = dict(place.starts)
    states = {key: history.state for key, history in place.histories().items()}

    assert 1 <= len(begun) < 8
    assert {key for key, state in states.items() if state is State.STARTED} == begun.keys()
    assert place.result["run"]["stop"] == {"reason": "cancelled", "detail": "the launch was cancelled"}
    assert place.result["run"]["exit_code"] == 12
    assert place.result["totals"]["held"] == 8 - len(begun)
    assert watcher.names[-1] == "run_finished"
    assert (await run_launch(manifest)).exit_code == 0
    place.check_never_twice()


async def test_a_deadline_around_a_launch_is_an_orderly_stop_too(places):
    place = await places(count=8, scripted={f"st-1/cd-{n}": ["slow"] for n in range(8)})
    manifest = place.load()
    watcher = Watcher()

    async def within_a_deadline():
        async with asyncio.timeout(None) as deadline:
            watcher.at["start_answered"] = lambda: deadline.reschedule(0.0)
            await run_launch(manifest, observer=watcher)

    with pytest.raises(TimeoutError):
        await within_a_deadline()

    assert set(place.starts) == {key for key, h in place.histories().items() if h.state is State.STARTED}
    assert place.result["run"]["stop"]["reason"] == "cancelled"


async def test_a_second_cancellation_leaves_calls_in_flight_open(places):
    scripted, slow = {"st-1/cd-0": ["hang_after"]}, {"connect": "5s", "total": "30s"}
    place, cancelled = await places(count=20, scripted=scripted, timeouts=slow), asyncio.Event()

    class Canceller:
        def event(self, name, **_):
            if name == "start_answered" and "st-1/cd-0" in place.starts and not cancelled.is_set():
                task.cancel()
                cancelled.set()

    task = asyncio.create_task(run_launch(place.load(), observer=Canceller()))
    await reached(cancelled, task)
    await asyncio.sleep(0)  # by now it waits for what is in flight
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert place.histories()["st-1/cd-0"].state is State.INTENDED
    assert place.starts["st-1/cd-0"] == 1
    assert place.result["run"]["exit_code"] == 11


@pytest.mark.parametrize(("reason", "code"), [(StopReason.CANCELLED, 12), (StopReason.SIGTERM, 143)])
async def test_a_stop_that_was_asked_for_ends_the_run_and_says_so(places, reason, code):
    place, stop_signal = await places(count=8), StopSignal()
    said = Stop(reason, "the service was stopped")
    result = await run_launch(
        place.load(), stop=stop_signal, observer=Watcher(start_answered=lambda: stop_signal.set(said))
    )

    assert (result.run["stop"], result.exit_code) == ({"reason": reason, "detail": said.detail}, code)
    assert 1 <= len(place.starts) == result.totals[Outcome.STARTED] < 8
    assert stop_signal.stop == said


async def test_the_stop_says_afterwards_why_a_run_ended_early(places):
    scripted = {"st-1/cd-0": ["reset_before"] * 9}
    place, stop_signal = await places(scripted=scripted), StopSignal()
    await run_launch(place.load(stop_when={"unknown": 1}), stop=stop_signal)

    assert stop_signal.stop is not None
    assert stop_signal.stop.reason is StopReason.RULE


async def test_a_plan_sends_nothing_and_its_hash_is_the_approval(places):
    place = await places()
    manifest = place.load(approval="plan")
    made = await plan_launch(manifest, select=["campaign:cd-1"], max_starts=3)
    before = dict(place.starts)
    result = await run_launch(manifest, select=["campaign:cd-1"], approve=made.plan.sha256[:12])

    assert before == {}
    assert [entry.key for entry in made.plan.entries if str(entry.decision.action) == "start"] == ["st-1/cd-1"]
    assert result.totals[Outcome.STARTED] == 1
    assert place.starts == {"st-1/cd-1": 1}


async def test_an_observer_that_fails_changes_nothing_and_is_heard_of(places):
    place, heard = await places(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))

    class Broken:
        def event(self, name, **_):
            raise RuntimeError(name)

    result = await run_launch(place.load(), observer=Broken())

    assert (result.exit_code, result.totals[Outcome.STARTED]) == (0, 5)
    assert heard[0]["message"] == "an observer of a launch failed at the event ledger_created"
    assert all(isinstance(context["exception"], RuntimeError) for context in heard)


async def test_no_secret_is_in_any_event_and_the_redactor_knows_them(places):
    place, redactor = await places(scripted={"st-1/cd-1": ["unauthorized_once"]}), Redactor()
    watcher = Watcher()
    await run_launch(place.load(), observer=watcher, redactor=redactor)

    assert {"run_started", "wave_opened", "campaign_done", "run_finished"} <= set(watcher.names)
    assert SECRET not in repr(watcher.events)
    assert "eyJ" not in repr(watcher.events)
    assert redactor.text(f"it is {SECRET}") == "it is [redacted]"


@pytest.fixture
def failing_commits():
    """Lets the ledger's commits fail once somebody says so, as SQLite says it when the disk is full."""
    state = {"fails": False}

    def before_commit(connection):
        if state["fails"] and connection.get_execution_options().get("writes"):
            raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("disk is full"))

    sa.event.listen(sa.Engine, "commit", before_commit)
    yield lambda: state.update(fails=True)
    sa.event.remove(sa.Engine, "commit", before_commit)


async def test_what_the_journal_cannot_take_is_handed_over(places, failing_commits):
    place, kept = await places(), []
    watcher = Watcher(start_answered=failing_commits)
    result = await run_launch(place.load(), observer=watcher, unrecorded=kept.append)
    known = {key: history.state for key, history in place.histories().items()}

    assert result.exit_code == 13
    assert kept
    assert f"{len(kept)} records could not be journaled" in result.warnings
    assert all(known[record.campaign] is not State.STARTED for record in kept)
    assert {record.campaign for record in kept} <= place.starts.keys()


async def test_unwritable_reports_are_named_and_change_nothing_else(places):
    place = await places()
    (place.directory / "taken").write_text("a file", encoding="utf-8")
    wanted = {"dir": str(place.directory / "taken"), "formats": ["json"]}
    result = await run_launch(place.load(report=wanted))

    assert result.exit_code == 0
    assert [w for w in result.warnings if w.startswith(f"cannot write the reports to {wanted['dir']}")]
    assert json.dumps(result.as_json())


async def test_an_unreadable_journal_never_says_that_nothing_was_sent(places, monkeypatch):
    """The page is drawn from the journal, which is read after the starts: exit code 8 would be a lie (P6)."""
    real = Store.stream

    def stream(store, launch, **part):
        if place.starts and not part:
            raise LedgerError("the ledger is gone")
        return real(store, launch, **part)

    place = await places()
    monkeypatch.setattr(Store, "stream", stream)
    with pytest.raises(JournalWriteError, match="the ledger is gone") as caught:
        await run_launch(place.load(report={"dir": "reports", "formats": ["html"]}))

    assert len(place.starts) == 5
    assert caught.value.exit_code == 13
    assert not caught.value.nothing_was_sent


async def test_an_edit_after_a_lost_start_is_no_start(places):
    place = await places(count=1, scripted={"st-1/cd-0": ["server_error_before"]})
    platform = place.server.platform

    def edited():
        people.edit(platform, platform.campaign("st-1", "cd-0"), time.time())

    result = await run_launch(place.load(probe={"settle": "0s"}), observer=Watcher(start_answered=edited))

    assert (result.exit_code, place.outcomes(result)) == (11, {"st-1/cd-0": "unknown"})
    assert platform.campaign("st-1", "cd-0").updated_at is not None
    assert place.starts == {}
