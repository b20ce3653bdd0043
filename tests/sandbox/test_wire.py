import asyncio
import json
import time

import aiohttp
import pytest

from orchestrator.sandbox import handlers
from orchestrator.sandbox.faults import SLOW_SECONDS, Profile
from tests.sandbox.conftest import LIST

PATIENCE = aiohttp.ClientTimeout(total=0.2)


def started(client):
    return client.server.platform.start_counts[client.key]


async def test_a_refusal_uses_up_nothing_and_a_retry_starts(open_client):
    client = await open_client(faults=["refuse_limited"])
    status, body = await client.trigger()
    assert (status, body["errors"][0]["code"], started(client)) == (429, 429, 0)
    assert (await client.trigger())[0] == 200
    counts = (await client.record())["accounts"][client.account.account_id]
    assert counts == {"arrivals": 2, "peak": 2, "throttled": 0, "refused": 1}


async def test_unauthorized_once(open_client):
    client = await open_client(faults=["unauthorized_once"])
    assert await client.trigger() == (401, {"errors": [{"msg": "Invalid JWT token", "code": 4002}]})
    assert (await client.trigger())[0] == 200


@pytest.mark.parametrize(("fault", "starts"), [("server_error_before", 0), ("server_error_after", 1)])
async def test_server_errors(open_client, fault, starts):
    client = await open_client(faults=[fault])
    assert ((await client.trigger())[0], started(client)) == (500, starts)


@pytest.mark.parametrize(("fault", "starts"), [("reset_before", 0), ("reset_after", 1)])
async def test_resets(open_client, caplog, fault, starts):
    client = await open_client(faults=[fault])
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await client.trigger()
    assert started(client) == starts
    assert caplog.records == []


async def test_a_reset_is_a_tcp_reset(open_client):
    client = await open_client(faults=["reset_before"])
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.url.rpartition(":")[2])
    path = f"/campaign/api/v1/public/{client.key.replace('/', '/campaign/')}?campaignType=sms&trigger=play"
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 2"]
    lines += [f"{name}: {value}" for name, value in client.signed().items()]
    writer.write("\r\n".join([*lines, "", "{}"]).encode())
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


@pytest.mark.parametrize(("fault", "starts"), [("hang_before", 0), ("hang_after", 1)])
async def test_hangs_last_until_the_client_gives_up(open_client, fault, starts):
    client = await open_client(faults=[fault])
    async with aiohttp.ClientSession(timeout=PATIENCE) as impatient:
        client.session, patient = impatient, client.session
        with pytest.raises(TimeoutError):
            await client.trigger()
    client.session = patient
    assert started(client) == starts
    assert (await client.trigger())[0] == (400 if starts else 200)


async def test_a_truncated_reply_acts_first(open_client):
    client = await open_client(faults=["truncate"])
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.trigger()
    assert started(client) == 1


async def test_a_web_page_acts_first(open_client):
    client = await open_client(faults=["html"])
    status, text = await client.trigger()
    assert (status, started(client)) == (200, 1)
    assert text.startswith("<html>")


async def test_late_acts_after_its_answer(open_client, eventually, monkeypatch):
    monkeypatch.setattr(handlers, "LATE_SECONDS", 0.05)
    client = await open_client(faults=["late"])
    status, text = await client.trigger()
    assert (status, started(client)) == (504, 0)
    assert "Gateway" in text
    await eventually(lambda: started(client))


async def test_closing_forgets_what_would_be_late(open_client):
    client = await open_client(faults=["late"])
    await client.trigger()
    await client.server.close()
    assert started(client) == 0


async def test_slow_is_slow_but_right(open_client):
    client = await open_client(faults=["slow"])
    began = time.monotonic()
    assert (await client.trigger())[0] == 200
    assert time.monotonic() - began >= SLOW_SECONDS


async def test_a_read_that_fails_says_when_to_come_back(open_client):
    client = await open_client(profile=Profile(read_errors=1.0))
    path = LIST.format(client.stream)
    seen = [await client.call("POST", path, body={"type": "sms"}) for _ in range(20)]

    waits = {(status, headers.get("Retry-After")) for status, _, headers in seen}
    assert waits == {(500, None), (503, "1")}


async def test_answer_twice_says_it_once_more_on_the_kept_connection(open_client, monkeypatch):
    monkeypatch.setattr(handlers, "TWICE_SECONDS", 0.01)
    client = await open_client(faults=["answer_twice"])
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.url.rpartition(":")[2])
    path = f"/campaign/api/v1/public/{client.key.replace('/', '/campaign/')}?campaignType=sms&trigger=play"
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 2"]
    lines += [f"{name}: {value}" for name, value in client.signed().items()]
    writer.write("\r\n".join([*lines, "", "{}"]).encode())
    answers = [await answer_from(reader) for _ in range(2)]
    writer.close()

    assert answers[0] == answers[1]
    assert (answers[0]["status"], started(client)) == ("Active", 1)


async def answer_from(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    return json.loads(await reader.readexactly(int(head.partition("content-length: ")[2].split()[0])))


async def test_a_script_strikes_attempt_by_attempt(open_client):
    client = await open_client(faults=["server_error_before", "none", "html"])
    assert [(await client.trigger())[0] for _ in range(4)] == [500, 200, 200, 400]


async def test_nasty_fails_some_reads(open_client):
    client = await open_client(profile="nasty")
    assert {(await client.list())[0] for _ in range(50)} == {200, 500, 503}
