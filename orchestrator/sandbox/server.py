"""The sandbox as a server on the loopback."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self, TextIO

from aiohttp import web

from orchestrator.sandbox.faults import FaultPlan
from orchestrator.sandbox.handlers import Handlers
from orchestrator.sandbox.platform import Platform, World

_HOST: Final = "127.0.0.1"
_SHUTDOWN_SECONDS: Final = 0.05


def _is_news(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionResetError))


# aiohttp logs a traceback for every connection that a fault cuts on purpose: a flood in a log, and a fright.
_LOG: Final = logging.getLogger("orchestrator.sandbox")
_LOG.addFilter(_is_news)


class SandboxServer:
    """Serves one world. `platform` holds what happened in it; `url` is set by `start`."""

    def __init__(
        self,
        world: World,
        *,
        profile: str = "none",
        seed: int = 0,
        scripted: Mapping[str, Sequence[str | None]] | None = None,
        port: int = 0,
        log: TextIO | None = None,
        clock: Callable[[], float] = time.time,
        retry_after: str = "seconds",
    ) -> None:
        self.platform = Platform(world, retry_after=retry_after)
        self.url = ""
        keys = [f"{one.stream}/{one.id}" for one in world.campaigns]
        self._faults = FaultPlan(profile, seed, scripted, keys)
        self._handlers = Handlers(self.platform, self._faults, clock, log)
        self._port = port
        self._socket: socket.socket | None = None
        self._runner: web.AppRunner | None = None
        self._boot: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> str:
        """Bind the port, and listen at once or after the profile's boot delay; the base URL."""
        # 1. The port, at once: the URL is known even while the boot delay refuses connections.
        self._socket = _bound(self._port)
        app = web.Application()
        app.add_routes(self._handlers.routes())
        # A client that gives up must not undo what the platform is about to do.
        runner = web.AppRunner(
            app, access_log=None, logger=_LOG, handler_cancellation=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        self._runner = runner
        self.url = f"http://{_HOST}:{self._socket.getsockname()[1]}"
        site = web.SockSite(runner, self._socket)
        # 2. Listen. Until then the kernel refuses connections, as on a host that is starting up.
        delay = self._faults.profile.boot_delay
        if delay:
            self._boot = asyncio.create_task(_start_later(site, delay))
        else:
            await site.start()
        return self.url

    async def close(self) -> None:
        """Stop listening and end every call still open. Closing twice is harmless."""
        if self._boot is not None:
            self._boot.cancel()
            await asyncio.gather(self._boot, return_exceptions=True)
        # Before the runner: its clean-up would wait for the calls that hang on purpose.
        await self._handlers.release()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._socket is not None:
            self._socket.close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A restart must not wait until the kernel has forgotten the last run's connections.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((_HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


async def _start_later(site: web.SockSite, delay: float) -> None:
    await asyncio.sleep(delay)
    await site.start()
