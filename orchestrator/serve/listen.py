"""The server: bound, watched over, and ended at once when it is told to."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiohttp import web

from orchestrator.serve.guard import LOOPBACK_NAMES, Guard
from orchestrator.serve.pages import Pages
from orchestrator.serve.routes import application
from orchestrator.serve.viewers import Live
from orchestrator.serve.watch import LedgerWatch

_MOST_CONNECTIONS: Final = 256
_SILENT_SECONDS: Final = 10.0
"""How long a new connection may take to send its first request; aiohttp itself would wait forever."""
_SWEEP_SECONDS: Final = 1.0
_LONGEST_LINE: Final = 4096
_LONGEST_HEADERS: Final = 8190


@asynccontextmanager
async def serving(
    url: str, *, address: str, port: int, hosts: Collection[str] = (), token: str = ""
) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """Serve the ledger at `url` while the block runs. Hands over the address, and a task that ends only by an error.

    `hosts` are the names that the server is asked by, besides those of loopback. Raises OSError if it cannot listen.
    """
    pages = Pages(token)
    live = Live(LedgerWatch(url), pages)
    names = {*LOOPBACK_NAMES, *(host.lower() for host in hosts), _as_host(address)}
    asked: set[Any] = set()  # connections that have sent a request
    app = application(live, pages, Guard(names, token))

    async def remember(request: web.Request, _: web.StreamResponse) -> None:
        asked.add(request.protocol)

    app.on_response_prepare.append(remember)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=1.0, keepalive_timeout=15.0, lingering_time=1.0,
        max_line_size=_LONGEST_LINE, max_field_size=_LONGEST_HEADERS, auto_decompress=False,
    )  # fmt: skip
    await runner.setup()
    tasks: list[asyncio.Task[None]] = []
    try:
        await web.TCPSite(runner, address, port, backlog=64).start()
        tasks = [asyncio.create_task(live.run()), asyncio.create_task(_sweep(runner, asked))]
        host, bound = runner.addresses[0][:2]
        yield f"http://{_as_host(host)}:{bound}/", tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await live.close()
        await runner.cleanup()


async def _sweep(runner: web.AppRunner, asked: set[Any]) -> None:
    """Close connections that ask for nothing, and the newest of too many."""
    since: dict[Any, float] = {}
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        server = runner.server
        connections = list(server.connections) if isinstance(server, web.Server) else []
        asked &= set(connections)
        now = time.monotonic()
        since = {one: since.get(one, now) for one in connections if one not in asked}
        late = [one for one, at in since.items() if now - at >= _SILENT_SECONDS]
        for one in {*late, *connections[_MOST_CONNECTIONS:]}:
            if one.transport is not None:
                one.transport.abort()


def _as_host(address: str) -> str:
    """An address as it stands in a URL and in a Host header."""
    return f"[{address}]" if ":" in address else address.lower()
