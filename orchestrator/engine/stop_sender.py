"""Stops sent at each account's rate. A stop may be repeated, so it is retried as a read is."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from orchestrator.core.journal.records import NOT_STOPPED, STOP_INTENT, STOP_REPLY, STOPPED
from orchestrator.core.plan.stop_plan import StopJob
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.reader import ReadFailed
from orchestrator.engine.run_state import Context
from orchestrator.engine.stop_signal import StopRequested
from orchestrator.errors import JournalWriteError, LeaseLost
from orchestrator.model import Lane, Stop, StopReason

_AT_ONCE: Final = 4
"""Stops in flight on a lane."""


class Stopper:
    """Sends `trigger=stop` for campaigns that were started, and journals each before and after."""

    def __init__(self, context: Context, lanes: Mapping[Lane, LaneRunner], by: str, reason: str) -> None:
        self._context = context
        self._lanes = lanes
        self._said = {"by": by, "reason": reason}

    async def run(self, jobs: Sequence[StopJob]) -> None:
        """Send every stop, lane by lane at once. Raises JournalWriteError once all lanes have ended."""
        by_lane: dict[Lane, list[StopJob]] = defaultdict(list)
        for job in jobs:
            by_lane[job.target.lane].append(job)
        queues = [(self._lanes[lane], iter(work)) for lane, work in by_lane.items()]
        workers = [self._work(lane, pending) for lane, pending in queues for _ in range(_AT_ONCE)]
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
            lane.stop_signal.set(Stop(StopReason.LEASE_LOST, lost.message))
        except JournalWriteError as broken:
            self._context.stop_signal.set(Stop(StopReason.JOURNAL, broken.message))
            raise

    async def _stop(self, lane: LaneRunner, job: StopJob) -> None:
        await self._record(lane, job, STOP_INTENT, self._said)
        try:
            message = await lane.reader.stop(job.target)
        except ReadFailed as failed:
            if failed.unauthorized:
                lane.stop_signal.set(Stop(StopReason.CREDENTIAL, f"account {lane.account}: {failed.message}"))
            await self._reply(lane, job, NOT_STOPPED, failed.message)
        else:
            await self._reply(lane, job, STOPPED, message)

    async def _reply(self, lane: LaneRunner, job: StopJob, event: str, message: str) -> None:
        self._context.observer.event("stop_answered", campaign=job.target.key, outcome=event, message=message)
        await asyncio.shield(self._record(lane, job, STOP_REPLY, {"event": event, "message": message}))

    async def _record(self, lane: LaneRunner, job: StopJob, kind: str, data: dict[str, str]) -> None:
        await self._context.journal.record(self._context.line(job.target.key, job.number, kind, lane.lane, {**data}))
