"""What stands between here and the platform is named by `run` and `doctor` alike, with its fix; secrets stay in."""

import contextlib
import socket
import threading
import time
from urllib.parse import quote

import pytest

from tests.canaries import PASSWORD

HOST = "https://platform.kore.example"
REFUSAL = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=corp\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture
def proxy():
    """A proxy that refuses every tunnel; its address, and what it was asked."""
    asked = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                # A client that hangs up first must not end the proxy: the next one would wait for it forever.
                with peer, contextlib.suppress(OSError):
                    asked.append(peer.recv(65536))
                    peer.sendall(REFUSAL)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("check", ["list", "off"])
def test_a_proxys_password_is_nowhere_when_it_is_refused(workplace, proxy, check):
    """What is printed, and every file, is searched for it when the test is over."""
    address, asked = proxy
    workplace.environment["HTTPS_PROXY"] = f"http://user:{quote(PASSWORD, safe='')}@{address}"
    manifest = workplace.manifest(host=HOST, accounts=workplace.credentials(), preflight={"check": check})
    done, looked = workplace.run("run", manifest), workplace.run("doctor", manifest)

    assert (done.returncode, looked.returncode) == (4 if check == "list" else 10, 4)
    for text in (done.stdout + done.stderr, looked.stdout):
        assert f"the proxy http://{address} refuses the user name and password (407)" in text
        assert "correct them in HTTPS_PROXY" in text
    assert all(b"\r\nProxy-Authorization: Basic " in request for request in asked)


@pytest.mark.parametrize(
    ("value", "message", "fix"),
    [
        ("{address}", "HTTPS_PROXY has no scheme: {address}", "export HTTPS_PROXY=http://{address}"),
        ("socks5h://{address}", "HTTPS_PROXY names a SOCKS proxy ({address})", "name an HTTP proxy in HTTPS_PROXY"),
        ("http://{address}", "asks for a user name and a password (407)", "write them in HTTPS_PROXY, as http://USER"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_by_both(workplace, proxy, value, message, fix):
    address, _ = proxy
    workplace.environment["HTTPS_PROXY"] = value.format(address=address)
    manifest = workplace.manifest(host=HOST, accounts=workplace.credentials())
    done, looked = workplace.run("run", manifest), workplace.run("doctor", manifest)

    assert (done.returncode, looked.returncode) == (4, 4)
    assert message.format(address=address) in done.stderr
    assert f"next: {fix.format(address=address)}" in done.stderr
    assert message.format(address=address) in looked.stdout
    assert fix.format(address=address) in looked.stdout


def test_no_call_to_the_sandbox_goes_through_a_proxy(workplace, proxy):
    address, asked = proxy
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        workplace.environment[name] = f"http://{address}"

    assert workplace.run("run", workplace.manifest()).returncode == 0
    assert asked == []


def test_a_token_refused_under_a_wrong_clock_names_the_clock(workplace, platform):
    url = platform.start(clock=lambda: time.time() + 600)
    manifest = workplace.manifest(host=url, accounts=workplace.credentials())
    done, looked = workplace.run("run", manifest), workplace.run("doctor", manifest)

    assert (done.returncode, looked.returncode) == (7, 4)
    for text in (done.stderr, looked.stdout):
        assert "this machine's clock is" in text
        assert "behind the host's" in text
        assert "set this machine's clock (NTP)" in text
        assert "check client_id" not in text


def test_a_second_answer_decides_about_no_other_campaign(workplace, platform):
    """It comes on the kept connection before the next start leaves, and used to be that start's answer."""
    url = platform.start(scripted={"st-1/cd-0": ["answer_twice"]})
    platform.set_state("cd-1", "Scheduled")
    accounts = workplace.credentials(rate=["1/0.5s"], in_flight=1)
    done = workplace.run("run", workplace.manifest(host=url, accounts=accounts, preflight={"check": "off"}))
    outcomes = {one["campaign"]: (one["outcome"], one["message"]) for one in workplace.result()["campaigns"]}

    assert done.returncode == 10
    assert outcomes["cd-1"] == ("failed", "HTTP 400: Campaign cannot be started in its current state")
    assert (outcomes["cd-0"][0], outcomes["cd-2"][0]) == ("started", "started")
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-2": 1}
