"""A ledger on PostgreSQL: many hosts.

Serialisation: every writer locks its lease rows (`SELECT ... FOR UPDATE`), so that a fence check and the inserts that
depend on it are one step for all other writers. A control command takes the launch's advisory lock exclusively, and
a commit with intents shares it: no permit is granted after an abort. READ COMMITTED is enough for that: a statement
that runs after the wait for a lock sees what was committed meanwhile.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from orchestrator.core.journal.lease import LEASE_SECONDS, Moment
from orchestrator.errors import LedgerError
from orchestrator.ledger.backend import Backend, autobegin, refuse_password
from orchestrator.ledger.postgres_session import SETTINGS, advice, check_may_create, check_rights, check_session
from orchestrator.ledger.schema import MARK, UPGRADE, metadata, newer_version
from orchestrator.model import PosixSeconds
from orchestrator.places import command_words

_CONNECT_SECONDS: Final = 5
_CLIENT_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds: a cut cable is noticed while the lease still lasts
}  # fmt: skip
MOST_CONNECTIONS: Final = 32
"""Connections of one process to the ledger; a statement takes a few milliseconds of one."""
_CREATE_LOCK: Final = 0x4B6F4361  # the advisory lock held while the tables are made
LAUNCH_LOCK_SEED: Final = 0x4B6F4363  # makes a launch's name the key of its advisory lock


def conninfo(url: sa.URL, *, watched: bool = False) -> dict[str, Any]:
    """Connection parameters for psycopg. Raises LedgerError for an address that holds a password.

    `watched`: for sessions that only read, also from a standby server.

    Parameters in the address, such as `?sslmode=verify-full&connect_timeout=20`, override the usual ones. libpq
    finds the password, in PGPASSWORD or ~/.pgpass: an address ends up in reports and process lists.
    """
    refuse_password(url)
    # libpq itself opens the file `~/ca.pem` in the folder `~`.
    given: dict[str, Any] = {key: command_words([v])[0] if isinstance(v, str) else v for key, v in url.query.items()}
    wanted = {**SETTINGS, **({"default_transaction_read_only": "on"} if watched else {})}
    settings = " ".join(f"-c {name}={value}" for name, value in wanted.items())
    known = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    fixed = {"options": f"{settings} {given.pop('options', '')}".strip()}
    usual = {"connect_timeout": _CONNECT_SECONDS, "target_session_attrs": "any" if watched else "read-write",
             "application_name": "campaign-orchestrator", **_CLIENT_KEEPALIVE}  # fmt: skip
    return {**usual, **{key: value for key, value in known.items() if value is not None}, **given, **fixed}


def open_postgres(url: sa.URL, *, create: bool, watched: bool = False) -> Backend:
    """The database at `url`, with its tables. Raises LedgerError: unreachable, not a ledger, or not made yet.

    `watched`: every transaction is read-only, whatever a pooler made of the session.
    """
    shown = url.render_as_string()
    try:
        import psycopg
    except ModuleNotFoundError:
        raise LedgerError(
            f"ledger {shown}: PostgreSQL needs the extra fleet", next_step="pip install 'campaign-orchestrator[fleet]'"
        ) from None
    parameters = conninfo(url, watched=watched)

    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(**parameters)
        try:
            check_session(connection, shown)
        except BaseException:
            connection.close()
            raise
        return connection

    engine = _pool(connect)
    hint = "check that the database is up and can be reached, then run again"
    try:
        with engine.begin() as connection:
            is_new = _create_tables(connection, shown, create=create)
    except sa.exc.SQLAlchemyError as error:
        engine.dispose()
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
        raise LedgerError(f"ledger {shown}: {_one_line(cause)}", next_step=advice(cause) or hint) from error
    except LedgerError:
        engine.dispose()
        raise
    # Patience as long as a lease: after that another host may have the lanes, and waiting is useless.
    # All hosts take the time from the database, whose clock does not step: a moment needs no steady clock.
    return Backend(
        engine=engine,
        hint=hint,
        patience=LEASE_SECONDS,
        now=_now,
        moment=Moment,
        lock_launch=_lock_launch,
        check=lambda _: None,  # each session was checked when it was made
        advise=advice,
        check_rights=partial(check_rights, shown=shown),
        made=shown if is_new else "",
        begin=_begin_reading if watched else autobegin,
    )


def _pool(connect: Callable[[], Any]) -> sa.Engine:
    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=connect,
        # Enough, and bounded: 200 lanes that each took one would be more than a server allows. When 40 lanes shared
        # four, the worker was a quarter slower, and a wait for one row held up every lane.
        pool_size=MOST_CONNECTIONS,
        max_overflow=0,
        pool_timeout=None,  # the session's own timeouts end what keeps a connection
        pool_pre_ping=True,  # a connection that did not survive a restart of the database is replaced before use
        pool_use_lifo=True,  # connections that are not needed stay idle, and the others warm
    )
    # All rows in one statement: psycopg's executemany is a pipeline, and a process that is suspended in the middle of
    # one keeps the lanes' rows locked, since the server does not count that as idle either.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    return engine


def _begin_reading(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _lock_launch(connection: sa.Connection, launch: str, /, *, shared: bool) -> None:
    # Not a row lock: with those, many commits that share one could keep a person's abort waiting forever.
    lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
    connection.execute(sa.select(lock(sa.func.hashtextextended(launch, LAUNCH_LOCK_SEED))))


def _create_tables(connection: sa.Connection, shown: str, *, create: bool) -> bool:
    """Make what is missing, and return whether anything was."""
    if create:
        # Without the lock, two hosts that make the tables at once would each find half of the other's.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATE_LOCK)))
    found = connection.execute(sa.text("SELECT obj_description(to_regclass('journal'), 'pg_class')")).scalar()
    exists = connection.execute(sa.text("SELECT to_regclass('journal') IS NOT NULL")).scalar()
    if exists and found != MARK:
        newer = newer_version(_version_of(str(found)))
        raise LedgerError(
            f"{shown} has a table named journal that is not a ledger of this version{newer}",
            next_step=UPGRADE if newer else "use a separate database or schema for the ledger",
        )
    if exists:
        return False
    if not create:
        raise LedgerError(
            f"there is no ledger at {shown}", next_step="run a manifest first, or name its ledger with --ledger"
        )
    check_may_create(connection, shown)
    metadata.create_all(connection)
    return True


def _version_of(mark: str) -> int:
    """The version in the mark of a ledger; 0 for any other text."""
    number = mark.removeprefix(MARK.rstrip("0123456789"))
    return int(number) if number.isdecimal() and len(number) < 10 else 0


def _now(connection: sa.Connection) -> PosixSeconds:
    return PosixSeconds(float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()))


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
