"""The parts of a run put together: host, credentials, ledger, leases, lanes."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from orchestrator import __version__
from orchestrator.app import journal_reader as journals
from orchestrator.app.cancellation import Interrupted
from orchestrator.app.command_checks import CommandChecks
from orchestrator.app.lanes import HeldLanes, held_lanes
from orchestrator.app.notifier import Notifier
from orchestrator.app.open_api import SANDBOX, Connections, minter_of, open_api
from orchestrator.clock import SystemClock
from orchestrator.engine.run import Run
from orchestrator.engine.run_deps import Origin, RunDeps
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.kore.auth import Credential, refuse_unset_variables, resolve_credential
from orchestrator.ledger.machine_id import this_user
from orchestrator.ledger.store import Store
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import CampaignKey, Home
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that holds its leases, and what is needed around it. `notifier` tells nobody in a fleet's lane."""

    loaded: LoadedManifest
    run: Run
    store: Store
    lanes: HeldLanes
    notifier: Notifier = field(default_factory=Notifier)

    async def release(self) -> None:
        """Give the accounts back before the run is closed: nothing can be started any longer, and others may begin."""
        await self.lanes.release()

    @property
    def deps(self) -> RunDeps:
        """What the run's parts share."""
        return self.run.deps


def credentials_of(loaded: LoadedManifest) -> dict[str, Credential]:
    """The credentials by account id, made up for sandbox accounts that have none. Raises CredentialError."""
    refuse_unset_variables(loaded.manifest.accounts)
    found = {}
    for name, account in loaded.manifest.accounts.items():
        if loaded.manifest.host == SANDBOX and account.client_id is None and account.client_secret is None:
            found[account.account_id] = Credential(f"cs-sandbox-{name}", secrets.token_hex(32), "HS256")
        else:
            found[account.account_id] = resolve_credential(name, account, loaded.path.parent)
    return found


@asynccontextmanager
async def open_run(
    loaded: LoadedManifest, observer: Observer, stop_signal: StopSignal, redactor: Redactor, *, no_wait: bool = False
) -> AsyncIterator[OpenRun]:
    """A run with its leases taken; they are released in the end. Nothing is sent here.

    `redactor` learns the launch's secrets; with `no_wait`, campaigns whose window is closed are held at once. Raises
    CredentialError, Interrupted, LaneLeased, LedgerError, Refused.
    """
    # In a thread: a command that fetches a secret must not hold up a program that has other work.
    credentials = await asyncio.to_thread(credentials_of, loaded)
    redactor.learn(credential.secret for credential in credentials.values())
    notifier = await Notifier.of(loaded, redactor, observer)
    opening = assemble_run(loaded, credentials, redactor, notifier, stop_signal, no_wait=no_wait)
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(opening)
        except StopRequested:
            if stop_signal.stop is None:
                raise
            raise Interrupted(stop_signal.stop) from None
        # Closed before the ledger is: what was told is journaled.
        stack.push_async_callback(notifier.close)
        deps = opened.deps
        await notifier.begin(loaded, deps.run_id, opened.store, deps.clock.now, deps.journal.record)
        yield replace(opened, notifier=notifier)


@asynccontextmanager
async def assemble_run(
    loaded: LoadedManifest,
    credentials: dict[str, Credential],
    redactor: Redactor,
    observer: Observer,
    stop_signal: StopSignal,
    *,
    no_wait: bool = False,
    subrun: Mapping[str, Any] = MappingProxyType({}),
    only: Sequence[CampaignKey] | None = None,
    ledger: Store | None = None,
    connections: Connections | None = None,
) -> AsyncIterator[OpenRun]:
    """`open_run` for credentials that are resolved already.

    `subrun` says whose part the run is, where it is a fleet's lane, and `only`, of which campaigns it has to know what
    the journal says. `ledger` and `connections`: those of the process,
    where several runs share them; they stay open. Raises StopRequested if a stop ends the wait for a holder whose
    clock was ahead.
    """
    manifest = loaded.manifest
    connections = connections or Connections.of(manifest.connections, observer)
    # 1. Credentials: a key that cannot sign is found before the first call.
    minter = minter_of(credentials)
    run_id = f"r-{uuid.uuid4().hex[:12]}"
    async with _open_ledger(manifest.ledger, ledger) as (store, clock):
        if ledger is None and store.made:
            observer.event("ledger_created", ledger=store.made)
        # 2. Leases.
        async with held_lanes(store, manifest, run_id, clock, observer=observer, stop_signal=stop_signal) as held:
            # 3. The launch's host: what the journal proves about a sandbox must not skip campaigns on the platform.
            home = Home(manifest.host, loaded.environment)
            await asyncio.to_thread(store.bind_launch, manifest.launch, home, clock.now(), run_id)
            # 4. What the journal knows, then the host's API, then the run itself.
            known = await asyncio.to_thread(journals.read_states, store, manifest, only)
            deliveries = await asyncio.to_thread(journals.read_deliveries, store, manifest)
            previous = await asyncio.to_thread(journals.previous_starts, store, manifest, clock.now())
            launches = await asyncio.to_thread(store.launches)
            async with open_api(manifest, credentials, minter, clock, redactor=redactor, pool=connections.pool) as api:
                origin = Origin(loaded.source_name, loaded.sha256, __version__, subrun, loaded.environment, this_user())
                deps = RunDeps.assemble(
                    manifest, run_id, origin=origin,
                    api=api, journal=held.journal, clock=clock, observer=observer, known=known,
                    stop_signal=stop_signal, checks=CommandChecks(loaded.path.parent, redactor),
                    door=connections.door, no_wait=no_wait, deliveries=deliveries,
                )  # fmt: skip
                # A sandbox in this process came into being with it.
                is_new_host = manifest.host == SANDBOX
                held.run = Run(deps, held.leases, previous=previous, launches=launches, is_new_host=is_new_host)
                yield OpenRun(loaded, held.run, store, held)


@asynccontextmanager
async def _open_ledger(url: str, shared: Store | None) -> AsyncIterator[tuple[Store, SystemClock]]:
    """The ledger, and the clock of all who share it."""
    store = await asyncio.to_thread(Store.open, url) if shared is None else shared
    try:
        clock = await asyncio.to_thread(SystemClock, store.time)
        yield store, clock
    finally:
        if shared is None:
            store.close()
