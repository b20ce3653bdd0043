"""A ledger on PostgreSQL: many hosts.

Serialisation: every writer locks the lease rows it is about (`SELECT ... FOR UPDATE`), so that a fence check and the
inserts that depend on it are one step for everybody else. What people say of a launch takes the launch's lock alone,
and whoever asks for a permit shares it: none is granted after an abort. READ COMMITTED is enough for that: a statement
that comes after the wait for a lock sees everything as it is now.
"""

import time
from typing import Any, Final

import sqlalchemy as sa

from orchestrator.core.journal.lease import LEASE_SECONDS, Moment
from orchestrator.errors import LedgerError
from orchestrator.ledger.backend import Backend
from orchestrator.ledger.schema import MARK, metadata

_CONNECT_SECONDS: Final = 5
_FRESH_SECONDS: Final = 1.0
_SETTINGS: Final = {
    "statement_timeout": "10s",
    "lock_timeout": "8s",
    # A host that stops in the middle of a commit must not keep the lanes' rows from everybody else.
    "idle_in_transaction_session_timeout": "10s",
    # Nor must one that was cut off with half a statement on its way: to the server that is no idleness, and it would
    # keep the rows until its own keep-alive gives up, two hours later.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
    # A server that is set to lose the last commits in a crash would make a permit worth nothing (P5).
    "synchronous_commit": "on",
    "timezone": "UTC",
}
_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds: a cut cable is noticed while there is still something to decide
}  # fmt: skip
_MAKING: Final = 0x4B6F4361  # the advisory lock of whoever makes the tables
_WORDS: Final = 0x4B6F4363  # the seed of the advisory locks of launches


def conninfo(url: sa.URL) -> dict[str, Any]:
    """Connection parameters for psycopg. Raises LedgerError for an address that holds a password.

    What the address says itself, such as `?sslmode=verify-full&connect_timeout=20`, comes first. The password is
    found by libpq, in PGPASSWORD or ~/.pgpass: an address ends up in reports and process lists.
    """
    if url.password is not None or "password" in url.query:
        raise LedgerError(
            "the ledger's address must not hold a password", next_step="leave it out; use PGPASSWORD or ~/.pgpass"
        )
    given: dict[str, Any] = dict(url.query)
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    known = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    fixed = {"options": f"{settings} {given.pop('options', '')}".strip()}
    usual = {"connect_timeout": _CONNECT_SECONDS, "target_session_attrs": "read-write",
             "application_name": "campaign-orchestrator", **_KEEPALIVE}  # fmt: skip
    return {**usual, **{key: value for key, value in known.items() if value is not None}, **given, **fixed}


def opened(url: sa.URL, *, create: bool) -> Backend:
    """The database at `url`, with its tables. Raises LedgerError: unreachable, no ledger, or none there yet."""
    shown = url.render_as_string(hide_password=True)
    try:
        import psycopg
    except ModuleNotFoundError:
        raise LedgerError(
            f"ledger {shown}: PostgreSQL needs the extra fleet", next_step="pip install 'campaign-orchestrator[fleet]'"
        ) from None
    parameters = conninfo(url)
    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(**parameters),
        # No limit, so as many as were in use at once: one for each lane of a worker at most, and its reads.
        # Where 40 lanes waited for four, the worker was a quarter slower, and one's wait for a row was everybody's.
        pool_size=0,
        pool_use_lifo=True,  # those that are not needed stay idle, and the others warm
    )
    _ping_idle(engine)
    # All rows in one statement: psycopg's executemany is a pipeline, and a process suspended in the middle of one would
    # keep the lanes' rows, for that is no idleness either.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    hint = "check that the database is up and can be reached, then run again"
    try:
        with engine.begin() as connection:
            _make(connection, shown, create=create)
    except sa.exc.SQLAlchemyError as error:
        engine.dispose()
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        raise LedgerError(f"ledger {shown}: {_one_line(cause)}", next_step=hint) from error
    except LedgerError:
        engine.dispose()
        raise
    # As long as a lease: after that another host may have the lanes, and waiting on would be in vain.
    # Its users take their time from the database, which does not step: a moment needs no steady clock beside it.
    return Backend(
        engine=engine,
        hint=hint,
        patience=LEASE_SECONDS,
        now=_now,
        moment=Moment,
        lock_launch=_lock_launch,
        check=_check,
    )


def _ping_idle(engine: sa.Engine) -> None:
    """A connection that did not survive a restart of the database is found out before it is used.

    Not one that was used a moment ago: that look costs a fifth of a commit, and a commit is tried again anyway.
    """
    import psycopg

    def rest(_: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    def look(connection: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < _FRESH_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise sa.exc.DisconnectionError from error

    sa.event.listen(engine, "checkin", rest)
    sa.event.listen(engine, "checkout", look)


def _lock_launch(connection: sa.Connection, launch: str, /, *, shared: bool) -> None:
    # Not a row's lock: of those, many who share one could keep a person's abort waiting for ever.
    lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
    connection.execute(sa.select(lock(sa.func.hashtextextended(launch, _WORDS))))


def _make(connection: sa.Connection, shown: str, *, create: bool) -> None:
    if create:
        # Two hosts that make the tables at once would each find the other's half.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
    found = connection.execute(sa.text("SELECT obj_description(to_regclass('journal'), 'pg_class')")).scalar()
    exists = connection.execute(sa.text("SELECT to_regclass('journal') IS NOT NULL")).scalar()
    if exists and found != MARK:
        raise LedgerError(f"{shown} holds a table named journal that is not a ledger of this version")
    if exists:
        return
    if not create:
        raise LedgerError(
            f"there is no ledger at {shown}", next_step="run a manifest first, or name its ledger with --ledger"
        )
    metadata.create_all(connection)


def _now(connection: sa.Connection) -> float:
    return float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def _check(connection: sa.Connection) -> str | None:
    if connection.execute(sa.text("SHOW fsync")).scalar() != "on":
        return "runs with fsync off: what it says it has kept would not outlive a crash"
    return None


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
