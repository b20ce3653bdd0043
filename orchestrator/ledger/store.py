"""The ledger's statements, on SQLAlchemy Core. Synchronous: one thread at a time uses a store."""

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

from orchestrator.clock import moment
from orchestrator.core import control
from orchestrator.core import lease as rules
from orchestrator.core.control import CONTROL, OPEN, Committed, Standing, Word
from orchestrator.core.lease import LEASE_SECONDS, Holder, Lease, Moment, Taken
from orchestrator.errors import LedgerError, Refused
from orchestrator.ledger.place import check_file, create_file, safe_path
from orchestrator.ledger.schema import journal, launches, leases
from orchestrator.model import Lane, Record

_BUSY_SECONDS: Final = 10


class Store:
    """One ledger. Every method is one transaction."""

    def __init__(self, engine: sa.Engine, url: str) -> None:
        self._engine = engine
        self.url = url

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> "Store":
        """The ledger at `url`. Raises LedgerError: unreachable, damaged, not a ledger, or in an unsafe place."""
        try:
            parsed = sa.make_url(url)
        except sa.exc.ArgumentError:
            parsed = None
        if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
            raise LedgerError(f"ledger {url!r}: only sqlite:///PATH is supported", next_step="write sqlite:///PATH")
        path = safe_path(Path(parsed.database), create=create)
        if create and not path.exists():
            create_file(path)
        check_file(path)
        store = cls(_engine(path), url)
        try:
            store._check()
        except LedgerError:
            store.close()
            raise
        return store

    def _check(self) -> None:
        with self._transaction(writes=False) as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise LedgerError(f"ledger {self.url} is damaged ({found})")

    @contextmanager
    def _transaction(self, *, writes: bool = True) -> Iterator[sa.Connection]:
        try:
            with self._engine.execution_options(writes=writes).begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except (SQLAlchemyError, OSError) as error:
            cause = error.orig if isinstance(error, DatabaseError) else error
            raise LedgerError(
                f"ledger {self.url}: {cause}", next_step="check the disk and the file, then run again"
            ) from error

    def bind_launch(self, launch: str, host: str, now: float) -> None:
        """Tie a launch to its host. Raises Refused where it belongs to another: its journal would say nothing here."""
        with self._transaction() as connection:
            bound = connection.execute(sa.select(launches.c.host).where(launches.c.launch == launch)).scalar()
            if bound is None:
                connection.execute(launches.insert().values(launch=launch, host=host, created_at=now))
        if bound not in {None, host}:
            raise Refused(
                f"launch {launch} was begun on host {bound}, the manifest says {host}",
                next_step="give the manifest a new launch name, or its old host",
            )

    def launches(self) -> list[str]:
        """The launches in this ledger, newest first."""
        with self._transaction(writes=False) as connection:
            query = sa.select(launches.c.launch).order_by(launches.c.created_at.desc())
            return list(connection.execute(query).scalars())

    def read(self, launch: str) -> list[Record]:
        """The journal of a launch, in its order. Raises LedgerError where a line cannot be read."""
        columns = [journal.c[name] for name in ("campaign", "attempt", "kind", "run_id", "at", "lane", "data")]
        with self._transaction(writes=False) as connection:
            rows = connection.execute(sa.select(*columns).where(journal.c.launch == launch).order_by(journal.c.id))
            lines = rows.all()
        try:
            return [
                Record(launch, r.campaign, r.attempt, r.kind, r.run_id, r.at, r.lane, json.loads(r.data)) for r in lines
            ]
        except ValueError as error:
            raise LedgerError(f"ledger {self.url} is damaged: a record is no JSON") from error

    def is_live(self, run_id: str, now: float) -> bool:
        """Whether a run holds a lane and its process may be alive."""
        with self._transaction(writes=False) as connection:
            rows = connection.execute(sa.select(leases).where(leases.c.run_id == run_id)).all()
        return any(rules.is_live(_lease(row), socket.gethostname(), moment(now), _is_alive) for row in rows)

    def acquire(self, lanes: Iterable[Lane], holder: Holder, now: float) -> list[Taken]:
        """Take all lanes or none. Raises LaneLeased with who holds one."""
        with self._transaction() as connection:
            return [_acquire(connection, lane, holder, now) for lane in sorted(lanes)]

    def release(self, run_id: str, recent: Mapping[Lane, Sequence[float]], now: float) -> None:
        """Give lanes back; `recent` tells the next holder which slots are still taken."""
        with self._transaction() as connection:
            for lane, ended in recent.items():
                connection.execute(
                    leases.update()
                    .where(leases.c.lane == lane, leases.c.run_id == run_id)
                    .values(run_id="", recent=_left(ended, moment(now)))
                )

    def commit(self, records: Sequence[Record], run_id: str, fences: Mapping[Lane, int], now: float) -> Committed:
        """Append records in one transaction, renewing this run's leases. Returns what it found there.

        Nothing is granted on a lost lane, nor while the launch is paused or aborted: such intents are left out, and
        what was learned late is kept beside the journal's moves, as kind `late_...`. Raises IntegrityError where a
        record is there already.
        """
        with self._transaction() as connection:
            lost = rules.lost(fences, _held(connection, run_id), run_id, now)
            # In this transaction: a word that was committed before it is obeyed by every permit that follows from it.
            asking = {record.launch for record in records if record.kind == "intent"}
            found = Committed(frozenset(lost), {launch: _standing(connection, launch) for launch in asking})
            rows = [_columns(line) for line in found.kept(records)]
            if rows:
                connection.execute(journal.insert(), rows)
            connection.execute(
                leases.update()
                .where(leases.c.run_id == run_id, leases.c.expires > now)
                .values(expires=now + LEASE_SECONDS)
            )
        return found

    def standing(self, launch: str) -> Standing:
        """Where a launch stands by people's word."""
        with self._transaction(writes=False) as connection:
            return _standing(connection, launch)

    def say(self, launch: str, word: Word, by: str, reason: str, now: float) -> Standing:
        """Record a person's word about a launch; where it stands then. Raises Refused, and records nothing."""
        with self._transaction() as connection:
            before = _standing(connection, launch)
            rows = connection.execute(sa.select(leases).where(leases.c.launch == launch)).all()
            is_running = any(rules.is_live(_lease(row), socket.gethostname(), moment(now), _is_alive) for row in rows)
            record = control.say(before, launch, word, by, reason, now=now, is_running=is_running)
            connection.execute(journal.insert(), _columns(record))
        return control.hear(before, record)

    def append(self, record: Record, now: float) -> None:
        """Append a person's word to the journal. Raises LaneLeased while a run holds the campaign's lane."""
        with self._transaction() as connection:
            row = connection.execute(sa.select(leases).where(leases.c.lane == record.lane)).one_or_none()
            if row is not None and rules.is_live(_lease(row), socket.gethostname(), moment(now), _is_alive):
                raise rules.refusal(Lane(record.lane), _lease(row), now)
            connection.execute(journal.insert(), _columns(record))

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        self._engine.dispose()


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=sa.pool.StaticPool,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
    )

    def prepare(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    def begin(connection: sa.Connection) -> None:
        # The driver's own deferred BEGIN would let two runs read a lease before either writes it.
        # What only reads must not ask for the lock: it has to work on a full disk, too.
        writes = connection.get_execution_options()["writes"]
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", begin)
    return engine


def _acquire(connection: sa.Connection, lane: Lane, holder: Holder, now: float) -> Taken:
    row = connection.execute(sa.select(leases).where(leases.c.lane == lane)).one_or_none()
    last = _lease(row) if row is not None else None
    here = moment(now)
    new = rules.take(lane, last, holder, here, _is_alive)
    values = {
        "fence": new.fence, "run_id": holder.run_id, "launch": holder.launch, "machine": holder.machine,
        "pid": holder.pid, "acquired": new.acquired, "expires": new.expires, "recent": _left((), here),
    }  # fmt: skip
    if last is None:
        connection.execute(leases.insert().values(lane=lane, **values))
    else:
        connection.execute(leases.update().where(leases.c.lane == lane).values(**values))
    return rules.taken(lane, last, new, here)


def _left(ended: Iterable[float], then: Moment) -> str:
    return json.dumps({"ended": list(ended), "moment": asdict(then)})


def _lease(row: Any) -> Lease:
    holder = Holder(row.run_id, row.launch, row.machine, row.pid)
    try:
        left = json.loads(row.recent)
        recent, then = tuple(float(at) for at in left["ended"]), Moment(**left["moment"])
    except (ValueError, TypeError, KeyError) as error:
        raise LedgerError(f"the ledger is damaged: the lease of {row.lane} cannot be read") from error
    return Lease(holder, row.fence, row.acquired, row.expires, recent, then)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _held(connection: sa.Connection, run_id: str) -> dict[Lane, Lease]:
    rows = connection.execute(sa.select(leases).where(leases.c.run_id == run_id))
    return {Lane(row.lane): _lease(row) for row in rows}


def _standing(connection: sa.Connection, launch: str) -> Standing:
    columns = [journal.c[name] for name in ("attempt", "kind", "run_id", "at", "data")]
    chosen = sa.select(*columns).where(journal.c.launch == launch, journal.c.campaign == CONTROL)
    standing = OPEN
    for row in connection.execute(chosen.order_by(journal.c.attempt)):
        record = Record(launch, CONTROL, row.attempt, row.kind, row.run_id, row.at, "", _data(row.data, launch))
        standing = control.hear(standing, record)
    return standing


def _data(text: str, launch: str) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise LedgerError(f"the ledger is damaged: a record of launch {launch} is no JSON") from error
    return data


def _columns(record: Record) -> dict[str, Any]:
    return {
        "launch": record.launch, "campaign": record.campaign, "attempt": record.attempt, "kind": record.kind,
        "run_id": record.run_id, "at": record.at, "lane": record.lane,
        "data": json.dumps(record.data, separators=(",", ":")),
    }  # fmt: skip
