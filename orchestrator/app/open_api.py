"""The client for a run's host: a real one, or the sandbox in this process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from orchestrator.core.manifest.models import Manifest
from orchestrator.kore.auth import Credential, TokenMinter
from orchestrator.kore.client import KoreClient
from orchestrator.ports import Clock
from orchestrator.redaction import Redactor

SANDBOX: Final = "sandbox"
"""The host that lives in the run's own process."""

_SPARE_CONNECTIONS: Final = 16  # for reads beside the starts


@asynccontextmanager
async def open_api(
    manifest: Manifest, credentials: dict[str, Credential], minter: TokenMinter, clock: Clock, redactor: Redactor
) -> AsyncIterator[KoreClient]:
    """A client for the manifest's host, with a connection for every start in flight; closed in the end."""
    connections = sum(account.in_flight for account in manifest.accounts.values()) + _SPARE_CONNECTIONS
    timeouts = manifest.timeouts
    async with _host(manifest, credentials) as base, KoreClient(
        base, minter, clock, connect_timeout=timeouts.connect, total_timeout=timeouts.total,
        connections=connections, redactor=redactor,
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
