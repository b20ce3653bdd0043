"""Each fault of the network has its own words and its own fix."""

import asyncio
import contextlib
import re
import ssl
from datetime import UTC, datetime

import pytest
import trustme

from orchestrator.core.attempt.verdict import VerdictKind, classify
from orchestrator.model import Progress
from tests.kore.test_hostile_servers import self_signed
from tests.ports import free_port
from tests.raw_server import client_of, hang, hang_up, reply, reset, serving, start, then_hang_up

HOST = "https://platform.example"
TLS = "TLS failed before the first byte was sent: "
CLOCK = "set this machine's clock (NTP)"
EXPIRED = {"not_before": datetime(2020, 1, 1, tzinfo=UTC), "not_after": datetime(2021, 1, 1, tzinfo=UTC)}
TO_COME = {"not_before": datetime(2090, 1, 1, tzinfo=UTC), "not_after": datetime(2091, 1, 1, tzinfo=UTC)}
UNKNOWN_CA = "this machine does not know the CA of the host's certificate"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(autouse=True)
def trust(authority, monkeypatch):
    """The client's context, which trusts that authority alone."""
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ours)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


def context_of(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


CERTIFICATES = {
    "expired": (
        lambda ca: ca.issue_cert("127.0.0.1", **EXPIRED),
        f"{TLS}the host's certificate has expired",
        f"have it renewed, or {CLOCK} if that is wrong",
    ),
    "not valid yet": (
        lambda ca: ca.issue_cert("127.0.0.1", **TO_COME),
        f"{TLS}the host's certificate is not valid yet",
        f"{CLOCK}, or have the certificate replaced",
    ),
    "of another host": (
        lambda ca: ca.issue_cert("platform.example"),
        f"{TLS}the host's certificate is for another name",
        "write one of the certificate's names in `host`",
    ),
    "of an unknown CA": (
        lambda _: trustme.CA().issue_cert("127.0.0.1"),
        f"{TLS}{UNKNOWN_CA}",
        "set SSL_CERT_FILE to a file with its CA",
    ),
    "signed by itself": (
        lambda _: self_signed(),
        f"{TLS}the host's certificate is self-signed",
        "set SSL_CERT_FILE to a file with that certificate, if you trust it",
    ),
}


@pytest.mark.parametrize(("make", "text", "fix"), CERTIFICATES.values(), ids=CERTIFICATES)
async def test_a_refused_certificate(authority, make, text, fix):
    context = context_of(make(authority))
    async with serving(tls=context) as server, client_of(f"https://127.0.0.1:{server.port}") as client:
        fault = await start(client)

    assert (fault.text, fault.fix, fault.progress) == (text, fix, Progress.UNSENT)
    assert classify(fault).message == f"{text}; {fix}"


BAD_FILES = {
    "missing": (None, "which cannot be read (No such file or directory)"),
    "a folder": ("folder", "which cannot be read (Is a directory)"),
    "empty": (b"", "which contains no certificate in PEM"),
    "no PEM": (b"\x30\x82\x01\x0a", "which contains no certificate in PEM"),
    "a key": (
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "which contains no certificate in PEM",
    ),
}


@pytest.mark.parametrize(("content", "why"), BAD_FILES.values(), ids=BAD_FILES)
async def test_a_bad_ssl_cert_file_is_named(monkeypatch, tmp_path, content, why):
    """OpenSSL passes over it and says nothing: then no CA is known at all."""
    file = tmp_path / "ca.pem"
    if content == "folder":
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    certificate = context_of(trustme.CA().issue_cert("127.0.0.1"))
    async with serving(tls=certificate) as server, client_of(f"https://127.0.0.1:{server.port}") as client:
        fault = await start(client)

    assert fault.text == f"{TLS}{UNKNOWN_CA}: SSL_CERT_FILE names '{file}', {why}"
    assert fault.fix == "set SSL_CERT_FILE to a readable file of CA certificates in PEM"


@contextlib.asynccontextmanager
async def demanding(context):
    """A host that wants a certificate of its clients, and sends the alert that TLS has for those who have none."""

    async def serve(reader, writer):
        sent, received = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(received, sent, server_side=True)
        while data := await reader.read(65536):
            received.write(data)
            with contextlib.suppress(ssl.SSLError):
                tls.do_handshake()
            writer.write(sent.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("TLSv1_3", "TLS failed after the request was sent, before an answer: the host asks for a client certificate"),
        ("TLSv1_2", f"{TLS}the host refuses the handshake: it may ask for a client certificate"),
    ],
)
async def test_a_host_that_asks_for_a_client_certificate(authority, version, words):
    context = context_of(authority.issue_cert("127.0.0.1"))
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, ssl.TLSVersion[version]
    async with demanding(context) as url, client_of(url) as client:
        fault = await start(client)

    assert (fault.text, "not supported" in fault.fix) == (words, True)


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n"])
async def test_a_port_that_does_not_speak_tls(data):
    async def greeted(reader):
        return await reader.read(1) or None

    async with serving(then_hang_up(data)) as server:
        server.read = greeted
        async with client_of(f"https://127.0.0.1:{server.port}") as client:
            fault = await start(client)

    assert (fault.text, fault.fix) == (f"{TLS}the server does not use TLS", "check the port in `host`")


async def test_nobody_at_the_hosts_port():
    port = free_port()
    async with client_of(f"https://127.0.0.1:{port}") as client:
        fault = await start(client)

    assert fault.text == f"no connection before the first byte was sent (127.0.0.1:{port}: Connection refused)"
    assert fault.fix == "check `host` and the network; where a proxy is needed, name it in HTTPS_PROXY"


# Between here and the tunnel

SIGN_IN = "sign in to the network in a browser, or give https_proxy the proxy's user name and password"
NO_TUNNEL = "answers with something other than a tunnel: it may be a sign-in page"
PAGE = b"<html><body>Sign in</body></html>"
TUNNELS = {
    "407": (
        reply(407, b"", 'Proxy-Authenticate: Basic realm="corp"'),
        "asks for a user name and a password (407)",
        "write them in https_proxy, as http://USER:PASSWORD@HOST:PORT",
    ),
    "407 with NTLM": (
        reply(407, PAGE, "Proxy-Authenticate: NTLM", "Proxy-Authenticate: Negotiate abc"),
        "asks for a sign-in with NTLM or Negotiate, which is not supported (407)",
        "use a proxy that takes a user name and a password (Basic), or a local one that signs in for you",
    ),
    "302": (
        reply(302, PAGE, "Location: https://login.example/?back=token"),
        "asks for a sign-in at login.example (302)",
        SIGN_IN,
    ),
    "307 to nowhere": (reply(307, PAGE), "asks for a sign-in (307)", SIGN_IN),
    "303 to nonsense": (reply(303, PAGE, "Location: http://[x:y/"), "asks for a sign-in (303)", SIGN_IN),
    "511": (reply(511, PAGE), "asks for a sign-in (511)", SIGN_IN),
    "a page": (reply(200, PAGE, "Content-Type: text/html"), NO_TUNNEL, SIGN_IN),
    "an endless page": (b"HTTP/1.0 200 OK\r\n\r\n" + PAGE, NO_TUNNEL, SIGN_IN),
    "403": (
        reply(403, PAGE),
        "refuses a tunnel to the host (403)",
        "have the host allowed on the proxy, or name it in NO_PROXY",
    ),
    "502": (reply(502, PAGE), "does not reach the host (502)", "check `host`, and ask those who run the proxy"),
    "SOCKS": (b"\x05\xff", "does not speak HTTP", "name an HTTP proxy in https_proxy; SOCKS is not supported"),
    "no HTTP": (
        b"220 mail.example ESMTP\r\n",
        "does not speak HTTP",
        "name an HTTP proxy in https_proxy; SOCKS is not supported",
    ),
}


@pytest.mark.parametrize(("data", "words", "fix"), TUNNELS.values(), ids=TUNNELS)
async def test_a_tunnel_that_is_not_opened(monkeypatch, data, words, fix):
    async def step(reader, writer):
        writer.write(data)
        await hang(reader, writer)

    async with serving(step) as server:
        monkeypatch.setenv("https_proxy", server.url)
        async with client_of(HOST) as client:
            fault = await start(client)

    assert (fault.text, fault.fix) == (f"the proxy {server.url} {words}", fix)
    assert classify(fault).kind is VerdictKind.NOT_SENT


@pytest.mark.parametrize("end", [hang_up, reset])
async def test_a_proxy_that_closes_the_connection(monkeypatch, end):
    async with serving(end) as server:
        monkeypatch.setenv("https_proxy", server.url)
        async with client_of(HOST) as client:
            fault = await start(client)

    assert fault.text == f"the proxy {server.url} closed the connection instead of opening a tunnel"
    assert (fault.fix, fault.progress) == ("check https_proxy", Progress.UNSENT)


async def test_a_proxy_that_says_nothing(monkeypatch):
    async with serving(hang) as server:
        monkeypatch.setenv("https_proxy", server.url)
        async with client_of(HOST, total_timeout=0.4) as client:
            fault = await start(client)

    assert fault.text == f"no connection to the host through the proxy {server.url} in time"
    assert fault.fix == "check `host`, https_proxy and the network"


async def test_a_page_that_comes_late_is_no_tunnel_either(monkeypatch):
    async def step(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read(1)  # the client begins with TLS
        writer.write(PAGE)
        await hang(reader, writer)

    async with serving(step) as server:
        monkeypatch.setenv("https_proxy", server.url)
        async with client_of(HOST) as client:
            fault = await start(client)

    assert fault.text == f"the proxy {server.url} {NO_TUNNEL}"
    assert fault.fix == SIGN_IN


async def test_a_proxy_that_refuses_its_password(monkeypatch):
    async with serving(reply(407, b"", "Proxy-Authenticate: Basic")) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url.replace("//", "//user:wrong-password@"))
        async with client_of(HOST) as client:
            fault = await start(client)

    assert fault.text == f"the proxy {server.url} refuses the user name and password (407)"
    assert fault.fix == "correct them in HTTPS_PROXY"


@pytest.mark.parametrize("address", ["127.0.0.1", "proxy.invalid"])
async def test_a_proxy_that_is_not_there(monkeypatch, address):
    url = f"http://{address}:{free_port()}"
    monkeypatch.setenv("https_proxy", url)
    async with client_of(HOST) as client:
        fault = await start(client)

    assert re.fullmatch(rf"the proxy {re.escape(url)} was not reached \(.+\)", fault.text)
    assert fault.fix == "check https_proxy"
