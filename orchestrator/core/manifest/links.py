"""The section of addresses that reports and notices lead to."""

import re
from typing import Annotated, Any, Final
from urllib.parse import quote

from orchestrator.core.manifest.rules import Section
from orchestrator.core.manifest.values import TextForm, fault

_HOLE: Final = r"\{[^{}]*\}"
_HOLES: Final = ("{account_id}", "{stream}", "{campaign}")
# No placeholder, and no user name, before the host's end: an id must not decide where a link leads.
_CONSOLE: Final = (
    r"^https://[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?"
    r"/(?:[A-Za-z0-9._~:/?#@!$&()*+,;=%-]|\{account_id\}|\{stream\}|\{campaign\}){0,1000}$"
)
_EXAMPLE: Final = "https://console.example.com/{account_id}/{stream}/{campaign}"
_HINT: Final = f"write it as {_EXAMPLE}"


def _console(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("https://"):
        raise fault("must be an address that begins with https://", _HINT)
    if any(hole not in _HOLES for hole in re.findall(_HOLE, value)):
        raise fault("has an unknown placeholder", f"there are {', '.join(_HOLES)}")
    if not re.fullmatch(_CONSOLE, value):
        raise fault("must be a host and a path, without a user name, spaces, quotes or single braces", _HINT)
    return value


CONSOLE: Final = TextForm(_console, {"type": "string", "pattern": _CONSOLE, "examples": [_EXAMPLE]})


_SERVE: Final = (
    r"^https?://[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]{1,100}){0,10}/?$"
)
_SERVE_EXAMPLE: Final = "https://launches.example.com"


def _serve(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(_SERVE, value):
        raise fault("must be a host and a path, without a user name or a query", f"write it as {_SERVE_EXAMPLE}")
    return value.removesuffix("/")


SERVE: Final = TextForm(_serve, {"type": "string", "pattern": _SERVE, "examples": [_SERVE_EXAMPLE]})


class Links(Section):
    """Addresses that reports and notices lead to."""

    console: Annotated[str, CONSOLE] | None = None
    """A campaign's page in the console, for the links of the HTML report. The placeholders `{account_id}`, `{stream}`
    and `{campaign}` are filled in; only https."""

    serve: Annotated[str, SERVE] | None = None
    """Where `serve` can be reached, for the links of notices: each leads to its launch's page."""

    def serve_page(self, launch: str) -> str | None:
        """The page of a launch; None if nothing is known of `serve`."""
        return f"{self.serve}/launches/{launch}" if self.serve else None

    def console_of(self, account_id: str) -> str:
        """The address of an account's campaigns, in which `{stream}` and `{campaign}` are left to be filled in."""
        return (self.console or "").replace("{account_id}", quote(account_id, safe=""))


def console_link(address: str, stream: str, campaign: str) -> str:
    """The page of one campaign, by an address of `Links.console_of`."""
    return address.replace("{stream}", quote(stream, safe="")).replace("{campaign}", quote(campaign, safe=""))
