"""How a worker puts the parts of a lane's run together. Secrets are found here, on the worker."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from orchestrator.app.open_api import Connections
from orchestrator.app.open_run import assemble_run, credentials_of
from orchestrator.core.manifest.models import Manifest
from orchestrator.engine.run import Run
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import CredentialError
from orchestrator.ledger.store import Store
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import CampaignKey
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor


class LaneWork(Protocol):
    """What a lane's run is made from: the manifest's part, its source and hash, and whose part it is."""

    @property
    def manifest(self) -> Manifest:
        """One account and its campaigns in one wave."""
        ...

    @property
    def source(self) -> str:
        """The manifest's file name."""
        ...

    @property
    def environment(self) -> str | None:
        """The environment that was chosen, where the manifest has some."""
        ...

    @property
    def sha256(self) -> str:
        """The manifest's hash."""
        ...

    @property
    def subrun(self) -> Mapping[str, Any]:
        """What the run's header keeps about the fleet's run that it is a part of."""
        ...

    @property
    def neighbours(self) -> Sequence[CampaignKey]:
        """The account's campaigns in all waves."""
        ...

    @property
    def no_wait(self) -> bool:
        """Whether campaigns whose window is closed are held at once."""
        ...


class WorkerRuns:
    """Makes the runs of a worker's lanes over one ledger and one door. `redactor` learns their secrets.

    `connections`: how many there may be at a time, for all lanes together.
    """

    def __init__(
        self, store: Store, redactor: Redactor, observer: Observer, *, connections: int, allow_commands: bool
    ) -> None:
        self._store = store
        self._connections = Connections.of(connections, observer)
        self._redactor = redactor
        self._observer = observer
        self._allow_commands = allow_commands

    @asynccontextmanager
    async def assemble(self, work: LaneWork, stop_signal: StopSignal) -> AsyncIterator[Run]:
        """The run of a lane. Raises CredentialError, LaneLeased, LedgerError, Refused and StopRequested."""
        # Anyone who can write to the database can order a lane. That alone must not run commands on this machine.
        if not self._allow_commands:
            _refuse_commands(work.manifest)
        loaded = LoadedManifest(work.manifest, work.sha256, Path(work.source), environment=work.environment)
        credentials = await asyncio.to_thread(credentials_of, loaded)
        self._redactor.learn(credential.secret for credential in credentials.values())
        async with assemble_run(
            loaded, credentials, self._redactor, self._observer, stop_signal,
            no_wait=work.no_wait, subrun=work.subrun, only=work.neighbours, ledger=self._store,
            connections=self._connections,
        ) as opened:  # fmt: skip
            yield opened.run


def _refuse_commands(manifest: Manifest) -> None:
    for name, account in manifest.accounts.items():
        if any(reference and reference.command for reference in (account.client_id, account.client_secret)):
            raise CredentialError(
                f"account {name} takes a secret from a command, and this worker does not run commands",
                next_step="use {env: NAME} or {file: PATH}, or start workers with --allow-commands",
            )
