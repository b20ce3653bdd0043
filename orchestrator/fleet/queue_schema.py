"""The queue's tables: made where they are missing, and compared with what this Procrastinate needs of them."""

import re
from collections.abc import Sequence
from functools import cache
from importlib import metadata, resources
from typing import Any, Final

import psycopg
from procrastinate.schema import SchemaManager
from procrastinate.sql import queries

from orchestrator.errors import LedgerError

_SCHEMA_LOCK: Final = 0x4B6F4362  # the advisory lock under which the queue's tables are made
_NAME: Final = re.compile(r"\bprocrastinate_\w+")
_LOST_COLUMN: Final = re.compile(r"column (\S+) does not exist")
_READS: Final = ("list_jobs", "select_stalled_jobs_by_heartbeat")
"""Queries whose columns are looked at: to explain one reads nothing, and fails where a column is not there."""

_RIGHTS: Final = (
    *(("procrastinate_jobs", right) for right in ("SELECT", "INSERT", "UPDATE", "DELETE")),
    ("procrastinate_events", "INSERT"),
    *(("procrastinate_workers", right) for right in ("SELECT", "INSERT", "UPDATE", "DELETE")),
)

_Connection = psycopg.AsyncConnection[Any]


async def prepare(connection: _Connection, shown: str) -> None:
    """Make the tables where there are none. Raises LedgerError if those there are do not fit, or may not be used.

    `shown` is the ledger's address, for messages.
    """
    # Two workers that make the tables at the same time would each find half of them.
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
    if not await _first(connection, "SELECT to_regclass('procrastinate_jobs')"):
        await _create(connection, shown)
        return
    missing = [*await _missing_names(connection), *await _missing_columns(connection)]
    if missing:
        raise await _other_version(connection, missing, shown)
    await _check_rights(connection, shown)


async def _create(connection: _Connection, shown: str) -> None:
    try:
        await connection.execute(SchemaManager.get_schema())
    except psycopg.errors.InsufficientPrivilege as error:
        raise LedgerError(
            f"ledger {shown}: the queue's tables cannot be created: {error.diag.message_primary}",
            next_step=f"have the schema's owner run: GRANT CREATE ON SCHEMA public TO {connection.info.user}",
        ) from error


async def _missing_names(connection: _Connection) -> list[str]:
    """Tables, types and functions that this Procrastinate uses, and the database does not have."""
    needed = sorted(set(_NAME.findall("\n".join(queries.values()))))
    question = (
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL AND to_regtype(name) IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM pg_proc WHERE proname = name AND pg_function_is_visible(oid))"
    )
    return [name for (name,) in await (await connection.execute(question, [needed])).fetchall()]


async def _missing_columns(connection: _Connection) -> list[str]:
    found: list[str] = []
    for name in _READS:
        given = dict.fromkeys(re.findall(r"%\((\w+)\)s", queries[name]))
        try:
            async with connection.transaction():
                await connection.execute(f"EXPLAIN {queries[name]}".encode(), given)
        except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable) as error:
            words = _LOST_COLUMN.search(error.diag.message_primary or "")
            found += [words[1].rpartition(".")[2].strip('"')] if words else []
        except psycopg.errors.InsufficientPrivilege:
            continue  # all rights are looked at together, later
    return found


async def _other_version(connection: _Connection, missing: Sequence[str], shown: str) -> LedgerError:
    own, lacking = metadata.version("procrastinate"), ", ".join(dict.fromkeys(missing))
    question = (
        "SELECT proname FROM pg_proc WHERE proname LIKE 'procrastinate\\_%%' AND pg_function_is_visible(oid) "
        "AND NOT proname = ANY(%s) LIMIT 1"
    )
    unknown = await _first(connection, question, [sorted(_ever_known())])
    if unknown:
        return LedgerError(
            f"ledger {shown}: a newer Procrastinate than this one ({own}) made the queue's tables: "
            f"they have {unknown}, and lack {lacking}",
            next_step="install the Procrastinate that made them: pip install --upgrade procrastinate",
        )
    makes = re.compile(rf"(?:TABLE|TYPE|FUNCTION|COLUMN|RENAME TO)\s+(?:{'|'.join(missing)})\b")
    first = next((name for name, text in _migrations() if makes.search(text)), "")
    return LedgerError(
        f"ledger {shown}: an older Procrastinate than this one ({own}) made the queue's tables: they lack {lacking}",
        next_step=f"stop all workers, then apply with psql, in their order, the files from {first} on "
        f"in {SchemaManager.get_migrations_path()}",
    )


@cache
def _migrations() -> tuple[tuple[str, str], ...]:
    """The migrations that come with this Procrastinate, in their order: name and text."""
    folder = resources.files("procrastinate.sql") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple((file.name, file.read_text(encoding="utf-8")) for file in files)


def _ever_known() -> set[str]:
    """Every name that this Procrastinate, or one before it, gave to anything."""
    texts = [SchemaManager.get_schema(), *(text for _, text in _migrations())]
    return {name for text in texts for name in _NAME.findall(text)}


async def _check_rights(connection: _Connection, shown: str) -> None:
    question = (
        "SELECT t, r FROM unnest(%s::text[], %s::text[]) AS wanted (t, r) WHERE NOT has_table_privilege(t, r) "
        "UNION ALL SELECT 'SEQUENCE ' || s, 'USAGE' FROM unnest(%s::text[]) AS counted (t), "
        "pg_get_serial_sequence(t, 'id') AS s WHERE NOT has_sequence_privilege(s, 'USAGE')"
    )
    tables, rights = zip(*_RIGHTS, strict=True)
    counted = ["procrastinate_jobs", "procrastinate_events"]
    lacking = await (await connection.execute(question, [list(tables), list(rights), counted])).fetchall()
    if lacking:
        user = connection.info.user
        named = ", ".join(f"{right} on {table}" for table, right in lacking)
        grants = "; ".join(f"GRANT {right} ON {table} TO {user}" for table, right in lacking)
        raise LedgerError(
            f"ledger {shown}: role {user} lacks the right to {named}",
            next_step=f"have the queue's owner run: {grants}",
        )


async def _first(connection: _Connection, query: str, given: list[Any] | None = None) -> Any:
    """The first value of the first row; None if there is no row."""
    row = await (await connection.execute(query.encode(), given)).fetchone()
    return row[0] if row is not None else None
