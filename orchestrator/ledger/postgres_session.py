"""What a connection to PostgreSQL must really have: a pooler or an address may drop or change what it was asked for."""

import re
from collections.abc import Iterator
from typing import Any, Final

from orchestrator.core.journal.lease import LEASE_SECONDS
from orchestrator.errors import LedgerError

SETTINGS: Final = {
    "statement_timeout": "10s",
    "lock_timeout": "8s",
    # A host that stops in the middle of a commit must not keep the lanes' rows locked.
    "idle_in_transaction_session_timeout": "10s",
    # Nor must a host that was cut off in the middle of a statement: the server does not count that as idle, and would
    # keep the rows locked until its own keep-alive gives up, two hours later.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
    # A server that may lose the last commits in a crash would make a permit worthless (P5).
    "synchronous_commit": "on",
    "timezone": "UTC",
}
"""What a session is asked to have."""

_TIMEOUTS: Final = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
_DURABLE: Final = {"synchronous_commit": ("on", "remote_apply"), "fsync": ("on",), "full_page_writes": ("on",)}
_ENCODING: Final = "server_encoding"

# A server that does not know a setting (`true`: no error) is not doubted for it.
_QUESTION: Final = "SELECT name, current_setting(name, true) FROM unnest(%s::text[]) AS name"
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "": 1e-3}


def check_session(connection: Any, shown: str) -> None:
    """Raise LedgerError for a psycopg connection that would not keep what it acknowledges, or may hang for ever.

    `shown` is the ledger's address, for the message.
    """
    answer = connection.execute(_QUESTION, [[*_DURABLE, _ENCODING, *_TIMEOUTS]]).fetchall()
    connection.rollback()
    found = {_text(name): _text(value) for name, value in answer}
    _check_server(found, shown)
    wrong = list(_wrong_settings(found))
    if wrong:
        named = ", ".join(f"{name} = {found[name]}" for name in wrong)
        role = "; ".join(f"ALTER ROLE {connection.info.user} SET {name} = '{SETTINGS[name]}'" for name in wrong)
        raise LedgerError(
            f"ledger {shown}: the session has {named}, and not what it was asked to have: a pooler, or options in the "
            "address, dropped or changed it",
            next_step=f"connect to the server itself, or have its administrator run: {role}",
        )


def _text(value: Any) -> Any:
    # From a database without an encoding text comes as bytes.
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def _check_server(found: dict[str, str | None], shown: str) -> None:
    if found[_ENCODING] not in {"UTF8", None}:
        raise LedgerError(
            f"ledger {shown}: the database's encoding is {found[_ENCODING]}, which cannot keep every text as it is",
            next_step="make one in UTF-8, and name it: createdb --template=template0 --encoding=UTF8 orchestrator",
        )
    for name in ("fsync", "full_page_writes"):
        value = found[name]
        if value not in {"on", None}:
            raise LedgerError(
                f"ledger {shown}: the server runs with {name} = {value}, and may lose in a crash what it acknowledged",
                next_step=f"have its administrator run: ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()",
            )


def _wrong_settings(found: dict[str, str | None]) -> Iterator[str]:
    if found["synchronous_commit"] not in _DURABLE["synchronous_commit"]:
        yield "synchronous_commit"
    for name in _TIMEOUTS:
        # 0 is no timeout at all. One that is longer than a lease would keep its lanes from the next holder.
        if not 0 < _seconds(found[name]) <= LEASE_SECONDS:
            yield name


def _seconds(duration: str | None) -> float:
    """What a setting such as `10s` comes to; 0 where it has no value."""
    match = re.fullmatch(r"(\d+)([a-z]*)", duration or "0")
    return int(match[1]) * _SECONDS[match[2]] if match is not None else 0.0
