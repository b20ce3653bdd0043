"""The sandbox at a terminal: prints how to use it, then serves until it is told to end."""

import asyncio
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import yaml

from orchestrator.sandbox.limiter import DEFAULT_LIMIT
from orchestrator.sandbox.platform import Account, World
from orchestrator.sandbox.server import SandboxServer
from orchestrator.sandbox.world import demo_world, load_world


async def serve(
    *,
    port: int,
    world_path: str | Path | None,
    faults: str,
    seed: int,
    retry_after: str = "seconds",
    ended: asyncio.Event,
    out: TextIO,
    err: TextIO,
) -> None:
    """Serve the file's world, or the demonstration's, until `ended` is set. JSON lines go to `err`."""
    world = demo_world() if world_path is None else load_world(world_path)
    server = SandboxServer(world, profile=faults, seed=seed, port=port, log=err, retry_after=retry_after)
    async with server:
        # Only now: with port 0 the URL is known once the socket is bound.
        print(_introduction(server.url, world), file=out, flush=True)
        await ended.wait()
    print(_summary(server), file=out, flush=True)


def manifest_of(url: str, world: World) -> dict[str, Any]:
    """A launch manifest that starts every campaign of the world."""
    names = {account.account_id: name for name, account in _named(world)}
    return {
        "version": 1,
        "launch": "sandbox-demo",
        "host": url,
        "accounts": {name: _manifest_account(name, account) for name, account in _named(world)},
        "campaigns": [
            {"account": names[one.account_id], "stream": one.stream, "campaign": one.id}
            | {"name": one.name, "type": one.type}
            for one in world.campaigns
        ],
    }


def _named(world: World) -> Iterator[tuple[str, Account]]:
    for number, account in enumerate(world.accounts, start=1):
        yield f"account{number}", account


def _manifest_account(name: str, account: Account) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "account_id": account.account_id,
        "client_id": {"env": _variable(name, "CLIENT_ID")},
        "client_secret": {"env": _variable(name, "CLIENT_SECRET")},
    }
    if account.algorithm != "HS256":
        fields["algorithm"] = account.algorithm
    if account.limit != DEFAULT_LIMIT:
        fields["rate"] = f"{account.limit.calls}/{account.limit.seconds:g}s"
    return fields


def _variable(name: str, field: str) -> str:
    return f"SANDBOX_{name.upper()}_{field}"


def _introduction(url: str, world: World) -> str:
    exports = [line for name, account in _named(world) for line in _exports(name, account)]
    manifest = yaml.safe_dump(manifest_of(url, world), sort_keys=False, width=120)
    return "\n".join([f"# Sandbox: {url}", "", *exports, "", "# A manifest for it:", manifest])


def _exports(name: str, account: Account) -> Iterator[str]:
    yield f"export {_variable(name, 'CLIENT_ID')}={shlex.quote(account.client_id)}"
    secret = _variable(name, "CLIENT_SECRET")
    if account.algorithm.startswith("RS"):
        yield f"# export {secret}: the private key of {account.client_id}, which only you have"
    else:
        yield f"export {secret}={shlex.quote(account.secret)}"


def _summary(server: SandboxServer) -> str:
    platform = server.platform
    counts = platform.arrivals.values()
    return (
        f"# {len(platform.starts)} starts accepted, {len(platform.hazards)} hazards, "
        f"{sum(one.total for one in counts)} calls, {sum(one.throttled for one in counts)} over the limit"
    )
