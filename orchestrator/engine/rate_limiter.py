"""Where the calls of a lane wait for their slots, and what happens when the platform limits one."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from orchestrator.core.attempt.verdict import is_hourly, message_of, wait_of
from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine.stop_signal import LaneStop
from orchestrator.model import Fault, Lane, PosixSeconds, Reply, StopReason
from orchestrator.ports import Clock, Observer

_SHORTEST_PAUSE: Final = 1.0
"""Seconds. A server that limits and says "again in 0 s" would otherwise be asked as fast as the network allows."""


class RateLimiter:
    """Lets the calls of one lane through in order of arrival, when the pacer says so.

    A limit that asks for more than `patience` seconds, or than two windows, stops the lane.
    """

    def __init__(
        self, pacer: Pacer, clock: Clock, stop: LaneStop, *, observer: Observer, lane: Lane, patience: float
    ) -> None:
        self.pacer = pacer
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
        """Wait for a slot, ask `check` and take the slot; `release` gives it back.

        `check` is asked once the slot is there, which may be an hour later: what it raises is raised here, and no slot
        is taken. Raises StopRequested as soon as there is a stop.
        """
        # One waits for the pacer at a time; the others queue for the lock in order of arrival.
        async with self._turn:
            self._stop.check()
            while (delay := self.pacer.wait(self._clock.now())) > 0:
                await self._wait(delay)
                self._stop.check()
            check()
            self.pacer.reserve(self._clock.now())

    async def _wait(self, delay: float) -> None:
        self._changed.clear()
        self._until = self._clock.now() + delay
        with suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(delay) else delay):
                await self._changed.wait()

    def release(self, at: PosixSeconds) -> None:
        """The call is known to have arrived by `at` (POSIX seconds), or never to arrive after it."""
        self.pacer.release(at)
        now = self._clock.now()
        # Nearly always the time stays as it is: to wake up for nothing costs as much as all the pacing of a start.
        if now + self.pacer.wait(now) < self._until:
            self._changed.set()

    def on_limited(self, answer: Reply | Fault) -> None:
        """The platform limited a call: the whole lane waits as long as it asks, else a full window, or stops."""
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
