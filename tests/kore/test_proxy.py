"""The proxy that the environment names is used, for other machines only, and its password stays out of sight."""

import asyncio
import contextlib
import ssl
from base64 import b64encode
from urllib.parse import quote

import pytest
import trustme

from orchestrator.errors import Refused
from orchestrator.kore.proxy import is_this_machine, proxy_for
from orchestrator.model import Progress
from orchestrator.redaction import MASK, Redactor
from tests.raw_server import ACTIVE, client_of, reply, serving, start

HOST = "https://platform.example"
PASSWORD = "p%/r0xy:s#cret"
WRITTEN = "p%25%2Fr0xy:s%23cret"
BASIC = b64encode(f"user:{PASSWORD}".encode()).decode()


@contextlib.asynccontextmanager
async def tunnels(port):
    """A proxy that opens every tunnel that it is asked for to a port of this machine; yields its port and requests."""
    asked = []

    async def pump(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def serve(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        there, here = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, here), pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


@pytest.fixture
def certificate(monkeypatch):
    """A server's context for the host, whose CA the client trusts."""
    authority, theirs = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("platform.example").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ours)
    return theirs


@pytest.mark.parametrize("password", [WRITTEN, PASSWORD.replace("%", "%25")])
@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
async def test_calls_go_through_the_proxy_with_password_in_a_header(monkeypatch, certificate, variable, password):
    async with (
        serving(reply(200, ACTIVE), reply(200, ACTIVE), tls=certificate) as server,
        tunnels(server.port) as (port, asked),
    ):
        monkeypatch.setenv(variable, f"http://user:{password}@127.0.0.1:{port}")
        async with client_of(HOST) as client:
            answers = [await start(client), await start(client)]

    assert [answer.http_status for answer in answers] == [200, 200]
    assert len(asked) == 1
    assert asked[0].startswith(b"CONNECT platform.example:443 HTTP/1.1\r\n")
    assert f"Proxy-Authorization: Basic {BASIC}\r\n".encode() in asked[0]
    assert b"proxy-authorization" not in server.received.lower()


@pytest.mark.parametrize("written", [WRITTEN, PASSWORD.replace("%", "%25")])
async def test_a_proxys_password_is_in_no_text(monkeypatch, written):
    redactor = Redactor()
    async with serving(reply(407, b"", f"X-Echo: Basic {BASIC}")) as server:
        monkeypatch.setenv("https_proxy", f"http://user:{written}@127.0.0.1:{server.port}")
        async with client_of(HOST, redactor=redactor) as client:
            fault = await start(client)

    assert PASSWORD not in fault.text
    for text in (
        PASSWORD,
        quote(PASSWORD, safe=""),
        written,
        f"user:{PASSWORD}",
        BASIC,
        f"http://user:{written}@proxy:1",
    ):
        assert PASSWORD not in redactor.text(text)
        assert MASK in redactor.text(f"<{text}>"), text


@pytest.mark.parametrize("url", ["http://localhost", "https://localhost", "https://127.9.8.7", "https://[::1]"])
@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "all_proxy"])
@pytest.mark.parametrize("excepted", [None, "", "platform.example"])
def test_this_machine_is_never_called_through_a_proxy(monkeypatch, url, variable, excepted):
    """The sandbox and a host on the loopback would otherwise be called through it, tokens and all."""
    monkeypatch.setenv(variable, "http://proxy.example:3128")
    if excepted is not None:
        monkeypatch.setenv("no_proxy", excepted)

    assert proxy_for(f"{url}:8443") is None


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"])
async def test_no_token_for_this_machine_reaches_a_proxy(monkeypatch, variable):
    async with serving(reply(200, ACTIVE)) as server, serving() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        async with client_of(server.url) as client:
            answer = await start(client)

    assert (answer.http_status, proxy.connections) == (200, 0)
    assert server.requests[0].startswith(b"POST /campaign/")


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("LOCALHOST", True), ("localhost.", True), ("kore.localhost", True), ("127.0.0.1", True), ("[::1]", True),
        ("0:0::1", True), ("::ffff:127.0.0.1", True), ("0.0.0.0", True),  # noqa: S104 - a name, not a bind
        ("::", True), ("128.0.0.1", False),
        ("::2", False), ("localhost.example", False), ("notlocalhost", False), ("10.0.0.1", False),
    ],
)  # fmt: skip
def test_a_machine_knows_its_own_names(name, is_ours):
    assert is_this_machine(name) is is_ours


@pytest.mark.parametrize(
    ("host", "excepted", "is_called_directly"),
    [
        ("https://kore.example", "kore.example", True),
        ("https://kore.example", "KORE.example", True),
        ("https://kore.example", ".example", True),
        ("https://kore.example", "*.example", True),
        ("https://kore.example", "other, example ,", True),
        ("https://kore.example", "*", True),
        ("https://kore.example", "a.example,*", True),
        ("https://kore.example:8443", "kore.example:8443", True),
        ("https://kore.example:8443", "kore.example:443", False),
        ("https://kore.example", "kore.example:443", True),
        ("https://mykore.example", "kore.example", False),
        ("https://kore.example.org", "kore.example", False),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3:8443", "192.168.0.0/16,10.1.2.3/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.1.2.3:443", True),
        ("https://10.1.2.3", "10.1.2", False),
        ("https://[fd00::5]", "fd00::/8", True),
        ("https://[fd00::5]", "[fd00::]/8", True),
        ("https://[fd00::5]", "fd00:0:0::5", True),
        ("https://[fd00::5]:8443", "[fd00::5]", True),
        ("https://[fd00::5]:8443", "[fd00::5]:8443", True),
        ("https://[fd00::5]:8443", "[fd00::5]:443", False),
        ("https://[fd00::5]", "[::1],::1,10.0.0.0/8", False),
        ("https://kore.example", "10.0.0.0/8,[::1],/,:,[", False),
        ("https://kore.example", f"kore.example:{'4' * 5000}", False),
        ("https://[fd00::5]", f"[fd00::5]:{'4' * 5000}", False),
    ],
)
def test_no_proxy_names_hosts_domains_ports_and_ranges(monkeypatch, host, excepted, is_called_directly):
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", excepted)

    assert (proxy_for(host) is None) is is_called_directly


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("proxy.example:3128", "HTTPS_PROXY has no scheme: proxy.example:3128"),
        ("user:p/w@proxy.example:3128", "HTTPS_PROXY has no scheme: proxy.example:3128"),
        ("socks5://u:p@s.example:1080", "HTTPS_PROXY names a SOCKS proxy (s.example:1080), which is not supported"),
        ("ftp://proxy.example", "HTTPS_PROXY names a proxy with the scheme ftp, not http or https"),
        ("http://user:pw@", "HTTPS_PROXY names no proxy: '' is not an address"),
        ("http://proxy.example:port", "HTTPS_PROXY names no proxy: 'proxy.example:port' is not an address"),
    ],
)
async def test_an_unusable_proxy_is_refused_with_its_variable(monkeypatch, value, message):
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(Refused) as refused:
        async with client_of(HOST):
            pass

    assert refused.value.message == message
    assert "HTTPS_PROXY" in refused.value.next_step


async def test_a_proxy_that_is_not_there_means_that_nothing_was_sent(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    async with client_of(HOST) as client:
        assert (await start(client)).progress is Progress.UNSENT
