"""A raw server on loopback that plays scripted bytes, and the few values that the adapters' tests share."""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.attempt.permit import grant
from orchestrator.kore.client import KoreClient
from orchestrator.kore.connection_pool import ConnectionPool
from orchestrator.model import CallTarget, CampaignType, Lane, Record
from tests.core.builders import LEAST

NOW = 1_800_000_000.0
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhcHBJZCI6ImNzLTEifQ.c2lnbmF0dXJlLWNhbmFyeQ"
SECRET = "client-secret-canary-7f3a"
ACCOUNT = "5f2a0c9be4b0a1d2c3e4f5a6"
STREAM = "st-1b2c3d4e-aaaa-5bbb-8ccc-0123456789ab"
CAMPAIGN = "cd-0e0475b-a418-400d-bd3b-0123456789ab"
TARGET = CallTarget(Lane(f"http://host {ACCOUNT}"), ACCOUNT, STREAM, STREAM, CampaignType.SMS, CAMPAIGN)
ACTIVE = {"status": "Active", "message": "Campaign Started", "updatedAt": "2025-06-26T14:37:50.069Z"}


@dataclass
class StillClock:
    """Stands still until it is told otherwise."""

    at: float = NOW

    def now(self):
        return self.at


@dataclass
class OneToken:
    """Always the same token."""

    token: str = TOKEN

    def mint(self, _: str, /):
        return self.token


Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Answers each request with the next step of its script; without a step left, it waits for the peer to go."""

    script: list[bytes | Behaviour]
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    received: bytes = b""
    connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError):
                while (request := await self.read(reader)) is not None:
                    self.requests.append(request)
                    await self.play(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self.tasks.discard(task)

    async def read(self, reader: asyncio.StreamReader):
        head = b""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)
            request = head + await reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            self.received += head + error.partial
            return None
        self.received += request
        return request

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        step = self.script.pop(0) if self.script else hang
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        else:
            await step(reader, writer)

    async def drained(self):
        """Every connection has been read to its end: what has not been received by now was never sent."""
        while self.tasks:
            await asyncio.wait(set(self.tasks))


@contextlib.asynccontextmanager
async def serving(*script: bytes | Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    raw = RawServer(list(script))
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for task in set(raw.tasks):
            task.cancel()
        await asyncio.gather(*raw.tasks, return_exceptions=True)
        await server.wait_closed()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
    """Says nothing until the peer goes."""
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
    """Closes in order."""
    writer.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
    """Resets the connection."""
    peer = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def then_hang_up(data: bytes) -> Behaviour:
    async def step(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        writer.write(data)
        await writer.drain()
        writer.close()

    return step


def reply(status: int, body: Any = b"", *headers: str, length: int | None = None) -> bytes:
    """A whole reply's bytes; a body that is no bytes goes out as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = len(raw) if length is None else length
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} Some", *headers, f"Content-Length: {size}"))
    return f"{head}\r\n".encode() + raw


def client_of(host: str, **options: Any) -> KoreClient:
    defaults = {"tokens": OneToken(), "clock": StillClock(), "connect_timeout": 5.0, "total_timeout": 5.0}
    defaults["pool"] = ConnectionPool(100)
    return KoreClient(host, **(defaults | options))


def permit_for(target: CallTarget = TARGET, deadline: float = NOW + 5):
    return grant(intent_of(target.key, deadline=deadline))


def intent_of(campaign: str, attempt: int = 1, *, lane: str = TARGET.lane, deadline: float = NOW + 5):
    return record_of(campaign, "intent", attempt, lane=lane, data={"deadline": deadline})


def record_of(
    campaign: str, kind: str, attempt: int = 1, *, run: str = "run-1", lane: str = TARGET.lane, data: Any = None
):
    return Record("launch-1", campaign, attempt, kind, run, NOW, lane, {**LEAST.get(kind, {}), **(data or {})})


def allowed():
    """The `check` that has nothing against a send."""
    return


async def start(client: KoreClient, target: CallTarget = TARGET):
    return await client.start(target, permit_for(target), check=allowed)
