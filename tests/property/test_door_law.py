"""Whatever happens at the door: never too many inside, nobody forgotten, and lanes take turns."""

import asyncio
import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine.door import Door
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.stop_signal import LaneStop, StopRequested, StopSignal
from orchestrator.model import Lane, Reply, StopReason, Window
from orchestrator.rehearsal.virtual_loop import VirtualClock, run_virtually
from tests.fakes import BASE, RecordingObserver

NOBODY = re.compile(r"<Door: 0 of \d+ inside, 0 waiting(, shut)?>")


class WatchedDoor(Door):
    """Checks at every step what must be true, and how often each that waits is overtaken by each other."""

    def __init__(self, places):
        super().__init__(places)
        self.calls = self.most = 0
        self.overtaken = {}

    def enter(self, wake):
        is_in = super().enter(wake)
        if not is_in:
            self.overtaken.setdefault(wake, Counter())
            return False
        self.overtaken.pop(wake, None)
        for others in self.overtaken.values():
            others[wake] += 1
            assert others[wake] == 1, "a lane went twice while another waited"
        self.calls += 1
        self.most = max(self.most, self.calls)
        return True

    def leave_line(self, wake):
        self.overtaken.pop(wake, None)
        super().leave_line(wake)

    def leave(self):
        self.calls -= 1
        super().leave()


class Lanes:
    """Lanes that share a door, each with some workers whose calls take drawn times."""

    def __init__(self, rnd, door, shapes):
        self.rnd, self.door = rnd, door
        self.clock = VirtualClock(BASE, asyncio.get_running_loop())
        self.run_stop = StopSignal()
        self.limiters = [self.limiter(number, windows) for number, (windows, _, _) in enumerate(shapes)]
        self.done = Counter()

    def limiter(self, number, windows):
        lane, observer = Lane(f"lane {number}"), RecordingObserver()
        stop = LaneStop(self.run_stop, lane, str(number), observer)
        return RateLimiter(
            Pacer(windows), self.clock, stop, observer=observer, lane=lane, patience=600.0, door=self.door
        )

    async def work(self, number, calls):
        for _ in range(calls):
            await self.call(self.limiters[number])
            self.done[number] += 1

    async def call(self, limiter):
        await limiter.acquire(lambda: None)
        try:
            await asyncio.sleep(self.rnd.choice([0.0, 0.1, 3.0]) * self.rnd.random())
            if self.rnd.random() < 0.05:
                self.door.shut()
            if self.rnd.random() < 0.05:
                limiter.on_limited(Reply(429, {}, "", self.clock.now(), 0.0, retry_after="2"))
        finally:
            limiter.release(self.clock.now())


shapes_of_lanes = st.lists(
    st.tuples(
        st.sampled_from([(), (Window(1, 1.0),), (Window(5, 10.0), Window(2, 1.0))]),
        st.integers(1, 6),  # workers
        st.integers(1, 6),  # calls of each
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60)
@given(st.integers(1, 8), shapes_of_lanes, st.randoms(use_true_random=True))
def test_every_call_gets_in_and_lanes_take_turns(places, shapes, rnd):
    async def run():
        door = WatchedDoor(places)
        lanes = Lanes(rnd, door, shapes)
        async with asyncio.TaskGroup() as group:
            for number, (_, workers, calls) in enumerate(shapes):
                for _ in range(workers):
                    group.create_task(lanes.work(number, calls))
        assert lanes.done == Counter({number: workers * calls for number, (_, workers, calls) in enumerate(shapes)})
        return door

    door = run_virtually(run())
    assert door.most <= places
    assert NOBODY.fullmatch(repr(door))


@settings(max_examples=60)
@given(st.integers(1, 3), shapes_of_lanes, st.floats(0.0, 30.0), st.booleans(), st.randoms(use_true_random=True))
def test_cancelled_and_stopped_calls_leave_nothing_behind(places, shapes, after, is_stop, rnd):
    async def run():
        door = WatchedDoor(places)
        lanes = Lanes(rnd, door, shapes)
        tasks = [
            asyncio.create_task(lanes.work(number, calls))
            for number, (_, workers, calls) in enumerate(shapes)
            for _ in range(workers)
        ]
        await asyncio.sleep(after)
        if is_stop:
            lanes.limiters[0]._stop.stop_lane(StopReason.RULE, "enough")  # the others go on
        for task in rnd.sample(tasks, len(tasks) // 2):
            task.cancel()
        for answer in await asyncio.gather(*tasks, return_exceptions=True):
            assert answer is None or isinstance(answer, StopRequested | asyncio.CancelledError), answer
        return door

    door = run_virtually(run())
    assert door.most <= places
    assert NOBODY.fullmatch(repr(door))
