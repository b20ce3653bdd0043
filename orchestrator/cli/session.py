"""The parts of a run put together: host, credentials, ledger, leases, lanes."""

import os
import secrets
import socket
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from orchestrator.cli import journal as journals
from orchestrator.clock import SystemClock
from orchestrator.console.logs import set_up
from orchestrator.core import plan as plans
from orchestrator.core.manifest import Manifest
from orchestrator.core.pacing import Pacer
from orchestrator.core.plan import Plan
from orchestrator.core.selection import Selection
from orchestrator.engine import preflight
from orchestrator.engine.context import Context
from orchestrator.engine.halt import Halt
from orchestrator.engine.lane import LaneRunner
from orchestrator.errors import LedgerError, NothingSelected
from orchestrator.inputs.load import LoadedManifest
from orchestrator.kore.auth import Credential, TokenMinter, resolve_credential
from orchestrator.kore.client import KoreClient
from orchestrator.ledger.store import Holder, Lease, Store
from orchestrator.ledger.writer import Writer
from orchestrator.model import Lane
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor

SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line chose of the manifest."""

    selection: Selection = field(default_factory=Selection)
    retry_failed: bool = False


@dataclass(slots=True)
class Session:
    """A run that is ready to make calls."""

    loaded: LoadedManifest
    context: Context
    lanes: Mapping[Lane, LaneRunner]
    store: Store
    writer: Writer

    async def plan(self, choice: Choice) -> Plan:
        """Look at the live state and build the plan. Raises Refused, CredentialError, NothingSelected, Halted."""
        manifest, histories = self.loaded.manifest, self.context.histories
        matched = [c for c in manifest.campaigns if choice.selection.matches(c, histories.get(c.key))]
        if not matched:
            raise NothingSelected(
                "the selection matches no campaign",
                next_step=f"python -m orchestrator plan {self.loaded.source_name}",
            )
        asked = plans.undecided(manifest, histories, choice.selection, retry_failed=choice.retry_failed)
        targets = [plans.target_of(manifest, campaign) for campaign in asked]
        readers = {lane: runner.reader for lane, runner in self.lanes.items()}
        live = await preflight.look(readers, targets, manifest.preflight.check)
        return plans.build(
            manifest, histories, live, choice.selection,
            manifest_sha256=self.loaded.sha256, retry_failed=choice.retry_failed,
        )  # fmt: skip


def credentials_of(loaded: LoadedManifest) -> dict[str, Credential]:
    """The credentials by account id, made up for sandbox accounts that have none. Raises CredentialError."""
    found = {}
    for name, account in loaded.manifest.accounts.items():
        if loaded.manifest.host == SANDBOX and account.client_id is None and account.client_secret is None:
            found[account.account_id] = Credential(f"cs-sandbox-{name}", secrets.token_hex(32), "HS256")
        else:
            found[account.account_id] = resolve_credential(name, account, loaded.path.parent)
    return found


@asynccontextmanager
async def opened(
    loaded: LoadedManifest, observer: Observer, halt: Halt, *, log_format: str, verbose: bool
) -> AsyncIterator[Session]:
    """A session with its leases taken; they are given back in the end. Nothing is sent here."""
    manifest = loaded.manifest
    credentials = credentials_of(loaded)
    redactor = Redactor(c.secret for c in credentials.values())
    set_up(log_format, redactor, verbose=verbose)
    clock = SystemClock()
    minter = TokenMinter(credentials, clock)
    for account_id in credentials:
        minter.mint(account_id)  # a key that cannot sign is found before the first call
    run_id = f"r-{uuid.uuid4().hex[:12]}"
    with _store(manifest, clock) as store:
        lanes = {plans.lane_of(manifest, name): name for name in _accounts_in_use(manifest)}
        held = store.acquire(lanes, Holder(run_id, manifest.launch, socket.gethostname(), os.getpid()), clock.now())
        writer = Writer(store, run_id, held, clock)
        runners: dict[Lane, LaneRunner] = {}
        writer.start()
        try:
            histories = journals.histories(store.read(manifest.launch), manifest.ledger)
            async with _host(manifest, credentials) as base, KoreClient(
                base, minter, clock,
                connect_timeout=manifest.timeouts.connect, total_timeout=manifest.timeouts.total,
                connections=sum(a.in_flight for a in manifest.accounts.values()) + 16, redactor=redactor,
            ) as api:  # fmt: skip
                context = Context(manifest, run_id, api, writer, clock, observer, histories, halt)
                runners |= {
                    lease.lane: LaneRunner(
                        context, lease.lane, lanes[lease.lane], _pacer(manifest, lanes, lease, clock)
                    )
                    for lease in held
                }
                yield Session(loaded, context, runners, store, writer)
        finally:
            await writer.close()
            _give_back(store, run_id, held, runners, clock)


def _give_back(
    store: Store, run_id: str, held: list[Lease], runners: Mapping[Lane, LaneRunner], clock: SystemClock
) -> None:
    """A lane's leases go back with the slots that are still taken, its own or its last holder's."""
    now = clock.now()
    recent = {x.lane: runners[x.lane].gate.pacer.recent(now) if x.lane in runners else x.recent for x in held}
    # A lease that cannot be given back ends by itself; that must not hide how the run went.
    with suppress(LedgerError):
        store.release(run_id, recent)


def _accounts_in_use(manifest: Manifest) -> list[str]:
    used = {campaign.account for campaign in manifest.campaigns if campaign.enabled}
    return [name for name in manifest.accounts if name in used]


@contextmanager
def _store(manifest: Manifest, clock: SystemClock) -> Iterator[Store]:
    store = Store.open(manifest.ledger)
    try:
        store.bind_launch(manifest.launch, manifest.host, clock.now())
        yield store
    finally:
        store.close()


def _pacer(manifest: Manifest, lanes: Mapping[Lane, str], lease: Lease, clock: SystemClock) -> Pacer:
    pacer = Pacer(manifest.accounts[lanes[lease.lane]].rate)
    if manifest.host == SANDBOX:
        return pacer  # a sandbox in this process was born with it: nobody else has called it
    if lease.clean:
        pacer.recall(list(lease.recent))
    else:
        pacer.fill(clock.now())
    return pacer


@asynccontextmanager
async def _host(manifest: Manifest, credentials: Mapping[str, Credential]) -> AsyncIterator[str]:
    if manifest.host != SANDBOX:
        yield manifest.host
        return
    from orchestrator.sandbox.limiter import DEFAULT_LIMIT, Limit
    from orchestrator.sandbox.server import SandboxServer
    from orchestrator.sandbox.world import world_of

    limit = manifest.sandbox.limit
    world = world_of(
        [(key, c.client_id, _verifying_key(c), c.algorithm) for key, c in credentials.items()],
        [
            (manifest.accounts[c.account].account_id, c.stream, c.campaign, c.name or c.campaign, str(c.type))
            for c in manifest.campaigns
        ],
        Limit(limit.limit, limit.seconds) if limit else DEFAULT_LIMIT,
    )
    async with SandboxServer(world, profile=manifest.sandbox.faults, seed=manifest.sandbox.seed) as server:
        yield server.url


def _verifying_key(credential: Credential) -> str:
    if credential.algorithm.startswith("HS"):
        return credential.secret
    from cryptography.hazmat.primitives import serialization

    private = serialization.load_pem_private_key(credential.secret.encode(), password=None)
    public = private.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, form).decode()
