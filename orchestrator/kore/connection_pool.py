"""The connections of one process: how many there may be, and which runs share them."""

import asyncio
import socket
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

from orchestrator.kore.connection import Connector

_KEEP_ALIVE: Final = 4.0  # seconds; shorter than servers' own: a start on a connection they are closing would be lost

MOST_HANDSHAKES: Final = 20
"""Connections that are made at a time: a hundred TLS handshakes at once keep the event loop from all else."""

_GUESS: Final = 64
"""Files that are taken to be open where the system does not say."""


def most_connections(wanted: int) -> int:
    """`wanted`, or fewer: at most half of the files that this process may still open, and at least 1.

    The other half is for the ledger, the reports, and the server's side where the sandbox lives in this process. The
    process's own limit is raised first, as far as is needed and the system allows.
    """
    limits = _resource_module()
    if limits is None:
        return wanted
    used = _open_files()
    soft, hard = limits.getrlimit(limits.RLIMIT_NOFILE)
    needed = used + 2 * wanted
    if soft != limits.RLIM_INFINITY and soft < needed:
        raised = needed if hard == limits.RLIM_INFINITY else min(needed, hard)
        try:
            limits.setrlimit(limits.RLIMIT_NOFILE, (raised, hard))
            soft = raised
        except (ValueError, OSError):  # a limit of the system that `getrlimit` does not show
            pass
    return wanted if soft == limits.RLIM_INFINITY else max(1, min(wanted, (soft - used) // 2))


def _resource_module() -> ModuleType | None:
    try:
        import resource
    except ModuleNotFoundError:  # not on Windows
        return None
    return resource


def _open_files() -> int:
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir()) - 1  # one is the listing's own
    except OSError:
        return _GUESS


class _MadeInTurn(Connector):
    """Limits how many connections are being made at a time, over all connectors that share `making`."""

    def __init__(self, making: asyncio.Semaphore, **options: Any) -> None:
        super().__init__(**options)
        self._making = making

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> ResponseHandler:
        async with self._making:
            return await super()._create_connection(req, traces, timeout)


class ConnectionPool:
    """Connections that the clients of one process share. `most`: how many there are at a time.

    A worker's lanes are short, and have a client each: a connection outlives the lane that made it.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._making = asyncio.Semaphore(MOST_HANDSHAKES)
        self._connectors: dict[float, tuple[Connector, int]] = {}  # by the timeout of calls, and how many use it

    def open(self, total_timeout: float) -> Connector:
        """A connector for calls of at most `total_timeout` seconds; close it as often as it was opened."""
        connector, users = self._connectors.get(total_timeout, (None, 0))
        if connector is None:
            connector = _MadeInTurn(
                self._making, limit=self.most, keepalive_timeout=_KEEP_ALIVE,
                socket_factory=partial(_socket, total_timeout),
            )  # fmt: skip
        self._connectors[total_timeout] = connector, users + 1
        return connector

    async def close(self, total_timeout: float) -> None:
        """A user is done with the connector; its last one ends the connections."""
        connector, users = self._connectors.pop(total_timeout)
        if users > 1:
            self._connectors[total_timeout] = connector, users - 1
        else:
            await connector.close()


def _socket(total_timeout: float, address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket whose kernel forgets what could not be delivered within a call's time.

    On a cut cable it would otherwise go on sending for many minutes, even after the socket was closed: a start that
    counts as over would arrive in a later window.
    """
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(total_timeout * 1000))
    return made
