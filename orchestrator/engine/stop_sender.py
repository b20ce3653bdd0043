"""Stops sent at each account's rate. A stop may be repeated, so it is retried as a read is."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from orchestrator.core.journal.records import NOT_STOPPED, STOPPED
from orchestrator.core.plan.stop_plan import StopJob
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.reader import ReadFailed
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.stop_signal import StopRequested
from orchestrator.errors import JournalWriteError, LeaseLost
from orchestrator.model import Lane, StopReason

_WORKERS: Final = 4
"""Stops in flight on a lane."""


class StopSender:
    """Sends `trigger=stop` for campaigns that were started, and journals each before and after."""

    def __init__(self, deps: RunDeps, lanes: Mapping[Lane, LaneRunner], by: str, reason: str) -> None:
        self._deps = deps
        self._lanes = lanes
        self._by = by
        self._reason = reason

    async def run(self, jobs: Sequence[StopJob]) -> None:
        """Send every stop, all lanes at once. Raises JournalWriteError once all lanes have ended."""
        by_lane: dict[Lane, list[StopJob]] = defaultdict(list)
        for job in jobs:
            by_lane[job.target.lane].append(job)
        queues = [(self._lanes[lane], iter(work)) for lane, work in by_lane.items()]
        workers = [self._work(lane, pending) for lane, pending in queues for _ in range(_WORKERS)]
        answers = await asyncio.gather(*workers, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

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
