"""The queue of lane jobs: Procrastinate, within the ledger's database."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job as QueuedJob

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan import plan as plans
from orchestrator.fleet import queue_schema
from orchestrator.fleet.lane import LaneNotDone
from orchestrator.fleet.orders import Job
from orchestrator.ledger.postgres import conninfo

QUEUE: Final = "lanes"
AWAY: Final = (ConnectorException, psycopg.Error, OSError)
"""What a database that cannot be reached looks like from here."""

_CONNECTIONS: Final = 4


class _UntilDone(BaseRetryStrategy):
    """A lane that is not done goes on, however often: its retries are bounded in the engine, call by call.

    A cancelled one, too: Procrastinate cancels what runs when its own connection fails.
    """

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        after = exception.after if isinstance(exception, LaneNotDone) else 1.0
        if isinstance(exception, Exception) and not isinstance(exception, LaneNotDone):
            return None  # a fault of ours: it stays visible as failed, and the journal says so
        return RetryDecision(retry_in={"seconds": round(after) + min(job.attempts, 5)})


@asynccontextmanager
async def open_queue(url: str, carry_out: Callable[[Job], Awaitable[None]]) -> AsyncIterator[App]:
    """The queue within the ledger's database, made where it is missing. Raises one of AWAY, and LedgerError."""
    parameters = conninfo(sa.make_url(url))
    connector = PsycopgConnector(kwargs=parameters, min_size=1, max_size=_CONNECTIONS, timeout=10.0)
    app = App(connector=connector)

    @app.task(name="lane", queue=QUEUE, retry=_UntilDone())
    async def lane(launch: str, run_id: str, wave: str, account: str, number: int) -> None:
        await carry_out(Job(launch, run_id, wave, account, number))

    # The tables first: the app's own connections look for them when they open.
    await prepare(url)
    async with app.open_async():
        yield app


async def prepare(url: str) -> None:
    """Make the queue's tables in the ledger's database where they are missing.

    Raises LedgerError if they do not fit this program or may not be used, and one of AWAY.
    """
    parsed = sa.make_url(url)
    parameters: dict[str, Any] = conninfo(parsed)
    async with await psycopg.AsyncConnection.connect(**parameters) as connection:
        await queue_schema.prepare(connection, parsed.render_as_string())


def words_of(error: BaseException) -> str:
    """What went wrong, on one line. Procrastinate's own words are only that there was a database error."""
    said = error.__cause__ or error if isinstance(error, ConnectorException) else error
    return " ".join(str(said).split())


async def submit(app: App, jobs: Iterable[Job], manifest: Manifest) -> None:
    """Put jobs into the queue, each behind its account's lock. One that waits there already is left alone."""
    for job in jobs:
        lock = plans.lane_of(manifest, job.account)
        try:
            await app.configure_task("lane", lock=lock, queueing_lock=job.key).defer_async(**asdict(job))
        except AlreadyEnqueued:
            continue


async def requeue_stalled(app: App, stalled_after: float) -> int:
    """Put the lanes of workers that show no sign of life back into the queue. Returns how many."""
    stalled = await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=stalled_after)
    count = 0
    for job in stalled:
        await app.job_manager.retry_job(job)
        count += 1
    return count
