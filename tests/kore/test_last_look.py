"""Between a call's last look and the kernel there is nothing: a host suspended there sends one call, not many."""

import asyncio
import contextlib
import socket

import pytest
from aiohttp.http import StreamWriter

from orchestrator.core.rules.pacing import arrived_by
from orchestrator.kore import call as call_module
from orchestrator.kore import connection_pool
from orchestrator.model import Progress
from tests.raw_server import (
    ACTIVE,
    NOW,
    TARGET,
    StillClock,
    allowed,
    client_of,
    hang_up,
    permit_for,
    reply,
    serving,
)

NAP = 40.0
CALLS = [
    lambda client, check: client.start(TARGET, permit_for(), check=check),
    lambda client, check: client.stop(TARGET, check=check),
    lambda client, check: client.status(TARGET, check=check),
    lambda client, check: client.get(TARGET, check=check),
    lambda client, check: client.list(TARGET, 1, check=check),
]


IDS = ["start", "stop", "status", "get", "list"]


async def sent_by_the_next_turn(call, patience=5):
    """What the kernel had of a call at the event loop's first turn after its last look."""
    seen = []

    def next_turn():
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(patience)  # spent only where nothing has been sent yet: the loop stands still
            with contextlib.suppress(TimeoutError):
                seen.append(connection.recv(65536))
            connection.sendall(reply(200, ACTIVE))

    def check():
        asyncio.get_running_loop().call_soon(next_turn)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with client_of(f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            await call(client, check)
    return [(request.split()[0], request.partition(b"\r\n\r\n")[2]) for request in seen]


@pytest.mark.parametrize("call", CALLS, ids=IDS)
async def test_the_loop_does_not_turn_between_last_check_and_kernel(call):
    [(method, body)] = await sent_by_the_next_turn(call)

    assert (method, body[:1] + body[-1:]) in ((b"POST", b"{}"), (b"GET", b""))


@pytest.mark.parametrize("call", CALLS, ids=IDS)
async def test_look_then_wait_then_write_is_caught(call, monkeypatch):
    """A copy that is broken on purpose: the test before this one must notice."""

    class Waiting(StreamWriter):
        async def write_eof(self, chunk=b""):
            await asyncio.sleep(0)
            await super().write_eof(chunk)

    monkeypatch.setattr(call_module, "StreamWriter", Waiting)

    assert await sent_by_the_next_turn(call, patience=0.05) == []


@pytest.mark.parametrize("call", CALLS, ids=IDS)
async def test_head_and_body_are_one_write(call, monkeypatch):
    """Two would be two segments, and a host suspended between them would send half of a call."""
    written = []

    class Noted(socket.socket):
        def send(self, data):
            written.append(bytes(data))
            return super().send(data)

    monkeypatch.setattr(connection_pool, "_socket", lambda _, address: Noted(*address[:3]))
    async with serving(reply(200, ACTIVE)) as server, client_of(server.url) as client:
        await call(client, allowed)

    assert written == server.requests


async def test_a_call_a_sleeping_host_delayed_counts_from_its_write(monkeypatch):
    """Its permit was good at the last look. The slot must not be free before the call can have arrived."""
    clock = StillClock()

    class Napping(socket.socket):
        def send(self, data):
            clock.at += NAP
            return super().send(data)

    monkeypatch.setattr(connection_pool, "_socket", lambda _, address: Napping(*address[:3]))
    async with serving(hang_up) as server, client_of(server.url, clock=clock) as client:
        lost = await client.start(TARGET, permit_for(deadline=NOW + 5), check=allowed)

    assert (lost.progress, lost.sent_at) == (Progress.SENDING, NOW + NAP)
    assert arrived_by(lost, clock.now(), 5.0) == NOW + NAP + 5


@pytest.mark.parametrize("call", CALLS, ids=IDS)
async def test_a_no_at_the_last_look_lets_no_byte_out(call):
    async with serving() as server:
        async with client_of(server.url) as client:
            answer = await call(client, lambda: "not now")
        await server.drained()
    fault = getattr(answer, "answer", answer)

    assert (fault.progress, fault.text, fault.sent_at) == (Progress.UNSENT, "not now", None)
    assert server.received == b""
