"""The proxy that the environment names: its address without credentials, and hosts that need none."""

import os
import socket
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import unquote
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from yarl import URL

from orchestrator.errors import Refused

_DIGITS: Final = 9  # of a port: no port has as many, and int() refuses some thousands
_HERE: Final = frozenset({"localhost", "localhost.localdomain", "localhost6"})


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where tunnels are asked for. `url` holds no credentials: it is shown, and ends up in reports."""

    url: str
    variable: str  # that named it
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def has_credentials(self) -> bool:
        """Whether a user name and a password go with each tunnel."""
        return bool(self.headers)


def proxy_for(host: str) -> Proxy | None:
    """The proxy of the environment (HTTPS_PROXY, ALL_PROXY) for a host; None if it is called directly.

    Never for this machine, and never for plain http, which is for this machine only: tokens would go to the proxy.
    Raises Refused for a proxy that cannot be used.

    Not aiohttp's `trust_env`: it would read the environment and ~/.netrc again for each call, in a thread, which takes
    a quarter of a call's time, and would send the credentials that ~/.netrc has for the host.
    """
    url = URL(host)
    if url.scheme != "https" or is_this_machine(url.host or "") or _is_excepted(url):
        return None
    proxies = getproxies()
    value = proxies.get("https") or proxies.get("all")
    return _proxy(value.strip(), _variable(proxies, value)) if value else None


def proxy_secrets() -> Iterator[str]:
    """The credentials in all proxy variables, used or not, in the spellings that the redactor does not make itself."""
    for value in getproxies_environment().values():
        written = value.partition("://")[2].rpartition("@")[0] or value.rpartition("@")[0]
        if written:
            plain = unquote(written)
            yield from (written, plain, written.partition(":")[2], plain.partition(":")[2], _basic(written))


def is_this_machine(name: str) -> bool:
    """Whether a host's name or address is this machine's own."""
    name = name.strip("[]").rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        return name in _HERE or name.endswith(".localhost") or name == socket.gethostname().lower()
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _is_excepted(url: URL) -> bool:
    """Whether NO_PROXY names the host: itself, its domain, `*`, or a range of addresses that it lies in."""
    if proxy_bypass(url.authority):
        return True
    entries = [entry.strip().lower() for entry in getproxies_environment().get("no", "").split(",")]
    return any(entry == "*" or _covers(entry, url) for entry in entries if entry)


def _covers(entry: str, url: URL) -> bool:
    name, port = _split_port(entry)
    if port is not None and port != url.port:
        return False
    host = (url.host or "").lower()
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        name = name.removeprefix("*").removeprefix(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    """`[::1]:443`, `host:443`, `10.0.0.0/8` or `fd00::1` as name and port."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        tail = rest.removeprefix(":") if rest.startswith(":") else ""
        return name + (rest if rest.startswith("/") else ""), int(tail[:_DIGITS]) if tail.isdecimal() else None
    name, _, tail = entry.rpartition(":")
    return (name, int(tail[:_DIGITS])) if entry.count(":") == 1 and tail.isdecimal() else (entry, None)


def _variable(proxies: dict[str, str], value: str) -> str:
    wanted = "https_proxy" if proxies.get("https") == value else "all_proxy"
    names = [name for name, given in os.environ.items() if name.lower() == wanted and given == value]
    return names[0] if names else "the system's proxy setting"


def _proxy(value: str, variable: str) -> Proxy:
    scheme, mark, rest = value.partition("://")
    if not mark:
        scheme, rest = "", value
    # By hand: a password may hold characters that no parser of addresses takes there, and would quote in its error.
    credentials, _, address = rest.rpartition("@")
    address = address.partition("/")[0]
    if scheme.lower() not in {"http", "https"}:
        raise _refusal(scheme.lower(), address, variable, has_credentials=bool(credentials))
    try:
        url = URL(f"{scheme.lower()}://{address}")
    except ValueError:
        url = URL()
    if not url.host or url.port is None:
        raise Refused(f"{variable} names no proxy: {address!r} is not an address", next_step=_write(variable))
    headers = {"Proxy-Authorization": f"Basic {_basic(credentials)}"} if credentials else {}
    return Proxy(str(url.origin()), variable, headers)


def _refusal(scheme: str, address: str, variable: str, *, has_credentials: bool) -> Refused:
    if not scheme:
        fix = (
            f"write http:// before the address in {variable}"
            if has_credentials
            else f"export {variable}=http://{address}"
        )
        return Refused(f"{variable} has no scheme: {address}", next_step=fix)
    if scheme.startswith("socks"):
        return Refused(
            f"{variable} names a SOCKS proxy ({address}), which is not supported", next_step=_write(variable)
        )
    return Refused(f"{variable} names a proxy with the scheme {scheme}, not http or https", next_step=_write(variable))


def _write(variable: str) -> str:
    return f"name an HTTP proxy in {variable}, as http://HOST:PORT, or the platform's host in NO_PROXY"


def _basic(credentials: str) -> str:
    user, _, password = credentials.partition(":")
    return b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
