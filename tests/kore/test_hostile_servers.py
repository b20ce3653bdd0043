"""Servers that wish us ill, over real sockets: bounded memory, the right verdict, nothing sent elsewhere."""

import asyncio
import json
import os
import ssl
import sys
import zlib
from pathlib import Path

import pytest
import trustme

from orchestrator.core.attempt.verdict import ReadKind, VerdictKind, classify, classify_read
from orchestrator.model import Fault, Progress, Reply
from tests.paths import ROOT
from tests.raw_server import (
    ACTIVE,
    TARGET,
    TOKEN,
    client_of,
    hang,
    hang_up,
    reply,
    serving,
    start,
    then_hang_up,
)

CLIENT = ROOT / "tests" / "kore" / "hostile_client.py"
MIB = 1024 * 1024
BLOCK = b"x" * 65536
OK_HEAD = b"HTTP/1.1 200 OK\r\n"
NOT_SENT, REJECTED, INDETERMINATE = VerdictKind.NOT_SENT, VerdictKind.REJECTED, VerdictKind.INDETERMINATE


def endless(head, piece=BLOCK, tail=b"", times=None):
    """Sends `head`, then `piece` until the peer goes, or this number of times and then `tail`."""

    async def step(reader, writer):
        writer.write(head)
        sent = 0
        while times is None or sent < times:
            writer.write(piece)
            await writer.drain()
            sent += 1
        writer.write(tail)
        await writer.drain()

    return step


def drip(data, every=0.05):
    """A byte at a time, slower than anybody would wait."""

    async def step(reader, writer):
        for n in range(len(data)):
            writer.write(data[n : n + 1])
            await writer.drain()
            await asyncio.sleep(every)
        await hang(reader, writer)

    return step


async def in_own_process(url, call, total, **environment):
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CLIENT), url, call, str(total), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


# Memory


def packed(bits):
    """192 MiB of nothing, a thousandth of that on the wire; 31 bits are gzip, 15 deflate."""
    pack = zlib.compressobj(9, zlib.DEFLATED, bits)
    return b"".join(pack.compress(bytes(MIB)) for _ in range(192)) + pack.flush()


GIGABYTE = {
    "endless headers": endless(OK_HEAD, b"X-Header: " + b"x" * 1000 + b"\r\n"),
    "short endless headers": endless(OK_HEAD, b"X: y\r\n" * 5000),
    "one endless header": endless(OK_HEAD + b"X-Header: "),
    "an endless header's name": endless(OK_HEAD),
    "an endless status line": endless(b"HTTP/1.1 200 "),
    "a flood of 100": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
    "a gigabyte of known length": endless(OK_HEAD + b"Content-Length: 1073741824\r\n\r\n"),
    "a gigabyte in chunks": endless(
        OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + BLOCK + b"\r\n"
    ),
    "an endless body without a length": endless(OK_HEAD + b"Connection: close\r\n\r\n"),
    "an endless chunk extension": endless(OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;a="),
    "endless trailers": endless(OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 5000),
    "a gzip bomb": lambda: reply(200, packed(31), "Content-Encoding: gzip"),
    "a deflate bomb": lambda: reply(200, packed(15), "Content-Encoding: deflate"),
    "a bomb of lists": reply(200, b"[" + b"[]," * (2 * MIB) + b"[]]"),
    "a bomb of objects": reply(200, b"[" + b"{}," * (2 * MIB) + b"{}]"),
    "a bomb of depths": reply(200, b"[" + b",".join([b"[" * 400 + b"]" * 400] * 9000) + b"]"),
}  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured by Linux's /proc")
@pytest.mark.parametrize("name", GIGABYTE)
async def test_no_answer_is_so_large_that_it_takes_much_memory(name):
    step = GIGABYTE[name]
    async with serving(step() if name.endswith(" bomb") else step) as server:
        seen = await in_own_process(server.url, "start", 1)
        await asyncio.wait_for(server.drained(), 10)  # the connection was closed by the client

    assert seen["verdict"] == INDETERMINATE, seen
    assert seen["grown"] < 96, seen
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["endless headers", "a gigabyte in chunks", "a bomb of lists"])
async def test_a_read_that_never_ends_is_tried_again_within_its_budget(name):
    async with serving(GIGABYTE[name]) as server:
        seen = await in_own_process(server.url, "list", 1)
        await asyncio.wait_for(server.drained(), 10)

    assert seen["verdict"] == ReadKind.RETRY, seen
    assert seen["grown"] < 96, seen


# Time


@pytest.mark.parametrize(
    ("data", "progress"),
    [
        (reply(200, ACTIVE), Progress.SENDING),
        (OK_HEAD + b"X: " + b"y" * 500, Progress.SENDING),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, Progress.SENDING),
    ],
    ids=["reply", "header", "continue"],
)
async def test_a_slow_drip_ends_with_the_calls_time(data, progress):
    async with serving(drip(data)) as server:
        async with client_of(server.url, total_timeout=1) as client:
            answer = await start(client)
        await asyncio.wait_for(server.drained(), 10)

    assert (answer.progress, classify(answer).kind) == (progress, INDETERMINATE)
    assert answer.text.startswith("timeout")


@pytest.mark.parametrize("status", [200, 404, 429, 503])
async def test_a_body_that_drips_is_judged_by_its_status_line(status):
    async def step(reader, writer):
        writer.write(reply(status, b"", length=50))
        await drip(b"x" * 50)(reader, writer)

    async with serving(step) as server:
        async with client_of(server.url, total_timeout=1) as client:
            answer = await start(client)
        await asyncio.wait_for(server.drained(), 10)

    proven = {404: REJECTED, 429: VerdictKind.LIMITED}
    assert (answer.progress, answer.http_status) == (Progress.ANSWERED, status)
    assert classify(answer).kind is proven.get(status, INDETERMINATE)


# Form


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"Ready","status":"Active"}',
        b'{"status":"Active","message":"a","message":"b"}',
        b'{"status":"Active","n":NaN}',
        b'{"status":"Active","n":-Infinity}',
        json.dumps(ACTIVE).encode("utf-16"),
        json.dumps(ACTIVE).encode("utf-32"),
        b'{"status":"Active","message":"\xe9"}',
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"status":"Active","a":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"status":"Act\\u0000ive"}',
    ],
    ids=["twice", "other twice", "nan", "infinity", "utf-16", "utf-32", "latin-1", "deep", "active and deep", "nul"],
)
async def test_a_success_that_can_be_read_in_two_ways_is_indeterminate(body):
    async with serving(reply(200, body)) as server, client_of(server.url) as client:
        answer = await start(client)

    assert classify(answer).kind is INDETERMINATE


@pytest.mark.parametrize(("levels", "kind"), [(99, VerdictKind.ACCEPTED), (100, INDETERMINATE)])
async def test_a_reply_may_nest_a_hundred_levels(levels, kind):
    body = b'{"status":"Active","a":' + b"[" * levels + b"]" * levels + b"}"
    async with serving(reply(200, body)) as server, client_of(server.url) as client:
        answer = await start(client)

    assert classify(answer).kind is kind


@pytest.mark.parametrize(
    "type_",
    [
        "application/json; charset=utf-7",
        "text/html; charset=none",
        "application/json; charset=\xff",
        "x",
        "",
        "a/b/c;;;=",
    ],
)
async def test_what_a_reply_says_of_its_encoding_changes_nothing(type_):
    async with serving(reply(200, ACTIVE, f"Content-Type: {type_}")) as server, client_of(server.url) as client:
        answer = await start(client)

    assert classify(answer).kind is VerdictKind.ACCEPTED


@pytest.mark.parametrize(
    "data",
    [
        reply(200, ACTIVE, "Content-Length: 3"),
        reply(200, ACTIVE, "Transfer-Encoding: chunked"),
        OK_HEAD + b"Content-Length: -1\r\n\r\n{}",
        OK_HEAD + b"Content-Length: 1e3\r\n\r\n{}",
        OK_HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        reply(200, json.dumps(ACTIVE).encode(), "Content-Encoding: br"),
        reply(200, json.dumps(ACTIVE).encode(), "Content-Encoding: zstd"),
        reply(200, zlib.compress(b"{}")[:-4], "Content-Encoding: deflate"),  # aiohttp lets cut gzip pass
        OK_HEAD + b"Bad Header\r\n\r\n{}",
        OK_HEAD + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
        b'{"status":"Active"}',
        b"<html>Active</html>\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n{}",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nActive",
        b"HTTP/1.1 99999 OK\r\n\r\n{}",
        b"HTTP/1.1 000 OK\r\n\r\n{}",
    ],
    ids=range(17),
)  # fmt: skip
async def test_garbage_after_the_request_is_indeterminate_and_closes(data):
    async with serving(then_hang_up(data), hang_up) as server:
        async with client_of(server.url) as client:
            answer = await start(client)
            read = await client.list(TARGET, 1)  # a connection that has lied is not used again
        await asyncio.wait_for(server.drained(), 10)

    assert classify(answer).kind is INDETERMINATE
    assert server.connections == 2
    assert isinstance(read.answer, Fault)


async def test_what_follows_an_answer_is_no_answer_to_the_next_call():
    """A reply that nobody asked for, kept for the next start on the connection, would count it as started."""
    async with serving(reply(503) + reply(200, ACTIVE), reply(503)) as server:
        async with client_of(server.url) as client:
            first = await start(client)
            second = await start(client)
        await asyncio.wait_for(server.drained(), 10)

    assert [classify(first).kind, classify(second).kind] == [INDETERMINATE] * 2


# Elsewhere


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 306, 307, 308, 399])
@pytest.mark.parametrize("call", ["start", "stop", "status", "get", "list"])
async def test_no_redirect_takes_a_header_anywhere(call, status):
    async with serving() as elsewhere, serving() as server:
        port = elsewhere.port
        for location in (
            f"http://localhost:{port}/x",
            f"//127.0.0.1:{port}/x",
            f"http://u:p@127.0.0.1:{port}/",
            "/other",
            "",
            "http://[",
            "file:///etc/passwd",
            "\xff",
        ):
            server.script.append(reply(status, b"", f"Location: {location}", f"Refresh: 0; url={elsewhere.url}"))
        async with client_of(server.url) as client:
            for _ in range(len(server.script)):
                if call == "start":
                    answer = await start(client)
                    assert classify(answer).kind is REJECTED
                else:
                    answer = await (client.list(TARGET, 1) if call == "list" else getattr(client, call)(TARGET))
                    answer = getattr(answer, "answer", answer)
                    assert classify_read(answer) is ReadKind.REFUSED
                assert isinstance(answer, Reply)
        await asyncio.wait_for(server.drained(), 10)

    assert elsewhere.connections == 0
    assert len(server.requests) == 8


# TLS


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority, tmp_path_factory):
    """The file that a user names in SSL_CERT_FILE to trust a CA of his own."""
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


def serving_tls(certificate, *script):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return serving(*script, tls=context)


def expired(authority):
    from datetime import UTC, datetime

    return authority.issue_cert("127.0.0.1", not_before=datetime(2020, 1, 1, tzinfo=UTC),
                                not_after=datetime(2021, 1, 1, tzinfo=UTC))  # fmt: skip


BAD = {
    "expired": expired,
    "other host": lambda ca: ca.issue_cert("platform.kore.example"),
    "foreign authority": lambda _: trustme.CA().issue_cert("127.0.0.1"),
    "self-signed": lambda _: None,
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("call", ["start", "list"])
async def test_a_bad_certificate_gets_no_byte_of_ours(name, call, authority, trusted):
    certificate = BAD[name](authority) or self_signed()
    async with serving_tls(certificate, reply(200, ACTIVE)) as server:
        seen = await in_own_process(f"https://127.0.0.1:{server.port}", call, 5, SSL_CERT_FILE=trusted)
        await asyncio.wait_for(server.drained(), 10)

    assert seen["verdict"] == (NOT_SENT if call == "start" else ReadKind.RETRY), seen
    assert seen["text"].startswith("TLS failed before the first byte was sent"), seen
    assert server.received == b""


class self_signed:  # noqa: N801 - stands for trustme's certificates
    """A certificate that vouches for itself."""

    def configure_cert(self, context):
        from datetime import UTC, datetime, timedelta
        from ipaddress import ip_address
        from tempfile import NamedTemporaryFile

        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(7).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        with NamedTemporaryFile(suffix=".pem") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.write(made.public_bytes(Encoding.PEM))
            file.flush()
            context.load_cert_chain(file.name)


async def test_a_private_authority_is_trusted_through_ssl_cert_file(authority, trusted):
    async with serving_tls(authority.issue_cert("127.0.0.1"), reply(200, ACTIVE)) as server:
        seen = await in_own_process(f"https://127.0.0.1:{server.port}", "start", 5, SSL_CERT_FILE=trusted)
        await asyncio.wait_for(server.drained(), 10)

    assert seen["verdict"] == VerdictKind.ACCEPTED, seen
    assert f"auth: {TOKEN}".encode() in server.requests[0]


async def test_without_it_the_same_certificate_is_refused(authority):
    async with serving_tls(authority.issue_cert("127.0.0.1"), reply(200, ACTIVE)) as server:
        async with client_of(f"https://127.0.0.1:{server.port}") as client:
            answer = await start(client)
        await asyncio.wait_for(server.drained(), 10)

    assert (classify(answer).kind, server.received) == (NOT_SENT, b"")


@pytest.mark.parametrize("end", [hang, then_hang_up(b"\x16\x03\x03\x00\x7a\x02"), then_hang_up(b"")])
async def test_a_handshake_that_stalls_or_breaks_is_not_sent(end):
    async def greeted(reader):
        return await reader.read(1) or None

    async with serving(end) as server:
        server.read = greeted
        async with client_of(f"https://127.0.0.1:{server.port}", total_timeout=0.4) as client:
            answer = await start(client)
        await asyncio.wait_for(server.drained(), 10)

    assert (answer.progress, classify(answer).kind) == (Progress.UNSENT, NOT_SENT)
