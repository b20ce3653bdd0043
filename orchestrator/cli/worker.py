"""`worker`."""

import asyncio
import logging
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop
from orchestrator.cli.documented import Count, Number, documented
from orchestrator.cli.options import log_format_option, prints_result
from orchestrator.console.ending import promise
from orchestrator.console.render import CommandResult, Remarks
from orchestrator.core.exit_codes import ExitCode

if TYPE_CHECKING:
    from orchestrator.fleet.worker import Worker


@documented(
    "worker",
    page="docs/how-to/many-hosts.md",
    examples=(
        "worker --ledger postgresql://db/launches",
        "worker --ledger postgresql://db/launches --concurrency 50 --log-format json",
    ),
)
@click.option("--ledger", required=True, metavar="URL", help="URL of the ledger, on PostgreSQL.")
@click.option("--concurrency", type=Count(1, 200), default=200, show_default=True, metavar="N",
              help="Number of lanes at once; a lane mostly waits for its account's rate.")  # fmt: skip
@click.option("--connections", type=Count(1, 10_000), default=100, show_default=True, metavar="N",
              help="Number of connections at once, for all lanes together.")  # fmt: skip
@click.option("--stalled-after", type=Number(2.0, 300.0), default=15.0, show_default=True, metavar="N",
              help="Seconds without a heartbeat after which a worker counts as dead.")  # fmt: skip
@click.option(
    "--allow-commands",
    is_flag=True,
    help="Also run the commands of {command: ...} secrets: then anyone who can write to the ledger can run them.",
)
@log_format_option
@prints_result
def command(
    *, ledger: str, concurrency: int, connections: int, stalled_after: float, allow_commands: bool, log_format: str
) -> CommandResult:
    """Run lanes of launches that `run --fleet` submits.

    It runs until you stop it. On SIGTERM or SIGINT it sends no new start, waits for calls in flight, and records
    them. Other workers continue its lanes.
    """
    from orchestrator.fleet import check_installed

    check_installed(ledger)
    # Now, not in the first lane: these imports would hold up the event loop for a third of a second.
    from orchestrator.app.worker_run import WorkerRuns
    from orchestrator.console.logs import LogObserver, set_up
    from orchestrator.fleet.lane import LaneJobRunner
    from orchestrator.fleet.worker import RunningLanes, Worker
    from orchestrator.ledger.store import Store
    from orchestrator.redaction import Redactor

    redactor, observer = Redactor(), LogObserver()
    set_up(log_format, redactor, verbose=False)
    _quieten()
    store = Store.open(ledger)  # a wrong address, or no ledger for many hosts, is reported at once
    if store.made:
        Remarks().event("ledger_created", ledger=store.made)
    # Closed in the end, however it comes: lanes that still run have committed by then.
    try:
        runs = WorkerRuns(store, redactor, observer, connections=connections, allow_commands=allow_commands)
        lanes = RunningLanes(LaneJobRunner(store, runs.assemble).carry_out, observer)
        # Whatever fails once a lane was taken, starts may have left: not 1 to 9 (P6).
        promise(lambda: ExitCode.JOURNAL if lanes.has_begun else None)
        event_loop.run(_serve(Worker(ledger, lanes, observer, concurrency, stalled_after)))
        promise(lambda: None)
    finally:
        store.close()
    return CommandResult("worker")


async def _serve(worker: "Worker") -> None:
    from orchestrator.console.signals import handled
    from orchestrator.model import Stop

    stopping = asyncio.Event()

    def on_stop(stop: Stop) -> None:
        # The lanes first: the worker ends when the last of them is done.
        worker.lanes.stop_all(Stop(stop.reason, f"the worker received {stop.reason}"))
        stopping.set()

    with handled(on_stop):
        await worker.serve(stopping)


def _quieten() -> None:
    """Our own events report what a worker does; the queue's, and its tracebacks of a lost database, add noise."""
    logger = logging.getLogger("procrastinate")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
