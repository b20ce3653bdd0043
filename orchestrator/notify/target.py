"""What an address is: a webhook of ours, or one of Apprise's; and why it cannot be used. It is never repeated."""

import importlib.util
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

WEBHOOK: Final = "webhook"
APPRISE: Final = "Apprise"
EXTRA: Final = "it needs the extra notify: pip install 'campaign-orchestrator[notify]'"

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://\S", re.ASCII)
_SHORTEST: Final = 12  # a shorter part, such as `services`, is a word of many texts


def kind_of(address: str) -> str:
    """The kind of the address, in a word."""
    return WEBHOOK if address.lower().startswith(("https://", "http://")) else APPRISE


def is_apprise_installed() -> bool:
    """Whether the extra `notify` is there."""
    return importlib.util.find_spec("apprise") is not None


def fault_of(address: str, *, is_signed: bool = False) -> str:
    """Why an address cannot be used; empty if it can. `is_signed`: its notices are to be signed."""
    if _SCHEME.match(address) is None:
        return "it is not an address: write https://…, or an address of Apprise"
    if kind_of(address) == WEBHOOK:
        return _webhook_fault(address)
    if is_signed:
        return "only webhooks are signed: leave out secret"
    return "" if is_apprise_installed() else EXTRA


def _webhook_fault(address: str) -> str:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        return "it is not an address: it names no host"
    is_open = parts.scheme == "http" and host not in _LOOPBACK
    return "plain http is for this machine only: use https" if is_open else ""


def secrets_in(address: str) -> Iterator[str]:
    """The address and those parts of it that may be secrets on their own, for redaction."""
    yield address
    yield address.partition("://")[2]
    try:
        parts = urlsplit(address)
        found = [parts.password or "", *parts.netloc.partition("@")[::2], *parts.path.split("/")]
        found += [value for _, value in parse_qsl(parts.query)]
    except ValueError:
        return
    yield from (part for raw in found for part in {raw, unquote(raw)} if len(part) >= _SHORTEST)
