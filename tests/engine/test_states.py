"""The one way to a record about a campaign: committed, then applied, whatever becomes of the caller."""

import asyncio

import pytest

from orchestrator.core.attempt.verdict import Verdict, VerdictKind
from orchestrator.core.journal.records import RunRecords
from orchestrator.core.journal.states import IllegalMove, State
from orchestrator.engine.states import CampaignStates
from orchestrator.errors import JournalWriteError
from orchestrator.model import CampaignKey, Lane, Outcome, Reply
from tests.fakes import BASE, MemoryJournal, RecordingObserver

KEY, LANE = CampaignKey("s/c0"), Lane("sandbox a1")
RECORDS = RunRecords("spring", "r-1", lambda: BASE)
INTENT = RECORDS.intent(KEY, 1, LANE, deadline=BASE + 30, baseline=None)
ANSWER = Reply(200, {"status": "Active"}, "", BASE, 0.1)


def verdict(kind=VerdictKind.ACCEPTED):
    return RECORDS.verdict(KEY, 1, LANE, ANSWER, Verdict(kind, "said"))


@pytest.fixture
def journal():
    return MemoryJournal(latency=1.0)


@pytest.fixture
def states(journal):
    return CampaignStates(journal, RecordingObserver(), {})


async def test_a_started_campaign_never_looks_new(states):
    await states.permit(INTENT)
    concluded = await states.commit(verdict())
    assert concluded is not None
    assert concluded.outcome is Outcome.STARTED
    assert states.of(KEY).state is states[KEY].state is State.STARTED
    assert states.of(KEY).finished_at == BASE
    assert (list(states), len(states)) == ([KEY], 1)
    for attempt in (1, 2):
        with pytest.raises(IllegalMove):
            states.apply(RECORDS.intent(KEY, attempt, LANE, deadline=BASE, baseline=None))
    assert states.of(KEY).state is State.STARTED


async def test_outcomes_are_counted_for_the_run_and_for_the_lane(states):
    await states.permit(INTENT)
    concluded = await states.commit(verdict(VerdictKind.REJECTED))
    assert concluded is not None
    assert concluded.counts == concluded.lane_counts == {"started": 0, "failed": 1, "unknown": 0}


async def test_a_record_of_no_outcome_returns_none(states, journal):
    await states.permit(INTENT)
    assert await states.commit(verdict(VerdictKind.NOT_SENT)) is None
    assert await states.commit(RECORDS.end(None, [], {}, None, {})) is None
    assert [record.kind for record in journal.records] == ["intent", "verdict", "end"]


async def test_a_cancelled_commit_is_finished_first(states, journal):
    await states.permit(INTENT)
    task = asyncio.create_task(states.commit(verdict()))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [record.kind for record in journal.records] == ["intent", "verdict"]
    assert states.of(KEY).state is State.STARTED


async def test_a_record_that_the_journal_cannot_take_is_kept(states, journal):
    await states.permit(INTENT)
    journal.refuses = lambda _: True
    task = asyncio.create_task(states.commit(verdict()))
    await asyncio.sleep(0.5)
    task.cancel()  # whether or not anyone still waits for it
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(JournalWriteError):
        await states.commit(RECORDS.end(None, [], {}, None, {}))
    assert states.unrecorded == [verdict()]
    assert states.of(KEY).state is State.INTENDED


async def test_a_second_cancellation_leaves_the_commit_alone(states, journal):
    await states.permit(INTENT)
    task = asyncio.create_task(states.commit(verdict()))
    for _ in range(2):
        await asyncio.sleep(0.1)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert states.of(KEY).state is State.INTENDED
    await asyncio.sleep(2)
    assert [record.kind for record in journal.records] == ["intent", "verdict"]
    assert states.of(KEY).state is State.STARTED
