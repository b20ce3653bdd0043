"""Who may ask, and for what: hosts, tokens and methods are checked before any page is made."""

import base64
import binascii
import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import hdrs, web

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
OPEN_PATHS: Final = frozenset({"/healthz"})
"""Paths that need no token: they tell nothing of any launch."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "orchestrator",
}
"""Headers of every answer; a static file alone may be kept."""

_FREE_FAILURES: Final = 3
_LONGEST_SECONDS: Final = 30.0
_MOST_PEERS: Final = 1024


@dataclass(slots=True)
class SlowedPeers:
    """Peers that showed a wrong token: after a few, each must wait. No answer is delayed, so none ties up a connection.

    Remembers the last thousand alone. `now` is in seconds.
    """

    now: Callable[[], float] = time.monotonic
    _failures: OrderedDict[str, tuple[int, float]] = field(default_factory=OrderedDict)  # how many, and until when

    def wait(self, peer: str) -> float:
        """Seconds until the peer may show a token again; 0 if it may now."""
        _, until = self._failures.get(_network(peer), (0, 0.0))
        return max(0.0, until - self.now())

    def failed(self, peer: str) -> None:
        """The peer showed a wrong token."""
        network = _network(peer)
        count = self._failures.pop(network, (0, 0.0))[0] + 1
        delay = min(2.0 ** (count - _FREE_FAILURES), _LONGEST_SECONDS) if count > _FREE_FAILURES else 0.0
        self._failures[network] = (count, self.now() + delay)
        if len(self._failures) > _MOST_PEERS:
            self._failures.popitem(last=False)

    def succeeded(self, peer: str) -> None:
        """The peer showed the token."""
        self._failures.pop(_network(peer), None)


def _network(peer: str) -> str:
    """The peer, or the network of one that has a whole network's addresses to itself."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else peer


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses what is not to be answered. `hosts` are the names that the server is asked by; an empty token: none."""

    hosts: Collection[str]
    token: str = ""
    slowed: SlowedPeers = field(default_factory=SlowedPeers)

    def refusal(self, request: web.Request) -> web.Response | None:
        """Why the request is not answered; None if it is."""
        # 1. The name first: a page of somebody else's site, whose name leads here, must learn nothing at all.
        if _host_name(request.headers.getall(hdrs.HOST, [])) not in self.hosts:
            return _refused(421, "this server does not answer to that name; --host NAME allows the name")
        # 2. Nothing but reading.
        if request.method not in {hdrs.METH_GET, hdrs.METH_HEAD}:
            return _refused(405, "only GET and HEAD", {hdrs.ALLOW: "GET, HEAD"})
        if request.can_read_body:
            return _refused(400, "a request to read has no body", {hdrs.CONNECTION: "close"})
        # 3. The token.
        return None if not self.token or request.path in OPEN_PATHS else self._token_refusal(request)

    def _token_refusal(self, request: web.Request) -> web.Response | None:
        peer = request.remote or ""
        shown = _shown_token(request.headers.getall(hdrs.AUTHORIZATION, []))
        if shown is not None:
            if (seconds := self.slowed.wait(peer)) > 0:
                return _refused(429, "too many wrong tokens; try again later", {hdrs.RETRY_AFTER: f"{seconds + 1:.0f}"})
            if hmac.compare_digest(shown, self.token.encode()):
                self.slowed.succeeded(peer)
                return None
            self.slowed.failed(peer)
        asked = {hdrs.WWW_AUTHENTICATE: 'Basic realm="launches", charset="UTF-8"'}
        return _refused(401, "the token is missing or wrong: it is the password, with any user name", asked)


def _host_name(headers: Collection[str]) -> str:
    """The name in the one Host header, without its port; empty for none, or for several."""
    if len(headers) != 1:
        return ""
    name = next(iter(headers)).strip().lower()
    end = name.rfind("]") + 1  # an IPv6 address has colons of its own
    return name[:end] + name[end:].partition(":")[0].removesuffix(".")


def _shown_token(headers: Collection[str]) -> bytes | None:
    """What is shown as the token: a bearer's, or the password of a browser's dialog. None: nothing is."""
    if len(headers) != 1:
        return None
    scheme, _, value = next(iter(headers)).strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _refused(status: int, words: str, headers: Mapping[Any, str] | None = None) -> web.Response:
    return web.Response(status=status, text=f"{words}\n", headers=headers)
