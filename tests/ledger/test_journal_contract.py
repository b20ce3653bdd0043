"""What every journal promises: the one in memory that the engine's tests use, and the ledger."""

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager, closing

import pytest

from orchestrator.core.attempt.permit import Permit, PermitError
from orchestrator.core.journal.control import OPEN, ControlCommand, LaunchHeld
from orchestrator.core.journal.lease import Holder
from orchestrator.errors import JournalWriteError, LeaseLost, LedgerError, Refused
from orchestrator.ledger.memory import MemoryStore
from orchestrator.ledger.store import Store
from orchestrator.ledger.writer import Writer
from orchestrator.model import CampaignKey, Lane, Record
from tests import postgres
from tests.core.builders import LEAST
from tests.fakes import BASE, ManualClock, MemoryJournal

LANE, OTHER = Lane("sandbox a1"), Lane("sandbox a2")


def line(kind="intent", campaign="s/c0", attempt=1, lane=LANE, **data):
    return Record("spring", campaign, attempt, kind, "r-1", BASE, lane, {**LEAST[kind], "deadline": BASE + 30, **data})


class Memory:
    """The list."""

    def __init__(self):
        self.journal = MemoryJournal()
        self._begun, self._go = asyncio.Event(), asyncio.Event()

    def read(self):
        return list(self.journal.records)

    def record_command(self, word, reason=""):
        self.journal.record_command("spring", word, reason)

    def break_down(self):
        self.journal.refuses = lambda _: True

    def lose(self, lane):
        self.journal.lost.add(lane)

    def hold(self):
        async def storing():
            self._begun.set()
            await self._go.wait()

        self.journal.storing = storing

    async def begun(self):
        await self._begun.wait()

    def go(self):
        self._go.set()


class Holding:
    """How a kept store's commits are held up."""

    def hold(self):
        self.store.go.clear()

    async def begun(self):
        await asyncio.to_thread(self.store.begun.wait, 10)

    def go(self):
        self.store.go.set()


class HeldMemory(MemoryStore):
    """The store of rehearsals, whose commits wait while they are held."""

    def __init__(self):
        super().__init__()
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.is_broken = False

    def commit(self, records, run_id, fences, now):
        if records:
            self.begun.set()
            self.go.wait(10)
        if self.is_broken:
            raise LedgerError("the memory is full")
        return super().commit(records, run_id, fences, now)


class Rehearsed(Holding):
    """The ledger of rehearsals, under the real writer."""

    def __init__(self):
        self.store = HeldMemory()
        leases = self.store.acquire([LANE, OTHER], Holder("r-1", "spring", "here", 1), BASE)
        self.journal = Writer(self.store, "r-1", leases, ManualClock())

    def read(self):
        return self.store.read("spring")

    def record_command(self, word, reason=""):
        self.store.record_command("spring", word, "ann", reason, BASE + 1000)

    def break_down(self):
        self.store.is_broken = True

    def lose(self, lane):
        self.store.acquire([lane], Holder("r-2", "spring", "there", 2), BASE + 1000)


class HeldStore(Store):
    """A store whose commits wait while they are held."""

    def __init__(self, database, url):
        super().__init__(database, url)
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()

    def commit(self, records, run_id, fences, now):
        if records:
            self.begun.set()
            self.go.wait(10)
        return super().commit(records, run_id, fences, now)


class Ledger(Holding):
    """A database. It is read through a second store, as a colleague would."""

    def __init__(self, url, connect):
        self.url = url
        self._connect = connect
        self.store = HeldStore.open(self.url)
        leases = self.store.acquire([LANE, OTHER], Holder("r-1", "spring", "here", 1), BASE)
        self.journal = Writer(self.store, "r-1", leases, ManualClock())

    def read(self):
        colleague = Store.open(self.url, create=False)
        try:
            return colleague.read("spring")
        finally:
            colleague.close()

    def record_command(self, word, reason=""):
        colleague = Store.open(self.url, create=False)
        try:
            colleague.record_command("spring", word, "ann", reason, BASE + 1000)
        finally:
            colleague.close()

    def break_down(self):
        with closing(self._connect()) as connection:
            connection.execute("DROP TABLE journal")

    def lose(self, lane):
        colleague = Store.open(self.url)
        try:
            colleague.acquire([lane], Holder("r-2", "spring", "there", 2), BASE + 1000)
        finally:
            colleague.close()


@asynccontextmanager
async def ledger(url, connect):
    made = Ledger(url, connect)
    made.journal.start()
    try:
        yield made
    finally:
        made.go()
        await made.journal.close()
        made.store.close()


@asynccontextmanager
async def rehearsed():
    made = Rehearsed()
    made.journal.start()
    try:
        yield made
    finally:
        made.go()
        await made.journal.close()


@pytest.fixture(params=["memory", "rehearsed", "sqlite", "postgresql"])
async def kept(request, place):
    if request.param == "memory":
        yield Memory()
        return
    if request.param == "rehearsed":
        async with rehearsed() as made:
            yield made
        return
    async with ledger(*place) as made:
        yield made


@pytest.fixture
def place(request, tmp_path):
    """Where the journal is kept: its address and a way to reach it from outside, or None for memory."""
    kind = request.node.callspec.params["kept"]
    if kind == "sqlite":
        (tmp_path / "ledger").mkdir(mode=0o700)
        path = tmp_path / "ledger" / "ledger.db"
        return f"sqlite:///{path}", lambda: sqlite3.connect(path)
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
        return url, lambda: postgres.connected(url)
    return None


async def test_a_permit_is_for_the_intent_that_was_stored(kept):
    permit = await kept.journal.permit(line(attempt=3))
    assert kept.read() == [line(attempt=3)]
    assert (permit.campaign, permit.attempt, permit.deadline) == ("s/c0", 3, BASE + 30)
    permit.use(CampaignKey("s/c0"), BASE + 30)
    with pytest.raises(PermitError):
        permit.use(CampaignKey("s/c0"), BASE)


async def test_no_permit_comes_before_the_intent_is_stored(kept):
    kept.hold()
    asked = asyncio.create_task(kept.journal.permit(line()))
    await kept.begun()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not asked.done()
    kept.go()
    assert isinstance(await asked, Permit)
    assert kept.read() == [line()]


async def test_records_keep_their_order_and_contents(kept):
    records = [line(), line("verdict", event="accepted", message="ünï"), line(campaign="s/c1"), line("end", "@r-1", 0)]
    for record in records:
        await kept.journal.record(record)
    assert kept.read() == records


async def test_many_permits_at_once_are_each_stored_once(kept):
    permits = await asyncio.gather(*(kept.journal.permit(line(campaign=f"s/c{i}")) for i in range(700)))
    assert [permit.campaign for permit in permits] == [f"s/c{i}" for i in range(700)]
    assert sorted(r.campaign for r in kept.read()) == sorted(f"s/c{i}" for i in range(700))


async def test_the_same_intent_gets_no_second_permit(kept):
    await kept.journal.permit(line())
    with pytest.raises(JournalWriteError):
        await kept.journal.permit(line())
    assert kept.read() == [line()]


async def test_of_two_equal_intents_at_once_only_one_gets_the_permit(kept):
    asked = [line(campaign="s/c1"), line(), line(), line(campaign="s/c2")]
    answers = await asyncio.gather(*(kept.journal.permit(record) for record in asked), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Permit, Permit, JournalWriteError, Permit]
    assert len(kept.read()) == 3


async def test_another_attempt_campaign_or_kind_is_no_duplicate(kept):
    for record in (line(), line("verdict"), line(attempt=2), line(campaign="s/c1")):
        await kept.journal.record(record)
    assert len(kept.read()) == 4


async def test_a_lost_lane_gets_no_permit_and_other_lanes_do(kept):
    kept.lose(LANE)
    with pytest.raises(LeaseLost):
        await kept.journal.permit(line())
    assert isinstance(await kept.journal.permit(line(campaign="s/b0", lane=OTHER)), Permit)
    assert kept.read() == [line(campaign="s/b0", lane=OTHER)]


async def test_what_is_learned_late_is_kept_beside_the_moves(kept):
    await kept.journal.permit(line())
    kept.lose(LANE)
    await kept.journal.record(line("verdict", event="accepted"))
    assert [record.kind for record in kept.read()] == ["intent", "late_verdict"]


async def test_a_broken_journal_says_so_and_grants_nothing(kept):
    kept.break_down()
    with pytest.raises(JournalWriteError):
        await kept.journal.permit(line())
    with pytest.raises(JournalWriteError):
        await kept.journal.record(line("verdict"))


def moves(kept):
    return [record.kind for record in kept.read() if record.campaign != "@launch"]


@pytest.mark.parametrize("word", [ControlCommand.PAUSE, ControlCommand.ABORT])
async def test_after_a_word_no_intent_is_stored_and_no_permit_granted(kept, word):
    await kept.journal.permit(line())
    kept.record_command(word, "wrong list")
    with pytest.raises(LaunchHeld, match="by ann: wrong list"):
        await kept.journal.permit(line(campaign="s/c1"))
    assert moves(kept) == ["intent"]


async def test_what_a_call_came_to_is_stored_in_a_pause_too(kept):
    await kept.journal.permit(line())
    kept.record_command(ControlCommand.PAUSE, "lunch")
    await kept.journal.record(line("verdict", event="accepted"))
    assert moves(kept) == ["intent", "verdict"]


async def test_after_an_unpause_permits_are_granted_again(kept):
    kept.record_command(ControlCommand.PAUSE, "lunch")
    kept.record_command(ControlCommand.UNPAUSE)
    assert isinstance(await kept.journal.permit(line()), Permit)


async def test_a_command_during_a_held_commit_binds_the_next_one(kept):
    kept.hold()
    first = asyncio.create_task(kept.journal.permit(line()))
    await kept.begun()
    kept.record_command(ControlCommand.ABORT, "stop")
    kept.go()
    await asyncio.gather(first, return_exceptions=True)
    with pytest.raises(LaunchHeld):
        await kept.journal.permit(line(campaign="s/c1"))


async def test_where_the_launch_stands_is_told_when_asked(kept):
    assert await kept.journal.control_state("spring") == OPEN
    kept.record_command(ControlCommand.PAUSE, "lunch")
    paused = await kept.journal.control_state("spring")
    assert (paused.command, paused.by, paused.reason, paused.number) == (ControlCommand.PAUSE, "ann", "lunch", 1)
    kept.record_command(ControlCommand.UNPAUSE)
    assert (await kept.journal.control_state("spring")).command is None
    assert await kept.journal.control_state("autumn") == OPEN


async def test_a_word_that_changes_nothing_is_refused_and_not_stored(kept):
    with pytest.raises(Refused, match="not paused"):
        kept.record_command(ControlCommand.UNPAUSE)
    kept.record_command(ControlCommand.ABORT, "stop")
    with pytest.raises(Refused, match="aborted by ann: stop"):
        kept.record_command(ControlCommand.PAUSE, "lunch")
    assert [record.kind for record in kept.read()] == ["abort"]
