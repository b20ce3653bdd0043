"""What a failed exchange means, in words, and what to do about it: TLS, proxies, names and networks."""

import errno
import os
import re
import ssl
from collections.abc import Iterator
from types import UnionType
from typing import Final

import aiohttp
from yarl import URL

from orchestrator.kore.connection import TunnelPageError
from orchestrator.kore.proxy import Proxy
from orchestrator.model import Progress

_WHERE: Final = {
    Progress.UNSENT: "before the first byte was sent",
    Progress.SENDING: "after the request was sent, before an answer",
    Progress.ANSWERED: "in the middle of the answer",
}
_OPENSSL_REASON: Final = re.compile(r"\[SSL: ([A-Z0-9_]+)\]")
_NOT_TLS: Final = frozenset({
    "wrong_version_number", "record_layer_failure", "http_request", "packet_length_too_long", "unexpected_message",
    "bad_record_type", "unknown_protocol",
})  # fmt: skip
_CLIENT_CERTIFICATE: Final = "connect to the host without a client certificate: these are not supported"
_OF_VERIFICATION: Final = {
    9: ("the host's certificate is not valid yet", "set this machine's clock (NTP), or have the certificate replaced"),
    10: ("the host's certificate has expired", "have it renewed, or set this machine's clock (NTP) if that is wrong"),
    18: ("the host's certificate is self-signed", "set SSL_CERT_FILE to a file with that certificate, if you trust it"),
    19: ("this machine does not know the CA of the host's certificate", "set SSL_CERT_FILE to a file with its CA"),
    62: ("the host's certificate is for another name", "write one of the certificate's names in `host`"),
}
_SAME: Final = {20: 19, 21: 19, 63: 62, 64: 62}
"""Verification errors of OpenSSL that mean the same."""


_LACKS: Final = {
    errno.EMFILE: "open files", errno.ENFILE: "open files", errno.EADDRNOTAVAIL: "ports or addresses",
    errno.ENOBUFS: "buffers", errno.ENOMEM: "memory",
}  # fmt: skip
_ON_THE_WAY: Final = "check `host` and the network; where a proxy is needed, name it in HTTPS_PROXY"
_OF_NETWORK: Final[tuple[tuple[type | UnionType, str, str], ...]] = (
    (ssl.SSLError | aiohttp.ClientSSLError, "TLS failed", ""),
    (aiohttp.ClientConnectorDNSError, "the host's name was not found",
     "check `host`, and the name server of this machine"),
    (aiohttp.ClientConnectorError, "no connection", _ON_THE_WAY),
    (TimeoutError, "timeout", _ON_THE_WAY),
    (aiohttp.ServerDisconnectedError | ConnectionError, "the connection was lost", ""),
)  # fmt: skip


def explain(error: Exception, progress: Progress, proxy: Proxy | None) -> tuple[str, str]:
    """What happened and what to do about it; the second is empty if there is nothing special to do."""
    where = _WHERE[progress]
    lacks = lacks_of(error, progress)
    if lacks:
        fix = "lower `connections`, or raise this machine's limit"
        return f"this machine does not have enough {lacks} for another connection", fix
    if proxy is not None and progress is Progress.UNSENT:
        words, fix = _of_proxy(error, proxy)
        if words:
            return words, fix
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionResetError):
        # Without a word: so end handshakes with hosts that want a certificate, and some firewalls.
        return (
            f"the host broke off the connection {where}",
            "ask those who run the host whether it asks for a client certificate",
        )
    words, fix = _of_tls(error, is_proxied=proxy is not None)
    if words:
        return f"TLS failed {where}: {words}", fix
    kind, fix = _of_network(error)
    detail = _detail(error)
    return f"{kind} {where}" + (f" ({detail})" if detail else ""), fix if progress is Progress.UNSENT else ""


def _detail(error: Exception) -> str:
    """The error's own words; of a connection that was not made where to, and the system's reason."""
    if not isinstance(error, aiohttp.ClientConnectorError) or isinstance(error, aiohttp.ClientSSLError):
        return str(error).strip()
    cause = error.os_error
    is_known = cause.errno in errno.errorcode  # not those of name servers, which are negative
    why = os.strerror(cause.errno) if cause.errno is not None and is_known else cause.strerror or str(cause)
    return f"{error.host}:{error.port}: {why}"


def lacks_of(error: Exception, progress: Progress) -> str:
    """What this machine had too little of to make the connection; empty if it lacked nothing."""
    # Its own number, not those of errors before it: where one address of the host is not to be had, another may be.
    found = error.errno if isinstance(error, OSError) and progress is Progress.UNSENT else None
    return _LACKS.get(found, "") if found is not None else ""


def _of_network(error: Exception) -> tuple[str, str]:
    for kinds, words, fix in _OF_NETWORK:
        if isinstance(error, kinds):
            return words, fix
    return "the exchange failed", ""


def _of_proxy(error: Exception, proxy: Proxy) -> tuple[str, str]:
    """Where it failed between here and the tunnel; empty if the tunnel is open."""
    name = f"the proxy {proxy.url}"
    if isinstance(error, TunnelPageError) or _reason(error) in _NOT_TLS:
        return f"{name} answers with something other than a tunnel: it may be a sign-in page", _sign_in(proxy)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _of_refused_tunnel(error, name, proxy)
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{name} does not speak HTTP", f"name an HTTP proxy in {proxy.variable}; SOCKS is not supported"
    if isinstance(error, aiohttp.ClientConnectorDNSError | aiohttp.ClientProxyConnectionError):
        why = error.os_error.strerror or "no answer"
        return f"{name} was not reached ({why})", f"check {proxy.variable}"
    return _of_silent_proxy(error, name, proxy)


def _of_silent_proxy(error: Exception, name: str, proxy: Proxy) -> tuple[str, str]:
    # By their exact types: errors of TLS within the tunnel are ClientOSErrors as well.
    if type(error) in {aiohttp.ServerDisconnectedError, aiohttp.ClientOSError}:
        return f"{name} closed the connection instead of opening a tunnel", f"check {proxy.variable}"
    if isinstance(error, TimeoutError):
        return f"no connection to the host through {name} in time", f"check `host`, {proxy.variable} and the network"
    return "", ""


def _of_refused_tunnel(error: aiohttp.ClientHttpProxyError, name: str, proxy: Proxy) -> tuple[str, str]:
    status, headers = error.status, error.headers
    if status == 407:
        return _of_authentication(name, proxy, headers.getall("Proxy-Authenticate", []) if headers is not None else [])
    if 300 <= status < 400 or status == 511:
        target = _host_of(headers.get("Location", "") if headers is not None else "")
        return f"{name} asks for a sign-in" + (f" at {target}" if target else "") + f" ({status})", _sign_in(proxy)
    if status in {502, 503, 504}:
        return f"{name} does not reach the host ({status})", "check `host`, and ask those who run the proxy"
    return (
        f"{name} refuses a tunnel to the host ({status})",
        "have the host allowed on the proxy, or name it in NO_PROXY",
    )


def _of_authentication(name: str, proxy: Proxy, offered: list[str]) -> tuple[str, str]:
    schemes = [one.partition(" ")[0].rstrip(",") for one in offered]
    if schemes and "basic" not in map(str.lower, schemes):
        fix = "use a proxy that takes a user name and a password (Basic), or a local one that signs in for you"
        return f"{name} asks for a sign-in with {' or '.join(schemes)}, which is not supported (407)", fix
    if proxy.has_credentials:
        return (
            f"{name} refuses the user name and password (407)",
            f"correct them in {proxy.variable}",
        )
    fix = f"write them in {proxy.variable}, as http://USER:PASSWORD@HOST:PORT"
    return f"{name} asks for a user name and a password (407)", fix


def _host_of(address: str) -> str:
    """The host alone: the rest of a sign-in page's address may hold a secret."""
    try:
        return URL(address).host or ""
    except ValueError:
        return ""


def _sign_in(proxy: Proxy) -> str:
    return f"sign in to the network in a browser, or give {proxy.variable} the proxy's user name and password"


def _of_tls(error: Exception, *, is_proxied: bool) -> tuple[str, str]:
    for one in _chain(error):
        # aiohttp's own error is one as well, by name only.
        if isinstance(one, ssl.SSLCertVerificationError) and hasattr(one, "verify_code"):
            return _of_certificate(one, is_proxied=is_proxied)
    reason = _reason(error)
    if "certificate_required" in reason or "alert_bad_certificate" in reason:
        return "the host asks for a client certificate", _CLIENT_CERTIFICATE
    if reason.endswith("handshake_failure"):
        return "the host refuses the handshake: it may ask for a client certificate", _CLIENT_CERTIFICATE
    if reason.endswith(("protocol_version", "unsupported_protocol")):
        return (
            "the host only supports versions of TLS that are no longer safe",
            "have TLS 1.2 or 1.3 enabled on the host",
        )
    if reason in _NOT_TLS:
        return "the server does not use TLS", "check the port in `host`"
    return "", ""


def _of_certificate(error: ssl.SSLCertVerificationError, *, is_proxied: bool) -> tuple[str, str]:
    code = _SAME.get(error.verify_code, error.verify_code)
    words, fix = _OF_VERIFICATION.get(code, (f"the host's certificate is refused ({error.verify_message})", ""))
    if code in {18, 19}:
        unusable = _unusable_ca_file()
        if unusable:
            return f"{words}: {unusable}", "set SSL_CERT_FILE to a readable file of CA certificates in PEM"
        if is_proxied:
            fix = "set SSL_CERT_FILE to a file with the CA of the host, or of the proxy if it decrypts TLS"
    return words, fix


def _unusable_ca_file() -> str:
    """Why SSL_CERT_FILE is no help; OpenSSL passes over a file that it cannot use, and says nothing."""
    path = os.environ.get("SSL_CERT_FILE")
    if path is None:
        return ""
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:  # an OSError as well
        return f"SSL_CERT_FILE names {path!r}, which contains no certificate in PEM"
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "no file"
        return f"SSL_CERT_FILE names {path!r}, which cannot be read ({why})"
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it came from."""
    seen: list[int] = []
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        yield one
        seen.append(id(one))
        own = getattr(one, "os_error", None) or getattr(one, "certificate_error", None)
        one = own or one.__cause__ or one.__context__


def _reason(error: Exception) -> str:
    """OpenSSL's name for what went wrong, such as `wrong_version_number`."""
    for one in _chain(error):
        found = _OPENSSL_REASON.search(str(one))
        if found:
            return found[1].lower()
    return ""
