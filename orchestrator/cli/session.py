"""A launch's parts put together under a command: its logs are set up, and know the launch's secrets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orchestrator.app import open_run as session
from orchestrator.console.logs import set_up
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor


@asynccontextmanager
async def opened(
    loaded: LoadedManifest,
    observer: Observer,
    stop_signal: StopSignal,
    *,
    log_format: str = "text",
    verbose: bool = False,
    no_wait: bool = False,
) -> AsyncIterator[session.OpenRun]:
    """A session with its leases taken; they are given back in the end. Nothing is sent here."""
    redactor = Redactor()
    set_up(log_format, redactor, verbose=verbose)
    async with session.open_run(loaded, observer, stop_signal, redactor, no_wait=no_wait) as run:
        yield run
