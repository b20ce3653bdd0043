"""The proxy that the environment names is used."""

import pytest

from orchestrator.model import Progress
from tests.raw_server import ACTIVE, client_of, reply, serving, start

HOST = "http://platform.example"


async def test_calls_go_through_the_proxy_that_the_environment_names(monkeypatch):
    async with serving(reply(200, ACTIVE)) as server:
        monkeypatch.setenv("http_proxy", server.url.replace("//", "//user:word@"))
        async with client_of(HOST) as client:
            answer = await start(client)

    assert answer.http_status == 200
    assert server.requests[0].startswith(f"POST {HOST}/campaign/".encode())
    assert b"Proxy-Authorization: Basic dXNlcjp3b3Jk\r\n" in server.requests[0]


@pytest.mark.parametrize("excepted", ["127.0.0.1", "*"])
async def test_a_host_that_no_proxy_names_is_called_directly(monkeypatch, excepted):
    async with serving(reply(200, ACTIVE)) as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", excepted)
        async with client_of(server.url) as client:
            assert (await start(client)).http_status == 200

    assert server.requests[0].startswith(b"POST /campaign/")


async def test_a_proxy_that_is_not_there_means_that_nothing_was_sent(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with client_of(HOST) as client:
        assert (await start(client)).progress is Progress.UNSENT
