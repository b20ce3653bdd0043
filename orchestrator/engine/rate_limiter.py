"""Where the calls of a lane wait for their slots, and what happens when the platform limits one."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from orchestrator.core.attempt.verdict import is_hourly, message_of, wait_of
from orchestrator.core.gauge import LaneGauge
from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine.door import Door
from orchestrator.engine.stop_signal import LaneStop
from orchestrator.model import Fault, Lane, PosixSeconds, Reply, StopReason
from orchestrator.ports import Clock, Observer

_SHORTEST_PAUSE: Final = 1.0
"""Seconds. A server that limits and says "again in 0 s" would otherwise be asked as fast as the network allows."""


class RateLimiter:
    """Lets the calls of one lane through in order of arrival, when the pacer says so and the process's door is open.

    If the platform asks for more than `patience` seconds, or more than two windows, the lane stops.
    """

    def __init__(
        self, pacer: Pacer, clock: Clock, stop: LaneStop, *, observer: Observer, lane: Lane, patience: float, door: Door
    ) -> None:
        self.pacer = pacer
        self._door = door
        self._clock = clock
        self._observer = observer
        self._lane = lane
        self._stop = stop
        self._patience = patience
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._until = -math.inf  # when the call that waits looks again by itself
        stop.watch(self._changed.set)

    async def acquire(self, check: Callable[[], None]) -> None:
        """Wait for a slot and a place, call `check` and take both; `release` gives them back.

        `check` is only called when both are free, which may be an hour later. What it raises is raised here, and
        nothing is taken. Raises StopRequested as soon as there is a stop.
        """
        # One waits for the pacer at a time; the others queue for the lock in order of arrival.
        async with self._turn:
            await self._enter()
            try:
                check()
                self.pacer.reserve(self._clock.now())
            except BaseException:
                self._door.leave()
                raise

    async def _enter(self) -> None:
        """Wait until a slot is free, then for a place at the door.

        The place comes last, so no lane keeps a connection while it waits for its rate. No slot is lost in the
        meantime, because it is only taken now. And neither the slot nor the permit, which both run out, ever waits
        for a connection.
        """
        wake = self._changed.set
        try:
            while True:
                self._stop.check()
                self._changed.clear()
                delay = self.pacer.wait(self._clock.now())
                if delay > 0:
                    self._door.leave_line(wake)  # the platform has limited a call meanwhile
                elif self._door.enter(wake):
                    return
                await self._wait(delay)
        finally:
            self._door.leave_line(wake)

    async def _wait(self, delay: float) -> None:
        """Wait for a change, for at most `delay` seconds if `delay` is finite."""
        self._until = self._clock.now() + delay
        with suppress(TimeoutError):
            async with asyncio.timeout(delay if 0 < delay < math.inf else None):
                await self._changed.wait()

    def gauge(self, read: int = 0) -> LaneGauge:
        """How the lane stands now; `read` is passed on."""
        now = self._clock.now()
        held, allowed = self.pacer.in_use(now)
        return LaneGauge(
            held, allowed, PosixSeconds(now + self.pacer.wait(now)), is_limited=self.pacer.is_limited(now),
            wants_connection=self._door.is_in_line(self._changed.set), read=read,
        )  # fmt: skip

    def release(self, at: PosixSeconds) -> None:
        """The call has ended. It arrived by `at` (POSIX seconds), or never arrives."""
        self._door.leave()
        self.pacer.release(at)
        now = self._clock.now()
        # The time rarely changes, and an unnecessary wake-up costs as much as all the pacing of a start.
        if now < self._until and now + self.pacer.wait(now) < self._until:
            self._changed.set()

    def on_shortage(self, answer: Reply | Fault | None) -> None:
        """If this machine lacked something for the call's connection, no lane makes another connection for a while."""
        if isinstance(answer, Fault) and answer.lacks and self._door.shut():
            self._observer.event("connections_short", message=f"{answer.text}; {answer.fix}")

    def on_limited(self, answer: Reply | Fault) -> None:
        """The platform limited a call: the lane waits as long as it asks, or for a full window, or the lane stops."""
        longest = self.pacer.longest
        if isinstance(answer, Fault):  # the status line said 429, and the rest was lost
            self._pause(longest, answer.text, is_long=False)
            return
        asked = wait_of(answer)
        seconds = longest if asked is None else asked
        # Up to two windows are the limiter's ordinary answer, however little patience the manifest has.
        most = max(self._patience, 2 * longest)
        self._pause(seconds, message_of(answer), is_long=is_hourly(answer) or seconds > most)

    def _pause(self, seconds: float, message: str, *, is_long: bool) -> None:
        self._observer.event("lane_limited", lane=self._lane, seconds=seconds, message=message)
        if is_long:
            detail = f"the platform limits the account for longer ({message})"
            self._stop.stop_lane(StopReason.LIMITED, detail)
        self.pacer.limited(self._clock.now(), max(seconds, _SHORTEST_PAUSE))
        self._changed.set()
