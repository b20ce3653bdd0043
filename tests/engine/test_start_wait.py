"""The wait for a start: at the right instant in every zone, whatever clocks and machines do meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from pydantic_core import PydanticCustomError

from orchestrator.core.journal.control import OPEN, ControlCommand, ControlState
from orchestrator.core.manifest.start_times import StartTime, read_start
from orchestrator.core.manifest.zones import zone as checked_zone
from orchestrator.engine.start_wait import AWAY_SECONDS, LOOK_SECONDS, StartWait
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.errors import LedgerError, Refused
from orchestrator.model import Stop, StopReason
from orchestrator.rehearsal.virtual_loop import run_virtually
from tests.core.builders import manifest
from tests.fakes import BASE, RecordingObserver

FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)  # no zone changes its clocks twice within one


class Waiting:
    """A wait over a ledger's clock that a test may set, in virtual time."""

    def __init__(self, begun=BASE):
        self.begun = begun
        self.step = 0.0  # by how much the clock was set since
        self.state = OPEN
        self.away = False
        self.shown = []
        self.stop_signal, self.observer = StopSignal(), RecordingObserver()

    async def time(self):
        return self.begun + self.step + asyncio.get_running_loop().time()

    async def control_state(self, launch):  # noqa: ARG002 - there is one launch
        if self.away:
            raise LedgerError("the database is away")
        return self.state

    async def show(self, start, now):
        self.shown.append((start, now))

    async def until(self, start):
        """Waits; the ledger's time when it is over."""
        await StartWait(
            manifest({"campaign": "c"}), self.control_state, self.time, self.stop_signal, self.observer, show=self.show
        ).until(start)
        return await self.time()


def clocks(zone):
    """Every change of a zone's offset: the first instant with the new one, and both offsets."""
    days = [FIRST + n * WEEK for n in range((LAST - FIRST) // WEEK + 1)]
    for begins, ends in pairwise(days):
        before, after = (day.astimezone(zone).utcoffset() for day in (begins, ends))
        if before == after:
            continue
        low, high = int(begins.timestamp()), int(ends.timestamp())
        while high - low > 1:
            middle = (low + high) // 2
            is_before = datetime.fromtimestamp(middle, zone).utcoffset() == before
            low, high = (middle, high) if is_before else (low, middle)
        yield high, before, after


def written(at, offset):
    return (datetime.fromtimestamp(at, UTC) + offset).strftime("%Y-%m-%dT%H:%M:%S")


def is_usable(name):
    try:
        return checked_zone(name) == name
    except PydanticCustomError:
        return False


ZONES = sorted(name for name in available_timezones() if is_usable(name))


def test_every_change_of_clocks_until_2037_is_met_in_a_second():
    changes = 0
    for name in ZONES:
        for change, before, after in clocks(ZoneInfo(name)):
            changes += 1
            shift = (after - before).total_seconds()
            # 1. What the clocks skip or show twice is refused, with both instants: one offset each.
            with pytest.raises(PydanticCustomError) as caught:
                read_start(written(change + abs(shift) / 2, min(before, after)), name)
            hint = caught.value.context["hint"]
            assert hint.count(" UTC)") == 2, (name, change)
            # 2. The last second before it and the first after it are waited for.
            for at, offset in ((change - abs(shift) - 1, before), (change + abs(shift), after)):
                start = read_start(written(at, offset), name)
                assert start.at == at, (name, change)
                assert at <= run_virtually(Waiting(at - 5).until(start)) < at + 1, (name, change)
    assert changes > 4000


async def test_people_are_shown_that_it_waits_and_no_longer_than_that():
    waiting, start = Waiting(), StartTime(BASE + 60)
    await waiting.until(start)
    seen = [now for shown, now in waiting.shown if shown == start]

    assert len(seen) == len(waiting.shown)
    assert max(late - early for early, late in pairwise([BASE, *seen, start.at])) <= LOOK_SECONDS + 0.1
    assert seen[-1] < start.at


async def test_a_machine_that_slept_starts_at_its_next_look():
    waiting = Waiting()
    asyncio.get_running_loop().call_later(100, setattr, waiting, "step", 3600.0)  # the steady clock stood still
    over = await waiting.until(StartTime(BASE + 1800))
    assert over == pytest.approx(BASE + 3702, abs=LOOK_SECONDS)
    assert asyncio.get_running_loop().time() <= 100 + LOOK_SECONDS


@pytest.mark.parametrize("step", [-3600.0, -5.0, 5.0, 900.0])
async def test_a_clock_that_is_set_meanwhile_counts_as_it_is_set(step):
    waiting = Waiting()
    asyncio.get_running_loop().call_later(100, setattr, waiting, "step", step)
    over = await waiting.until(StartTime(BASE + 1800))
    assert BASE + 1800 <= over < BASE + 1801
    assert asyncio.get_running_loop().time() == pytest.approx(1800 - step, abs=1)


async def test_a_ledger_that_is_away_for_a_while_ends_no_wait():
    waiting, loop = Waiting(), asyncio.get_running_loop()
    loop.call_later(100, setattr, waiting, "away", 1)
    loop.call_later(700, setattr, waiting, "away", 0)
    assert await waiting.until(StartTime(BASE + 1800)) == pytest.approx(BASE + 1800, abs=1)
    assert waiting.observer.named("ledger_away") == [{"message": "the database is away"}]


async def test_a_ledger_that_stays_away_ends_it_past_its_time():
    waiting, loop = Waiting(), asyncio.get_running_loop()
    loop.call_later(100, setattr, waiting, "away", 1)
    with pytest.raises(LedgerError, match="away"):
        await waiting.until(StartTime(BASE + 1800))
    assert loop.time() == pytest.approx(1800 + AWAY_SECONDS, abs=3 * LOOK_SECONDS)


async def test_a_signal_ends_the_wait_at_once():
    waiting = Waiting()
    stop = Stop(StopReason.SIGINT, "SIGINT received")
    asyncio.get_running_loop().call_later(100.5, waiting.stop_signal.set, stop)
    with pytest.raises(StopRequested):
        await waiting.until(StartTime(BASE + 1800))
    assert asyncio.get_running_loop().time() == pytest.approx(100.5)


async def test_an_abort_ends_the_wait_and_a_pause_is_shown():
    waiting, loop = Waiting(), asyncio.get_running_loop()
    pause, abort = (
        ControlState(command, "ann", "why", BASE, number)
        for number, command in enumerate((ControlCommand.PAUSE, ControlCommand.ABORT), 1)
    )
    loop.call_later(100, setattr, waiting, "state", pause)
    loop.call_later(200, setattr, waiting, "state", abort)
    with pytest.raises(Refused, match="launch spring is aborted by ann"):
        await waiting.until(StartTime(BASE + 1800))
    assert waiting.observer.named("launch_paused") == [{"by": "ann", "reason": "why", "number": 1}]
    assert loop.time() <= 200 + LOOK_SECONDS


async def test_a_time_that_has_come_is_not_waited_for():
    waiting = Waiting()
    assert await waiting.until(StartTime(BASE)) == BASE
    assert waiting.observer.named("start_waiting") == []
