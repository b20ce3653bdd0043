"""A worker: takes lane jobs, outlives the database, and leaves in order.

Lanes run beside Procrastinate's worker, not inside it: when its connection fails it ends, and cancels what it runs.
A lane has its own journal and lease; it goes on, and the job finds it again after the restart.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from procrastinate import App

from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import LedgerError
from orchestrator.fleet import queue
from orchestrator.fleet.lane import LaneNotDone
from orchestrator.fleet.orders import Job
from orchestrator.model import Stop
from orchestrator.ports import Observer

_RETRY_SECONDS: Final = 1.0
_HEARTBEATS: Final = 5  # heartbeats within the time after which a worker counts as dead
_ABORT_AFTER: Final = 0.5


class RunningLanes:
    """The lanes that run in this process, by job."""

    def __init__(self, carry_out: Callable[[Job, StopSignal], Awaitable[None]], observer: Observer) -> None:
        self._carry_out = carry_out
        self._observer = observer
        self._running: dict[Job, tuple[asyncio.Task[None], StopSignal]] = {}
        self._stop: Stop | None = None
        self.has_begun = False
        """Whether a lane was ever begun: from then on starts may have left this process."""

    async def run(self, job: Job) -> None:
        """Carry a job out, or wait for it where it runs already. Raises LaneNotDone if it is not done."""
        if self._stop is not None:
            raise LaneNotDone("this worker is stopping", after=1.0)
        if job not in self._running:
            self._begin(job)
        task, _ = self._running[job]
        await asyncio.shield(task)

    def _begin(self, job: Job) -> None:
        self.has_begun = True
        stop_signal = StopSignal()
        task = asyncio.create_task(self._one(job, stop_signal))
        self._running[job] = task, stop_signal
        task.add_done_callback(lambda done: self._ended(job, done))

    async def _one(self, job: Job, stop_signal: StopSignal) -> None:
        self._observer.event("lane_taken", launch=job.launch, wave=job.wave, account=job.account)
        try:
            await self._carry_out(job, stop_signal)
        except LaneNotDone as again:
            self._observer.event(
                "lane_put_off", launch=job.launch, wave=job.wave, account=job.account, message=str(again)
            )
            raise
        self._observer.event("lane_done", launch=job.launch, wave=job.wave, account=job.account)

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        del self._running[job]
        if not task.cancelled():
            task.exception()  # retrieved: the job that waited for it may be gone

    def stop_all(self, stop: Stop) -> None:
        """No new start in any lane, and no new lane."""
        self._stop = stop
        for _, stop_signal in self._running.values():
            stop_signal.set(stop)

    async def wait_drained(self) -> None:
        """Return once no lane is running."""
        while self._running:
            await asyncio.wait([task for task, _ in self._running.values()])


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker process. `stalled_after`: seconds without a heartbeat after which a worker counts as dead."""

    url: str
    lanes: RunningLanes
    observer: Observer
    concurrency: int = 200
    stalled_after: float = 15.0

    async def serve(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set and the lanes are drained. The database may come and go meanwhile.

        Raises LedgerError before the first lane, where the queue's tables do not fit this program.
        """
        was_ready = False
        while not stopping.is_set():
            try:
                async with queue.open_queue(self.url, self.lanes.run) as app:
                    was_ready = True
                    self.observer.event("worker_ready", concurrency=self.concurrency)
                    await self._round(app, stopping)
            except (LedgerError, *queue.AWAY) as error:
                # Tables that do not fit are refused at the start. Later on they are being changed, and lanes may run
                # here: they go on by their own journal, and an exit code of 8 would say that nothing was sent.
                if isinstance(error, LedgerError) and not was_ready:
                    raise
                self.observer.event("worker_waits", message=queue.words_of(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _RETRY_SECONDS)
        await self.lanes.wait_drained()

    async def _round(self, app: App, stopping: asyncio.Event) -> None:
        """Work until told to stop, or until the connection fails."""
        # 1. Take jobs and requeue stalled ones, until stopped or until the connection fails.
        work = asyncio.create_task(self._work(app))
        upkeep = asyncio.create_task(self._requeue_stalled(app))
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({work, upkeep, stop}, return_when=asyncio.FIRST_COMPLETED)
            if stopping.is_set():
                # The lanes first: their jobs are then given back by the worker that still knows them.
                await self.lanes.wait_drained()
        finally:
            # 2. End all three, and look at how they ended.
            for task in (work, upkeep, stop):
                task.cancel()
            ended = await asyncio.gather(work, upkeep, stop, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, LedgerError):
                raise error

    async def _work(self, app: App) -> None:
        await app.run_worker_async(
            queues=[queue.QUEUE],
            concurrency=self.concurrency,
            install_signal_handlers=False,
            update_heartbeat_interval=self.stalled_after / _HEARTBEATS,
            stalled_worker_timeout=self.stalled_after,
            shutdown_graceful_timeout=_ABORT_AFTER,
            fetch_job_polling_interval=1.0,
        )

    async def _requeue_stalled(self, app: App) -> None:
        """Put stalled lanes back, again and again.

        Not a job in the queue: where every slot is taken by a long lane, or by a dead worker, it would not run.
        """
        while True:
            await asyncio.sleep(self.stalled_after / _HEARTBEATS)
            # Another worker may have been quicker with the same job.
            with contextlib.suppress(*queue.AWAY):
                count = await queue.requeue_stalled(app, self.stalled_after)
                if count:
                    self.observer.event("lanes_put_back", count=count)
