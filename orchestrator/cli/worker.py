"""`worker`."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop as loops
from orchestrator.cli.options import check_fleet, exits_on_error

if TYPE_CHECKING:
    from orchestrator.engine.run import Run
    from orchestrator.engine.stop_signal import StopSignal
    from orchestrator.fleet.lane import Work
    from orchestrator.fleet.worker import Worker
    from orchestrator.ledger.store import Store
    from orchestrator.ports import Observer
    from orchestrator.redaction import Redactor


@click.command("worker")
@click.option("--ledger", required=True, help="URL of the ledger, on PostgreSQL.")
@click.option("--concurrency", type=click.IntRange(1, 200), default=10, show_default=True, help="RunningLanes at once.")
@click.option("--stalled-after", type=click.FloatRange(2.0, 300.0), default=15.0, show_default=True,
              help="Seconds without a sign of life after which a worker counts as dead.")  # fmt: skip
@click.option("--allow-commands", is_flag=True,
              help="Also resolve {command: ...}: who writes to the ledger then chooses what runs here.")  # fmt: skip
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@exits_on_error
def command(*, ledger: str, concurrency: int, stalled_after: float, allow_commands: bool, log_format: str) -> None:
    """Carry out lanes of launches that were begun with `run --fleet`, until stopped.

    SIGTERM or SIGINT: no new start; what is in flight is awaited and journaled, and the lanes go on elsewhere.
    """
    check_fleet(ledger)
    from orchestrator.console.logs import LogObserver, set_up
    from orchestrator.fleet.lane import LaneJobRunner
    from orchestrator.fleet.worker import RunningLanes, Worker
    from orchestrator.ledger.store import Store
    from orchestrator.redaction import Redactor

    redactor = Redactor()
    set_up(log_format, redactor, verbose=False)
    _quieten()
    observer = LogObserver()
    store = Store.open(ledger)  # a wrong address, or no ledger for many hosts, is said at once
    # Now, not in the first lane: its imports would hold up the event loop for a third of a second.
    import orchestrator.app.open_run  # noqa: F401

    try:
        parts = _Parts(store, redactor, observer, allow_commands=allow_commands)
        lanes = RunningLanes(LaneJobRunner(store, parts.assemble).carry_out, observer)
        loops.run(_serve(Worker(ledger, lanes, observer, concurrency, stalled_after)))
    finally:
        store.close()


class _Parts:
    """Puts the parts of a lane's run together. Secrets are found here, on the worker."""

    def __init__(self, store: "Store", redactor: "Redactor", observer: "Observer", *, allow_commands: bool) -> None:
        self._store = store
        self._redactor = redactor
        self._observer = observer
        self._allow_commands = allow_commands

    @asynccontextmanager
    async def assemble(self, work: "Work", stop_signal: "StopSignal") -> "AsyncIterator[Run]":
        """The run of a lane."""
        from orchestrator.app.open_run import assemble_run, credentials_of
        from orchestrator.loading.manifest_file import LoadedManifest

        if not self._allow_commands:
            _refuse_commands(work)
        loaded = LoadedManifest(work.manifest, work.sha256, Path(work.source))
        credentials = await asyncio.to_thread(credentials_of, loaded)
        self._redactor.learn(credential.secret for credential in credentials.values())
        async with assemble_run(
            loaded, credentials, self._redactor, self._observer, stop_signal,
            no_wait=work.no_wait, subrun=work.subrun, ledger=self._store,
        ) as opened:  # fmt: skip
            yield opened.run


def _refuse_commands(work: "Work") -> None:
    from orchestrator.errors import CredentialError

    for name, account in work.manifest.accounts.items():
        if any(reference and reference.command for reference in (account.client_id, account.client_secret)):
            raise CredentialError(
                f"account {name} takes a secret from a command, and this worker runs none",
                next_step="use {env: NAME} or {file: PATH}, or start workers with --allow-commands",
            )


async def _serve(worker: "Worker") -> None:
    from orchestrator.model import Stop, StopReason

    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop(received: signal.Signals) -> None:
        worker.lanes.stop_all(Stop(StopReason(received.name), f"the worker received {received.name}"))
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    await worker.serve(stopping)


def _quieten() -> None:
    """Our own events tell what a worker does; the queue's, and its tracebacks of a lost database, add noise."""
    logger = logging.getLogger("procrastinate")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
