"""What a connection to PostgreSQL must really have: a pooler or an address may drop or change what it was asked for."""

import re
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

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


_RIGHTS: Final = (
    *(("launches", right) for right in ("SELECT", "INSERT", "UPDATE")),
    *(("leases", right) for right in ("SELECT", "INSERT", "UPDATE")),
    *(("journal", right) for right in ("SELECT", "INSERT")),
)
"""What a run does with the ledger's tables."""

_REFUSED_SESSIONS: Final = (
    ('database "(.+?)" does not exist', "make it with: createdb --template=template0 --encoding=UTF8 {0}"),
    ('role "(.+?)" does not exist', "name a role that the server has: postgresql://ROLE@HOST/DATABASE"),
    ('permission denied for database "(.+?)"', "have its owner run: GRANT CONNECT ON DATABASE {0} TO the role"),
    ("password authentication failed|no password supplied", "put the role's password into PGPASSWORD or ~/.pgpass"),
    ("no pg_hba.conf entry", "have the server's administrator let this host and role in, in pg_hba.conf"),
    ("too many clients|remaining connection slots", "raise the server's max_connections, or run fewer workers"),
    (
        "unsupported startup parameter",
        "add ignore_startup_parameters = options to the pooler's settings, or connect to the server itself",
    ),
)
"""Words of a server, or of a pooler, that lets nobody in, and what to do."""

_INSUFFICIENT_PRIVILEGE: Final = "42501"
_READ_ONLY: Final = "25006"


def check_session(connection: Any, shown: str) -> None:
    """Raise LedgerError for a psycopg connection that would not keep what it acknowledges, or may hang forever.

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
            f"ledger {shown}: the session has {named}, which is not what was asked for: a pooler, or options in the "
            "address, dropped or changed it",
            next_step=f"connect to the server itself, or have its administrator run: {role}",
        )


def _text(value: Any) -> Any:
    # From a database without an encoding text comes as bytes.
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def _check_server(found: dict[str, str | None], shown: str) -> None:
    if found[_ENCODING] not in {"UTF8", None}:
        raise LedgerError(
            f"ledger {shown}: the database's encoding is {found[_ENCODING]}, which cannot store every text unchanged",
            next_step="create one in UTF-8, and use it: createdb --template=template0 --encoding=UTF8 orchestrator",
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
    """What a setting such as `10s` comes to; 0 if it has no value."""
    match = re.fullmatch(r"(\d+)([a-z]*)", duration or "0")
    return int(match[1]) * _SECONDS[match[2]] if match is not None else 0.0


def check_may_create(connection: sa.Connection, shown: str) -> None:
    """Raise LedgerError if the role may make no tables in the schema that its tables would be in."""
    question = sa.text("SELECT current_user, current_schema(), has_schema_privilege(current_schema(), 'CREATE')")
    user, schema, may_create = connection.execute(question).one()
    if schema is None:
        raise LedgerError(
            f"ledger {shown}: role {user} has no right to use a schema of its search_path",
            next_step=f"have the database's owner run: GRANT USAGE, CREATE ON SCHEMA public TO {user}",
        )
    if not may_create:
        raise LedgerError(
            f"ledger {shown}: role {user} has no right to create the ledger's tables in schema {schema}",
            next_step=f"have the schema's owner run: GRANT CREATE ON SCHEMA {schema} TO {user}",
        )


_LACKING: Final = sa.text(
    "SELECT t, r FROM unnest(CAST(:tables AS text[]), CAST(:rights AS text[])) AS wanted (t, r) "
    "WHERE NOT has_table_privilege(t, r) "
    "UNION ALL SELECT 'SEQUENCE ' || s, 'USAGE' FROM pg_get_serial_sequence('journal', 'id') AS s "
    "WHERE NOT has_sequence_privilege(s, 'USAGE')"
)


def check_rights(connection: sa.Connection, shown: str) -> None:
    """Raise LedgerError if the role lacks a right that a run needs, all of them named."""
    tables, rights = zip(*_RIGHTS, strict=True)
    lacking = connection.execute(_LACKING, {"tables": list(tables), "rights": list(rights)}).all()
    if lacking:
        user = connection.execute(sa.text("SELECT current_user")).scalar_one()
        named = ", ".join(f"{right} on {table}" for table, right in lacking)
        grants = "; ".join(f"GRANT {right} ON {table} TO {user}" for table, right in lacking)
        raise LedgerError(
            f"ledger {shown}: role {user} lacks the right to {named}",
            next_step=f"have the ledger's owner run: {grants}",
        )


def advice(error: BaseException) -> str | None:
    """What to do about an error of psycopg's; None if it says enough itself."""
    code = getattr(error, "sqlstate", None)
    if code == _INSUFFICIENT_PRIVILEGE:
        return (
            "have the ledger's owner grant SELECT, INSERT and UPDATE on the tables launches, leases and journal, and "
            "USAGE on the sequence journal_id_seq"
        )
    if code == _READ_ONLY:
        return "name the primary server: this one is read-only"
    # An error before the session has begun has words alone.
    found = ((re.search(words, str(error)), step) for words, step in _REFUSED_SESSIONS)
    return next((step.format(*match.groups()) for match, step in found if match is not None), None)
