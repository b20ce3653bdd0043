import dataclasses
import json
import traceback

import pytest

from orchestrator.core.attempt.verdict import VerdictKind, classify, is_hourly, wait_of
from orchestrator.errors import CredentialError
from orchestrator.kore import client as client_module
from orchestrator.model import Fault, Progress, Reply
from orchestrator.redaction import MASK, Redactor
from tests.canaries import spellings
from tests.ports import free_port
from tests.raw_server import (
    ACCOUNT,
    ACTIVE,
    CAMPAIGN,
    NOW,
    SECRET,
    STREAM,
    TARGET,
    TOKEN,
    OneToken,
    StillClock,
    allowed,
    client_of,
    hang,
    hang_up,
    permit_for,
    reply,
    reset,
    serving,
    start,
    then_hang_up,
)

NOT_SENT, LIMITED, UNAUTHORIZED = VerdictKind.NOT_SENT, VerdictKind.LIMITED, VerdictKind.UNAUTHORIZED
REJECTED, ACCEPTED, INDETERMINATE = VerdictKind.REJECTED, VerdictKind.ACCEPTED, VerdictKind.INDETERMINATE
LISTS = f"/campaign/api/v2/public/{STREAM}/campaign/contactList"
HTML = b"<html><body>It works, status Active</body></html>"


async def attempt(step, **options):
    """One start against one scripted step: the answer, its verdict and the server."""
    async with serving(step) as server:
        async with client_of(server.url, **options) as client:
            answer = await start(client)
        await server.drained()
    return answer, classify(answer), server


def split(request: bytes):
    head, _, body = request.partition(b"\r\n\r\n")
    line, *lines = head.decode("ascii").split("\r\n")
    return line, [tuple(text.split(": ", 1)) for text in lines], body


# The request


async def test_a_start_is_the_vendors_sample_byte_for_byte():
    _, verdict, server = await attempt(reply(200, ACTIVE))
    line, headers, body = split(server.requests[0])

    assert verdict.kind is ACCEPTED
    assert f"POST /campaign/api/v1/public/{STREAM}/campaign/{CAMPAIGN}?campaignType=sms&trigger=play HTTP/1.1" == line
    assert [pair for pair in headers if pair[0] in {"auth", "iid", "accountId", "Content-Type"}] == [
        ("auth", TOKEN),
        ("iid", STREAM),
        ("accountId", ACCOUNT),
        ("Content-Type", "application/json"),
    ]
    assert {"host", "accept", "accept-encoding", "user-agent", "content-length"} == {
        name.lower() for name, _ in headers
    } - {"auth", "iid", "accountid", "content-type"}
    assert dict(headers)["Content-Length"] == "2"
    assert body == b"{}"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("call", "line", "body"),
    [
        ("stop", f"POST /campaign/api/v1/public/{STREAM}/campaign/{CAMPAIGN}?campaignType=sms&trigger=stop", b"{}"),
        ("status", f"POST /agentassist/api/v1/public/{STREAM}/campaign/{CAMPAIGN}/status?view=status", b"{}"),
        (
            "contact_lists",
            f"POST {LISTS}/getAllListDetails?accountId={ACCOUNT}&type=call",
            b"{}",
        ),
        ("get", f"GET /agentassist/api/v1/public/{STREAM}/campaign/{CAMPAIGN}", b""),
    ],
)
async def test_the_other_calls_go_where_the_vendor_says(call, line, body):
    async with serving(reply(200, {"status": "success"})) as server, client_of(server.url) as client:
        await getattr(client, call)(TARGET)

    assert (f"{line} HTTP/1.1", body) == split(server.requests[0])[::2]


async def test_a_list_call_asks_for_the_oldest_first():
    async with serving(reply(200, {"status": "success"})) as server, client_of(server.url) as client:
        await client.list(TARGET, 3)
    line, _, body = split(server.requests[0])

    assert f"POST /agentassist/api/v1/public/{STREAM}/campaign/getAllCampaignDetails HTTP/1.1" == line
    assert json.loads(body) == {"type": "sms", "limit": 50, "skip": 100, "page": 3, "sortBy": {"createdAt": "asc"}}


async def test_odd_ids_are_percent_encoded_once():
    odd = dataclasses.replace(TARGET, stream="st a/b", campaign="cd?x=1&y#z%41é+")
    async with serving(reply(200, ACTIVE)) as server, client_of(server.url) as client:
        await start(client, odd)

    path = "/campaign/api/v1/public/st%20a%2Fb/campaign/cd%3Fx%3D1%26y%23z%2541%C3%A9%2B"
    assert f"POST {path}?campaignType=sms&trigger=play HTTP/1.1" == split(server.requests[0])[0]


@pytest.mark.parametrize("odd", ["st-1\r\nX-Evil: 1", "st-1\nX: 1"])
async def test_a_header_cannot_be_smuggled_in_through_an_id(odd):
    async with serving() as server:
        async with client_of(server.url) as client:
            answer = await start(client, dataclasses.replace(TARGET, iid=odd))
        await server.drained()

    assert isinstance(answer, Fault)
    assert server.received == b""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\0", " ", "\t", "\x7f", "\xe9", "\u2028", "\r\nX-Evil: 1", ""])
@pytest.mark.parametrize("call", ["start", "stop", "status", "get", "list", "contact_lists"])
async def test_a_token_no_header_may_hold_is_refused_before_use(call, end):
    token = f"{TOKEN}{end}" if end else ""
    async with serving() as server:
        async with client_of(server.url, tokens=OneToken(token)) as client:
            calls = {"start": lambda: start(client), "list": lambda: client.list(TARGET, 1)}
            with pytest.raises(CredentialError) as caught:
                await calls.get(call, lambda: getattr(client, call)(TARGET))()
        await server.drained()

    assert (caught.value.exit_code, server.connections) == (7, 0)
    said = caught.value.message + caught.value.next_step + "".join(traceback.format_exception(caught.value))
    assert not any(part in said for part in TOKEN.split("."))


@pytest.mark.parametrize("spelling", sorted(spellings(TOKEN)))
async def test_a_token_comes_back_in_no_spelling(spelling):
    said = f"bad token {spellings(TOKEN)[spelling].decode()} was refused"
    answer, verdict, _ = await attempt(reply(400, {"message": said, "deep": [{said: said}]}))
    fault, _, _ = await attempt(then_hang_up(f"HTTP/1.1 abc {said}\r\n\r\n".encode()))

    for shown in (answer, verdict, fault):
        assert not any(form.decode() in repr(shown) for form in spellings(TOKEN).values())


# The verdict table of design section 2: no byte left


async def test_a_refused_connection_is_not_sent():
    async with client_of(f"http://127.0.0.1:{free_port()}") as client:
        answer = await start(client)

    assert answer.progress is Progress.UNSENT
    assert answer.sent_at is None
    assert answer.text.startswith("no connection before the first byte was sent")
    assert classify(answer).kind is NOT_SENT


async def test_an_unknown_host_is_not_sent():
    async with client_of("http://nonexistent.invalid") as client:
        answer = await start(client)

    assert answer.text.startswith("the host's name was not found before the first byte was sent")
    assert classify(answer).kind is NOT_SENT


async def test_failed_tls_is_not_sent():
    async def greet(reader):
        return await reader.read(1) or None

    async with serving(then_hang_up(b"HTTP/1.1 400 No TLS here\r\n\r\n")) as server:
        server.read = greet
        permit = permit_for()
        async with client_of(f"https://127.0.0.1:{server.port}") as client:
            answer = await client.start(TARGET, permit, check=allowed)

    assert answer.text.startswith("TLS failed before the first byte was sent")
    assert classify(answer).kind is NOT_SENT
    permit.use(TARGET.key, NOW)  # it was not spent


async def test_a_handshake_that_never_ends_is_not_sent():
    async with serving(hang) as server, client_of(f"https://127.0.0.1:{server.port}", total_timeout=0.2) as client:
        answer = await start(client)

    assert answer.text.startswith("timeout before the first byte was sent")
    assert classify(answer).kind is NOT_SENT


# After the first byte, no answer


@pytest.mark.parametrize(
    "step",
    [reset, hang_up, then_hang_up(b"HTTP/1.1 20"), then_hang_up(b"HTTP/1.1 200 OK\r\nContent-Ty"), reply(200)[:-2]],
    ids=["reset", "close", "half a status line", "half a header", "no end of headers"],
)
async def test_a_connection_lost_after_the_request_is_indeterminate(step):
    answer, verdict, server = await attempt(step, total_timeout=1)

    assert answer.progress is Progress.SENDING
    assert answer.sent_at == NOW
    assert verdict.kind is INDETERMINATE
    assert len(server.requests) == 1


async def test_silence_until_the_total_timeout_is_indeterminate():
    answer, verdict, server = await attempt(hang, total_timeout=1)

    assert answer.text.startswith("timeout after the request was sent, before an answer")
    assert verdict.kind is INDETERMINATE
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x00\xff\x00\xff\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"],
    ids=["ssh", "bin", "abc"],
)
async def test_an_answer_that_is_no_http_is_indeterminate(data):
    _, verdict, _ = await attempt(then_hang_up(data))

    assert verdict.kind is INDETERMINATE


# Refusals


async def test_a_429_waits_for_its_seconds():
    answer, verdict, _ = await attempt(reply(429, {"message": "slow down"}, "Retry-After: 17"))

    assert (verdict.kind, verdict.message, wait_of(answer)) == (LIMITED, "slow down", 17.0)


async def test_a_429_waits_for_its_date_by_the_servers_clock():
    date, due = "Date: Sun, 06 Nov 1994 08:49:00 GMT", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT"
    answer, verdict, _ = await attempt(reply(429, b"", date, due))

    assert (verdict.kind, wait_of(answer)) == (LIMITED, 37.0)


async def test_a_429_without_a_usable_wait_says_so():
    answer, verdict, _ = await attempt(reply(429, b"", "Retry-After: soon"))

    assert (verdict.kind, wait_of(answer)) == (LIMITED, None)


@pytest.mark.parametrize(
    ("text", "hourly"),
    [
        ("You've exceeded the per-minute rate limit. Please wait for sometime before retrying.", False),
        ("You've EXCEEDED the hourly rate limit. Please wait for sometime before retrying.", True),
        ("Rate limit for this API has been reached. Please try again after some time.", False),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 418])
async def test_a_4xx_with_a_documented_text_is_limited(status, text, hourly):
    answer, verdict, _ = await attempt(reply(status, {"errors": [{"msg": text, "code": 1}]}))

    assert (LIMITED, text, hourly) == (verdict.kind, verdict.message, is_hourly(answer))


async def test_a_401_is_unauthorized():
    _, verdict, _ = await attempt(reply(401, {"errors": [{"msg": "Invalid JWT token", "code": 4002}]}))

    assert (verdict.kind, verdict.message) == (UNAUTHORIZED, "HTTP 401: Invalid JWT token")


@pytest.mark.parametrize("status", [400, 403, 404, 405, 412, 422])
async def test_a_refusal_is_rejected_with_the_servers_words(status):
    _, verdict, _ = await attempt(reply(status, {"errors": [{"msg": "no such thing", "code": status}]}))

    assert (REJECTED, f"HTTP {status}: no such thing") == (verdict.kind, verdict.message)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 412, 422, 429])
async def test_a_refusal_whose_body_is_lost_is_proven_by_its_status(status):
    answer, verdict, _ = await attempt(then_hang_up(reply(status, b"{", length=100)))

    assert (Progress.ANSWERED, status) == (answer.progress, answer.http_status)
    assert verdict.kind is {401: UNAUTHORIZED, 429: LIMITED}.get(status, REJECTED)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status):
    async with serving() as elsewhere:
        _, verdict, server = await attempt(reply(status, b"", f"Location: {elsewhere.url}/x"))

    assert verdict.kind is REJECTED
    assert len(server.requests) == 1
    assert elsewhere.connections == 0


# Successes and what looks like one


@pytest.mark.parametrize("state", ["Active", "ACTIVE", "active"])
@pytest.mark.parametrize("status", [200, 201, 202])
async def test_active_in_any_case_is_accepted(status, state):
    _, verdict, _ = await attempt(reply(status, ACTIVE | {"status": state}))

    assert (ACCEPTED, "Campaign Started", ACTIVE["updatedAt"]) == (verdict.kind, verdict.message, verdict.updated_at)


@pytest.mark.parametrize(
    "body",
    [
        {"status": "failure", "message": "no"},
        {"status": "error", "message": "no"},
        {"status": "Ready"},
        {"status": ["Active"]},
        {"data": {"status": "Active"}},
        ["Active"],
        "Active",
        None,
        HTML,
        b"",
        b"Active",
        b'{"status":"Active"',
        b'{"status":"Active"}{}',
        b'\xff{"status":"Active"}',
        b"[" * 100_000,
        b'{"status":' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: repr(body)[:30],
)
async def test_a_2xx_with_anything_else_in_it_is_indeterminate(body):
    answer, verdict, _ = await attempt(reply(200, body))

    assert isinstance(answer, Reply)
    assert verdict.kind is INDETERMINATE


@pytest.mark.parametrize("status", [204, 205])
async def test_a_2xx_without_a_body_is_indeterminate(status):
    _, verdict, _ = await attempt(then_hang_up(f"HTTP/1.1 {status} Some\r\n\r\n".encode()))

    assert verdict.kind is INDETERMINATE


@pytest.mark.parametrize(
    "data",
    [
        reply(200, b'{"status":"Active"}', length=100),
        reply(200, b"not gzip", "Content-Encoding: gzip"),
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n{"status":"Active"}\r\n',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{"status":"Active"}\r\n0\r\n\r\n',
    ],
    ids=["length", "gzip", "no last chunk", "bad chunk"],
)
async def test_a_truncated_or_garbled_success_is_indeterminate(data):
    answer, verdict, _ = await attempt(then_hang_up(data))

    assert isinstance(answer, Fault)
    assert verdict.kind is INDETERMINATE


@pytest.mark.parametrize("status", [408, 409, 418, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [ACTIVE, HTML], ids=["json", "html"])
async def test_a_timeout_a_5xx_and_an_unknown_status_are_indeterminate(status, body):
    _, verdict, _ = await attempt(reply(status, body, "Retry-After: 1"))

    assert verdict.kind is INDETERMINATE


async def test_a_body_over_the_limit_is_a_fault():
    size = client_module._MAX_BODY + 1
    answer, verdict, _ = await attempt(reply(200, b" " * size))

    assert (answer.progress, answer.http_status) == (Progress.ANSWERED, 200)
    assert "larger than" in answer.text
    assert verdict.kind is INDETERMINATE


async def test_a_compressed_body_over_the_limit_is_a_fault():
    import gzip

    bomb = gzip.compress(b" " * (client_module._MAX_BODY + 1))
    answer, _, _ = await attempt(reply(200, bomb, "Content-Encoding: gzip"))

    assert isinstance(answer, Fault)


# The permit


async def test_a_permit_is_used_up_by_a_send():
    async with serving(reply(503), reply(200, ACTIVE)) as server:
        async with client_of(server.url) as client:
            permit = permit_for()
            await client.start(TARGET, permit, check=allowed)
            second = await client.start(TARGET, permit, check=allowed)
        await server.drained()

    assert len(server.requests) == 1
    assert server.received == server.requests[0]
    assert (second.progress, second.text) == (Progress.UNSENT, "this permit has been used")
    assert classify(second).kind is NOT_SENT


@pytest.mark.parametrize(
    ("permit", "text"),
    [
        (permit_for(deadline=NOW - 0.001), "this permit's deadline has passed"),
        (
            permit_for(dataclasses.replace(TARGET, campaign="cd-2")),
            f"this permit is for {STREAM}/cd-2, not for {STREAM}/{CAMPAIGN}",
        ),
    ],
    ids=["late", "for another"],
)
async def test_a_permit_that_does_not_fit_lets_no_byte_out(permit, text):
    async with serving(reply(200, ACTIVE)) as server:
        async with client_of(server.url) as client:
            answer = await client.start(TARGET, permit, check=allowed)
        await server.drained()

    assert server.received == b""
    assert (Progress.UNSENT, text) == (answer.progress, answer.text)
    assert classify(answer).kind is NOT_SENT


async def test_the_deadline_is_looked_at_when_the_connection_is_there():
    clock = StillClock()

    def check():
        clock.at = NOW + 60  # as if connecting had taken a minute

    async with serving(reply(200, ACTIVE)) as server:
        async with client_of(server.url, clock=clock) as client:
            answer = await client.start(TARGET, permit_for(), check=check)
        await server.drained()

    assert server.received == b""
    assert classify(answer).kind is NOT_SENT


async def test_an_objection_sends_no_byte_and_leaves_the_permit_whole():
    async with serving(reply(200, ACTIVE)) as server:
        async with client_of(server.url) as client:
            permit = permit_for()
            first = await client.start(TARGET, permit, check=lambda: "the run has stopped")
            assert (len(server.requests), server.received) == (0, b"")
            second = await client.start(TARGET, permit, check=allowed)
        await server.drained()

    assert (first.progress, first.text) == (Progress.UNSENT, "the run has stopped")
    assert classify(first).kind is NOT_SENT
    assert classify(second).kind is ACCEPTED
    assert len(server.requests) == 1


# Nothing is repeated behind our back


@pytest.mark.parametrize("call", ["get", "status", "stop"])
@pytest.mark.parametrize("end", [reset, hang_up], ids=["reset", "close"])
async def test_a_call_lost_on_a_kept_connection_is_not_repeated(call, end):
    async with serving(reply(200, {"status": "success"}), end, reply(200, {"status": "success"})) as server:
        async with client_of(server.url) as client:
            await client.status(TARGET)
            second = await getattr(client, call)(TARGET)
        await server.drained()

    assert isinstance(getattr(second, "answer", second), Fault)
    assert len(server.requests) == 2
    assert server.connections == 1


async def test_cookies_are_not_kept():
    async with serving(reply(503, b"", "Set-Cookie: a=b"), reply(200, ACTIVE)) as server, client_of(server.url) as one:
        await start(one)
        await start(one)

    assert b"cookie" not in server.requests[1].lower()


# Secrets


async def test_a_reply_that_echoes_secrets_comes_out_without_them():
    body = {"message": f"bad {TOKEN}", "errors": [{"msg": f"key {SECRET}", "code": 1}], "deep": {"a": [SECRET]}}
    answer, verdict, _ = await attempt(reply(400, body), redactor=Redactor([SECRET]))

    assert SECRET not in repr(answer) + repr(verdict)
    assert TOKEN not in repr(answer) + repr(verdict)
    assert answer.payload["message"] == f"bad {MASK}"
    assert verdict.message == f"HTTP 400: key {MASK}"


async def test_a_fault_that_quotes_secrets_comes_out_without_them():
    line = f"HTTP/1.1 abc {SECRET} {TOKEN}\r\n\r\n".encode()
    answer, verdict, _ = await attempt(then_hang_up(line), redactor=Redactor([SECRET]))

    assert SECRET not in repr(answer) + repr(verdict)
    assert TOKEN not in repr(answer) + repr(verdict)


async def test_a_secret_cut_in_two_by_the_length_limit_stays_hidden():
    secret = "canary-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-canary"
    answer, _, _ = await attempt(reply(502, (secret * 40).encode()), redactor=Redactor([secret]))

    assert "canary-01" not in answer.text


async def test_a_secret_used_as_a_key_does_not_come_out():
    answer, _, _ = await attempt(reply(502, {SECRET: 1}), redactor=Redactor([SECRET]))

    assert SECRET not in repr(answer)
