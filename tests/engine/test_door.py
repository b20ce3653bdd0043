"""One door for all lanes: it limits the calls at a time, and lanes take turns."""

import asyncio
from dataclasses import replace

import pytest

from orchestrator.engine.door import SHORTAGE_PAUSE, Door
from orchestrator.model import Progress
from tests.fakes import UNSENT, loses


class Asker:
    """Somebody who asks, and remembers how often he was woken."""

    def __init__(self, door):
        self.door, self.woken = door, 0

    def wake(self):
        self.woken += 1

    def enters(self):
        return self.door.enter(self.wake)


@pytest.fixture
def door():
    return Door(1)


@pytest.fixture
def first(door):
    return Asker(door)


@pytest.fixture
def second(door):
    return Asker(door)


@pytest.fixture
def third(door):
    return Asker(door)


def test_no_more_than_its_places_are_inside(door, first, second):
    assert (first.enters(), second.enters()) == (True, False)
    assert repr(door) == "<Door: 1 of 1 inside, 1 waiting>"


def test_who_leaves_wakes_the_first_in_line_alone(door, first, second, third):
    assert (first.enters(), second.enters(), third.enters()) == (True, False, False)
    door.leave()
    assert (second.woken, third.woken) == (1, 0)


def test_nobody_overtakes_those_in_line(door, first, second, third):
    assert (first.enters(), second.enters()) == (True, False)
    door.leave()
    assert (third.enters(), first.enters(), second.enters()) == (False, False, True)


def test_asking_again_keeps_the_place_in_line(door, first, second, third):
    assert (first.enters(), second.enters(), third.enters(), second.enters()) == (True, False, False, False)
    door.leave()
    assert (third.enters(), second.enters()) == (False, True)


def test_one_who_gives_up_passes_the_turn_on(door, first, second, third):
    assert (first.enters(), second.enters(), third.enters()) == (True, False, False)
    door.leave()
    door.leave_line(second.wake)
    assert third.woken == 1
    assert third.enters()


def test_one_who_enters_wakes_the_next_while_there_is_room():
    door = Door(2)
    askers = [Asker(door) for _ in range(4)]
    assert [asker.enters() for asker in askers] == [True, True, False, False]
    door.leave()
    door.leave()
    assert askers[2].enters()
    assert askers[3].woken == 1


def test_a_place_that_nobody_took_cannot_be_given_back(door):
    with pytest.raises(ValueError, match="nobody is inside"):
        door.leave()


async def test_a_shut_door_opens_by_itself_and_wakes_the_line(door, first):
    assert door.shut(5.0)
    assert not first.enters()
    assert repr(door) == "<Door: 0 of 1 inside, 1 waiting, shut>"
    await asyncio.sleep(5.1)
    assert first.woken == 1
    assert first.enters()


async def test_only_the_first_shortage_is_the_first(door):
    assert [door.shut(5.0), door.shut(5.0)] == [True, False]
    await asyncio.sleep(5.1)
    assert not door.shut(5.0)


async def test_a_busy_lane_leaves_every_second_turn_to_another(rig):
    two = {"acme": {"account_id": "a1", "rate": "unlimited"}, "small": {"account_id": "a2", "rate": "unlimited"}}
    campaigns = [{"stream": "s", "campaign": f"b{n}", "account": "acme"} for n in range(20)]
    campaigns += [{"stream": "s", "campaign": f"c{n}", "account": "small"} for n in range(4)]
    launch = rig(campaigns, accounts=two, connections=1, latency=1.0)
    await launch.run()
    order = [call.key[2] for call in launch.api.calls]
    assert "".join(order) == "b" + "bc" * 4 + "b" * 15  # the second stood in line before the other lane had begun
    assert launch.api.most_open_starts == 1


async def test_one_connection_is_enough_for_starts_and_reads(rig):
    launch = rig(8, connections=1, latency=0.5, breaker={"opens_after": 2})
    for number in range(3):
        launch.api.script(f"s/c{number}", loses(Progress.SENDING))
    await launch.run()
    assert launch.api.most_open_starts == 1
    assert repr(launch.deps.door) == "<Door: 0 of 1 inside, 0 waiting>"
    assert {outcome for outcome, _ in launch.outcomes().values()} == {"started", "unknown"}


async def test_after_a_shortage_calls_come_back_one_by_one():
    door = Door(8)
    askers = [Asker(door) for _ in range(9)]
    assert [asker.enters() for asker in askers[:3]] == [True] * 3
    door.shut(1.0)
    for _ in range(3):
        door.leave()
    await asyncio.sleep(1.1)
    assert [asker.enters() for asker in askers[3:5]] == [True, False]
    door.leave()
    assert [asker.enters() for asker in askers[4:7]] == [True, True, False]
    assert repr(door) == "<Door: 2 of 2 inside, 1 waiting>"


NO_FILES = replace(UNSENT, lacks="open files")


async def test_a_shortage_of_our_own_is_no_attempt_and_no_sign(rig, elapsed):
    launch = rig(6, retry={"attempts": 2, "backoff": "0.1s..0.1s"}, breaker={"opens_after": 2})
    for number in range(6):
        launch.api.script(f"s/c{number}", NO_FILES, NO_FILES, NO_FILES)
    await launch.run()
    assert launch.outcomes() == {f"c{number}": ("started", "accepted") for number in range(6)}
    assert len(launch.observer.named("connections_short")) == 1
    assert launch.observer.named("breaker_opened") == []
    assert elapsed() > 2 * SHORTAGE_PAUSE


async def test_a_shortage_without_end_fails_starts_in_time(rig, elapsed):
    launch = rig(1, retry={"max_elapsed": "30s"})
    launch.api.script("s/c0", *[NO_FILES] * 100)
    await launch.run()
    assert launch.outcomes() == {"c0": ("failed", "gave_up")}
    assert elapsed() == pytest.approx(30, abs=SHORTAGE_PAUSE)


async def test_a_shortage_does_not_use_up_a_reads_attempts(rig):
    launch = rig(1, retry={"attempts": 2, "backoff": "0.1s..0.1s"})
    launch.api.read_steps.extend([NO_FILES] * 5)
    live = await launch.lane.reader.status(launch.targets[0])
    assert live.status == "Ready"
    assert len(launch.observer.named("connections_short")) == 1
