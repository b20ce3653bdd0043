"""What kore/call.py and kore/connection.py use of aiohttp beyond its documentation, by name, for when it is gone."""

import inspect

import aiohttp
import pytest
from aiohttp.http import StreamWriter

from orchestrator.kore.call import Request
from orchestrator.kore.connection import Connection
from tests.raw_server import ACTIVE, client_of, reply, serving, start


def names(function, kind):
    return {name for name, one in inspect.signature(function).parameters.items() if one.kind is kind}


def test_a_response_is_made_of_what_our_request_gives():
    """`Request.send` makes the response as aiohttp's own `send` does, with these and no others."""
    given = {"writer", "continue100", "timer", "request_info", "traces", "loop", "session", "stream_writer"}

    assert names(aiohttp.ClientResponse.__init__, inspect.Parameter.KEYWORD_ONLY) == given


@pytest.mark.parametrize(
    ("owner", "method", "parameters"),
    [
        (aiohttp.ClientRequest, "send", ["self", "conn"]),
        (StreamWriter, "write_headers", ["self", "status_line", "headers"]),
        (StreamWriter, "write_eof", ["self", "chunk"]),
        (aiohttp.TCPConnector, "_release", ["self", "key", "protocol", "should_close"]),
        (aiohttp.TCPConnector, "_start_tls_connection", ["self", "underlying_transport", "req", "timeout"]),
        (aiohttp.TCPConnector, "_create_connection", ["self", "req", "traces", "timeout"]),
    ],
)
def test_aiohttp_has_the_methods_that_we_override_or_call(owner, method, parameters):
    assert list(inspect.signature(getattr(owner, method)).parameters)[: len(parameters)] == parameters


async def test_the_session_makes_our_requests_on_our_connections(monkeypatch):
    """A session that ignored the request class would send without a last look."""
    seen = []
    real = Request.send

    async def send(self, conn):
        seen.append((type(self), type(conn.protocol), self._timer is not None, self._traces))
        return await real(self, conn)

    monkeypatch.setattr(Request, "send", send)
    async with serving(reply(200, ACTIVE)) as server, client_of(server.url) as client:
        await start(client)
        assert client._session._retry_connection is False

    assert seen == [(Request, Connection, True, [])]
