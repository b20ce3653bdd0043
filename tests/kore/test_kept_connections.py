"""An answer counts only after our own first byte: what a kept connection says before is nobody's."""

import asyncio
import contextlib
import socket

import pytest

from orchestrator.core.attempt.verdict import VerdictKind, classify
from orchestrator.model import Progress
from tests.raw_server import (
    ACTIVE,
    NOW,
    TARGET,
    allowed,
    client_of,
    permit_for,
    reply,
    serving,
    start,
)

SUCCESS = {"status": "success", "data": {"id": TARGET.campaign, "status": "Ready"}}
REFUSAL = {"errors": [{"msg": "Campaign not found", "code": 400}]}
CALLS = [
    lambda client, check=allowed: client.start(TARGET, permit_for(deadline=NOW + 9), check=check),
    lambda client, check=allowed: client.stop(TARGET, check=check),
    lambda client, check=allowed: client.status(TARGET, check=check),
    lambda client, check=allowed: client.get(TARGET, check=check),
    lambda client, check=allowed: client.list(TARGET, 1, check=check),
]
IDS = ["start", "stop", "status", "get", "list"]
STRAYS = {
    "a second answer": reply(200, ACTIVE),
    "half of one": reply(200, ACTIVE)[:20],
    "a proxy's 408": reply(408, b"", "Connection: close"),
    "a refusal": reply(400, REFUSAL),
    "a line end": b"\r\n",
    "no HTTP at all": b"\x16\x03\x01",
}


class Late:
    """Answers, and once `go` is set says something more; `closed` is set when the client has closed the connection."""

    def __init__(self, stray):
        self.go, self.closed, self._stray = asyncio.Event(), asyncio.Event(), stray

    async def __call__(self, reader, writer):
        writer.write(reply(200, ACTIVE))
        await self.go.wait()
        writer.write(self._stray)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        self.closed.set()


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
@pytest.mark.parametrize("call", CALLS, ids=IDS)
async def test_a_connection_that_speaks_unasked_is_closed(call, stray):
    late = Late(stray)
    async with serving(late, reply(404, REFUSAL)) as server:
        async with client_of(server.url) as client:
            first = await start(client)
            late.go.set()
            await asyncio.wait_for(late.closed.wait(), 5)
            second = await call(client)
        await server.drained()

    assert classify(first).kind is VerdictKind.ACCEPTED
    assert (getattr(second, "answer", second).http_status, server.connections) == (404, 2)


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
@pytest.mark.parametrize("call", CALLS, ids=IDS)
async def test_what_comes_before_the_first_byte_means_not_sent(call, stray):
    """It came while the call waited for its last look, and the kernel still has it."""
    async with Talkative() as server, client_of(server.url) as client:
        await server.answer(start(client))
        answer = await call(client, lambda: server.peer.sendall(stray))
    fault = getattr(answer, "answer", answer)

    assert (fault.progress, fault.sent_at) == (Progress.UNSENT, None)
    assert fault.text == "the server sent something or hung up before the first byte was sent"
    assert server.received_since() == b""


@pytest.mark.parametrize("call", CALLS, ids=IDS)
async def test_a_connection_ended_before_the_first_byte_means_not_sent(call):
    """Written to it, the call would be lost, and a start unknown."""
    async with Talkative() as server, client_of(server.url) as client:
        await server.answer(start(client))
        answer = await call(client, lambda: server.peer.shutdown(socket.SHUT_WR))

    assert getattr(answer, "answer", answer).progress is Progress.UNSENT
    assert server.received_since() == b""


@pytest.mark.parametrize("call", CALLS, ids=IDS)
async def test_a_new_connection_that_speaks_first_means_not_sent(call):
    async with Talkative() as server, client_of(server.url) as client:
        answer = await call(client, lambda: server.accept().sendall(reply(200, ACTIVE)))

    assert getattr(answer, "answer", answer).progress is Progress.UNSENT
    assert server.received_since() == b""


class Talkative:
    """A server without a loop of its own: it answers and speaks when the test says so."""

    async def __aenter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._listener.close()

    def accept(self):
        self.peer, _ = self._listener.accept()
        self.peer.settimeout(5)
        return self.peer

    async def answer(self, call):
        """Answer a call that is made meanwhile."""
        made = asyncio.create_task(call)
        await asyncio.to_thread(lambda: self.accept().recv(65536))
        self.peer.sendall(reply(200, ACTIVE))
        assert (await made).http_status == 200

    def received_since(self):
        """All that came until the client closed the connection."""
        with self.peer:
            try:
                return self.peer.recv(65536)
            except ConnectionError:  # the client closed it with something unread
                return b""


async def test_early_hints_are_no_second_answer():
    """An interim response belongs to the call that is out."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with serving(hints + reply(200, ACTIVE), reply(200, ACTIVE)) as server:
        async with client_of(server.url) as client:
            answers = [await start(client), await start(client)]
        await server.drained()

    assert [classify(answer).kind for answer in answers] == [VerdictKind.ACCEPTED] * 2
    assert server.connections == 1
