"""Stops sent at each account's rate. A stop may be repeated, so it is retried as a read is."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from orchestrator.core.delivery.delivery import Deliveries
from orchestrator.core.delivery.readings import record_of
from orchestrator.core.journal.records import NOT_STOPPED, STOPPED
from orchestrator.core.plan.stop_plan import StopJob
from orchestrator.engine.follower import AccountFollower, HeldAccount
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.reader import ReadFailed
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.stop_signal import StopRequested
from orchestrator.errors import CredentialError, JournalWriteError, LeaseLost
from orchestrator.model import CallTarget, Lane, PosixSeconds, Record, StopReason

_WORKERS: Final = 4
"""Stops in flight on a lane."""

_COUNT_SECONDS: Final = 30.0
"""For how long a lane's stops wait for the counts, once a call may leave: people are texted in the meantime."""


class StopSender:
    """Sends `trigger=stop` for campaigns that were started, and journals each before and after."""

    def __init__(self, deps: RunDeps, lanes: Mapping[Lane, LaneRunner], by: str, reason: str) -> None:
        self._deps = deps
        self._lanes = lanes
        self._by = by
        self._reason = reason

    async def run(self, jobs: Sequence[StopJob], deliveries: Deliveries | None = None) -> None:
        """Send every stop, all lanes at once. Raises JournalWriteError once all lanes have ended.

        With `deliveries`, which is what the journal knows of them, what the campaigns have sent is journaled before:
        the platform forgets it when they stop.
        """
        by_lane: dict[Lane, list[StopJob]] = defaultdict(list)
        for job in jobs:
            by_lane[job.target.lane].append(job)
        # Each lane by itself: one that the platform limits must not hold up the stops of the others.
        await _all(
            self._lane(self._lanes[lane], work, deliveries, number)
            for number, (lane, work) in enumerate(by_lane.items(), start=1)
        )

    async def _lane(self, lane: LaneRunner, jobs: list[StopJob], known: Deliveries | None, number: int) -> None:
        if known is not None:
            await self._journal_counts(lane, [job.target for job in jobs], known, number)
        pending = iter(jobs)
        await _all(self._work(lane, pending) for _ in range(_WORKERS))

    async def _journal_counts(
        self, lane: LaneRunner, targets: Sequence[CallTarget], known: Deliveries, number: int
    ) -> None:
        """A list that cannot be read, or is long, keeps no stop from being sent."""
        deps = self._deps

        @asynccontextmanager
        async def hold(_: Lane) -> AsyncIterator[HeldAccount]:
            yield HeldAccount(lane.reader, lane.limiter.pacer, lane.limiter.on_limited)  # the run has it already

        follower = AccountFollower(
            lane.account, lane.lane, targets, hold=hold, clock=deps.clock, stop_signal=deps.stop_signal
        )
        now = deps.clock.now()
        until = PosixSeconds(now + lane.limiter.pacer.wait(now) + _COUNT_SECONDS)
        with suppress(CredentialError):  # the first stop will meet it, and report it
            done, _ = await follower.round(follower.keys, (), until)
            done.readings = known.news(done.readings)
            if done.readings:
                await self._record(record_of(done, deps.launch, deps.run_id, number, deps.clock.now()))

    async def _record(self, record: Record) -> None:
        try:
            await self._deps.journal.record(record)
        except JournalWriteError as broken:
            self._deps.stop_signal.journal_broke(broken)
            raise

    async def _work(self, lane: LaneRunner, pending: Iterator[StopJob]) -> None:
        try:
            for job in pending:
                lane.stop_signal.check()
                await self._stop(lane, job)
        except StopRequested:
            return
        except LeaseLost as lost:
            lane.stop_signal.stop_lane(StopReason.LEASE_LOST, lost.message)
        except JournalWriteError as broken:
            self._deps.stop_signal.journal_broke(broken)
            raise

    async def _stop(self, lane: LaneRunner, job: StopJob) -> None:
        # As with a start, the stop is journaled before it is sent, and its answer after.
        records, key = self._deps.records, job.target.key
        await self._deps.journal.record(
            records.stop_intent(key, job.number, lane.lane, by=self._by, reason=self._reason)
        )
        event, message = await self._send(lane, job)
        self._deps.observer.event("stop_answered", campaign=key, outcome=event, message=message)
        await self._deps.states.commit(records.stop_reply(key, job.number, lane.lane, event=event, message=message))

    async def _send(self, lane: LaneRunner, job: StopJob) -> tuple[str, str]:
        try:
            return STOPPED, await lane.reader.stop(job.target)
        except ReadFailed as failed:
            if failed.unauthorized:
                lane.stop_signal.stop_lane(StopReason.CREDENTIAL, failed.message)
            return NOT_STOPPED, failed.message


async def _all(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait until all have ended. Raises what the first of them raised."""
    for answer in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
