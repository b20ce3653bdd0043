"""The client for a run's host: a real one, or the sandbox in this process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from orchestrator.clock import SystemClock
from orchestrator.core.manifest.models import Manifest
from orchestrator.engine.door import Door
from orchestrator.kore.auth import Credential, TokenMinter
from orchestrator.kore.client import KoreClient
from orchestrator.kore.connection_pool import ConnectionPool, most_connections
from orchestrator.ports import Clock, Observer
from orchestrator.redaction import Redactor

SANDBOX: Final = "sandbox"
"""The host that lives in the run's own process."""


@dataclass(frozen=True, slots=True)
class Connections:
    """What all runs of one process share on their way out: the door, and the connections behind it."""

    door: Door
    pool: ConnectionPool

    @classmethod
    def of(cls, wanted: int, observer: Observer) -> "Connections":
        """At most `wanted` connections at a time; fewer, with a warning, where the process may not open the files."""
        most = most_connections(wanted)
        if most < wanted:
            message = (
                f"at most {most} connections at a time instead of {wanted}: this process may not open enough files"
            )
            observer.event("connections_short", message=f"{message}; raise the limit (ulimit -n)")
        return cls(Door(most), ConnectionPool(most))


def minter_of(credentials: dict[str, Credential]) -> TokenMinter:
    """Makes tokens with the credentials, by account id. Raises CredentialError for a key that cannot sign."""
    minter = TokenMinter(credentials, SystemClock())
    for account_id in credentials:
        minter.mint(account_id)
    return minter


@asynccontextmanager
async def open_api(
    manifest: Manifest,
    credentials: dict[str, Credential],
    minter: TokenMinter,
    clock: Clock,
    *,
    redactor: Redactor,
    pool: ConnectionPool,
) -> AsyncIterator[KoreClient]:
    """A client for the manifest's host, with connections of the pool; closed in the end."""
    timeouts = manifest.timeouts
    async with _host(manifest, credentials) as base, KoreClient(
        base, minter, clock, connect_timeout=timeouts.connect, total_timeout=timeouts.total,
        pool=pool, redactor=redactor,
    ) as api:  # fmt: skip
        yield api


@asynccontextmanager
async def _host(manifest: Manifest, credentials: Mapping[str, Credential]) -> AsyncIterator[str]:
    if manifest.host != SANDBOX:
        yield manifest.host
        return
    # Imported only now: runs on the platform do not pay for a server that they do not use.
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
        # As the manifest has them: what may run again has run before.
        {(c.stream, c.campaign): c.instance for c in manifest.campaigns if c.instance is not None},
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
