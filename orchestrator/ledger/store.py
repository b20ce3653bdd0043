"""The ledger's statements, on SQLAlchemy Core. Synchronous; threads may share a store."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

from orchestrator.core.journal import control
from orchestrator.core.journal import lease as rules
from orchestrator.core.journal.control import Committed, ControlCommand, ControlState
from orchestrator.core.journal.lease import LEASE_SECONDS, AcquiredLease, Holder, Moment
from orchestrator.errors import LedgerError, Refused
from orchestrator.ledger import sqlite
from orchestrator.ledger.backend import Backend, UnreachableError
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.row_mapping import (
    control_state_of,
    has_any,
    held,
    lease_of,
    lease_summary,
    left,
    line_of,
    records_of,
)
from orchestrator.ledger.schema import journal, launches, leases
from orchestrator.model import Lane, Record

_TRY_EVERY: Final = 0.25
_ASKED_AT_ONCE: Final = 500
"""Campaigns a query: databases bound how many parameters one may have."""
_READ_AT_ONCE: Final = 200
_APPEND: Final = journal.insert().inline()


def _opened(url: str, *, create: bool) -> Backend:
    """The one place that picks a kind of database."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        parsed = None
    kind = parsed.get_backend_name() if parsed is not None and parsed.database else ""
    if parsed is not None and kind == "sqlite":
        return sqlite.opened(parsed, create=create)
    if parsed is not None and kind == "postgresql":
        from orchestrator.ledger import postgres

        return postgres.opened(parsed, create=create)
    shown = parsed.render_as_string(hide_password=True) if parsed is not None else "address"
    raise LedgerError(
        f"ledger {shown}: only sqlite:///PATH and postgresql://USER@HOST/DATABASE are supported",
        next_step="write sqlite:///PATH or postgresql://USER@HOST/DATABASE",
    )


class Store:
    """One ledger. Every method is one transaction."""

    def __init__(self, database: Backend, url: str) -> None:
        self._database = database
        self._reads = database.engine.execution_options(writes=False)
        self._writes = database.engine.execution_options(writes=True)
        self.url = url

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Self:
        """The ledger at `url`. Raises LedgerError: unreachable, damaged, not a ledger, or in an unsafe place."""
        store = cls(_opened(url, create=create), url)
        try:
            store._check()
        except LedgerError:
            store.close()
            raise
        return store

    def _check(self) -> None:
        with self._transaction(writes=False) as connection:
            wrong = self._database.check(connection)
        if wrong is not None:
            raise LedgerError(f"ledger {self.url} {wrong}")

    @contextmanager
    def _transaction(self, *, writes: bool = True) -> Iterator[sa.Connection]:
        try:
            with (self._writes if writes else self._reads).begin() as connection:
                self._database.begin(connection)
                yield connection
        except IntegrityError:
            raise
        except (SQLAlchemyError, OSError) as error:
            cause = " ".join(str(error.orig if isinstance(error, DatabaseError) else error).split())
            kind = UnreachableError if self._database.is_away(error) else LedgerError
            raise kind(f"ledger {self.url}: {cause}", next_step=self._database.hint) from error

    def time(self) -> float:
        """POSIX seconds by the clock that all users of this ledger share."""
        with self._transaction(writes=False) as connection:
            return self._database.now(connection)

    def bind_launch(self, launch: str, host: str, now: float) -> None:
        """Tie a launch to its host. Raises Refused where it belongs to another: its journal would say nothing here."""
        try:
            bound = self._bind(launch, host, now)
        except IntegrityError:
            bound = self._bind(launch, host, now)  # another run was quicker, in the same moment
        if bound not in {None, host}:
            raise Refused(
                f"launch {launch} was begun on host {bound}, the manifest says {host}",
                next_step="give the manifest a new launch name, or its old host",
            )

    def _bind(self, launch: str, host: str, now: float) -> str | None:
        with self._transaction() as connection:
            bound = connection.execute(sa.select(launches.c.host).where(launches.c.launch == launch)).scalar()
            if bound is None:
                connection.execute(launches.insert().values(launch=launch, host=host, created_at=now))
        return bound

    def launches(self) -> list[str]:
        """The launches in this ledger, newest first."""
        with self._transaction(writes=False) as connection:
            query = sa.select(launches.c.launch).order_by(launches.c.created_at.desc())
            return list(connection.execute(query).scalars())

    def read(self, launch: str, *, campaign: str | None = None, kinds: Sequence[str] = ()) -> list[Record]:
        """The journal of a launch in its order, or one campaign's part of it, or what is of some kinds.

        Raises LedgerError where a line cannot be read.
        """
        return list(self.stream(launch, campaign=campaign, kinds=kinds))

    def stream(self, launch: str, *, campaign: str | None = None, kinds: Sequence[str] = ()) -> Iterator[Record]:
        """The same, some lines in memory at a time. It is read as it was when the first line was asked for."""
        is_part = campaign is not None or kinds
        query = sa.select(journal).where(*([journal.c.launch == launch] if is_part else _whole(launch)))
        if campaign is not None:
            query = query.where(journal.c.campaign == campaign)
        if kinds:
            query = query.where(journal.c.kind.in_(kinds))
        query = query.order_by(journal.c.id)
        return (record for lines in self._lines(query) for record in self._records(lines))

    def read_some(self, launch: str, campaigns: Sequence[str]) -> list[Record]:
        """The journal of some campaigns, each one's in its order. Raises LedgerError where a line cannot be read."""
        query = sa.select(journal).where(journal.c.launch == launch).order_by(journal.c.id)
        parts = [campaigns[at : at + _ASKED_AT_ONCE] for at in range(0, len(campaigns), _ASKED_AT_ONCE)]
        found = (lines for part in parts for lines in self._lines(query.where(journal.c.campaign.in_(part))))
        return [record for lines in found for record in self._records(lines)]

    def tail(self, launch: str, after: int) -> list[tuple[int, Record]]:
        """The lines with a number above `after`: for progress only, for of two commits the later may number lower."""
        query = sa.select(journal).where(journal.c.launch == launch, journal.c.id > after).order_by(journal.c.id)
        return [
            (line.id, record)
            for lines in self._lines(query)
            for line, record in zip(lines, self._records(lines), strict=True)
        ]

    def _lines(self, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
        with self._transaction(writes=False) as connection:
            yield from connection.execution_options(yield_per=_READ_AT_ONCE).execute(query).partitions()

    def _records(self, lines: Sequence[Any]) -> list[Record]:
        try:
            return records_of(lines)
        except ValueError as error:
            raise LedgerError(f"ledger {self.url} is damaged: a record is no JSON") from error

    def is_live(self, run_id: str, now: float) -> bool:
        """Whether a run holds a lane and its process may be alive."""
        with self._transaction(writes=False) as connection:
            rows = connection.execute(sa.select(leases).where(leases.c.run_id == run_id)).all()
        return self._any_live(rows, now)

    def _any_live(self, rows: Iterable[Any], now: float) -> bool:
        here = self._database.moment(now)
        return any(rules.is_live(lease_of(row), this_machine(), here, _is_alive) for row in rows)

    def acquire(self, lanes: Iterable[Lane], holder: Holder, now: float) -> list[AcquiredLease]:
        """Take all lanes or none. Raises LaneLeased with who holds one."""
        wanted = sorted(lanes)
        for _ in wanted:
            try:
                return self._acquire(wanted, holder, now)
            except IntegrityError:
                continue  # another run made a lane's row in the same moment: now it is there to be looked at
        return self._acquire(wanted, holder, now)

    def _acquire(self, lanes: Sequence[Lane], holder: Holder, now: float) -> list[AcquiredLease]:
        with self._transaction() as connection:
            return [_take(connection, lane, holder, self._database.moment(now)) for lane in lanes]

    def release(self, run_id: str, recent: Mapping[Lane, Sequence[float]], now: float) -> None:
        """Give lanes back; `recent` tells the next holder which slots are still taken."""
        with self._transaction() as connection:
            for lane, ended in sorted(recent.items()):
                connection.execute(
                    leases.update()
                    .where(leases.c.lane == lane, leases.c.run_id == run_id)
                    .values(run_id="", recent=left(ended, self._database.moment(now)))
                )

    def commit(self, records: Sequence[Record], run_id: str, fences: Mapping[Lane, int], now: float) -> Committed:
        """Append records in one transaction, renewing this run's leases. Returns what it found there.

        Nothing is granted on a lost lane, nor while the launch is paused or aborted: such intents are left out, and
        what was learned late is kept beside the journal's moves, as kind `late_...`. Raises IntegrityError where a
        record is there already. While a database on the network does not answer, this waits for it, and nothing is
        sent meanwhile.
        """
        give_up = time.monotonic() + self._database.patience
        is_again = False
        while True:
            # Asked before the try: a process that slept through one gets another.
            is_last = is_again and time.monotonic() >= give_up
            try:
                return self._commit(records, run_id, fences, now, is_again=is_again)
            except UnreachableError:
                if is_last:
                    raise
            is_again = True
            time.sleep(_TRY_EVERY)

    def _commit(
        self, records: Sequence[Record], run_id: str, fences: Mapping[Lane, int], now: float, *, is_again: bool
    ) -> Committed:
        with self._transaction() as connection:
            asking = sorted({record.launch for record in records if record.kind == "intent"})
            found, is_due = self._look(connection, run_id, fences, asking, now)
            if is_again and has_any(connection, records, run_id):
                # The commit was carried out, and only its acknowledgement was lost. Its permits came before a pause
                # that was said since; an abort ends even those, and their intents stay open in the journal.
                records = ()
                aborts = {
                    launch: one for launch, one in found.control_states.items() if one.word is ControlCommand.ABORT
                }
                found = Committed(found.lost, aborts)
            rows = [line_of(line) for line in found.kept(records)]
            if rows:
                connection.execute(_APPEND, rows)
            if is_due:
                connection.execute(
                    leases.update()
                    .where(leases.c.run_id == run_id, leases.c.expires > now)
                    .values(expires=now + LEASE_SECONDS)
                )
        return found

    def _look(
        self, connection: sa.Connection, run_id: str, fences: Mapping[Lane, int], asking: Sequence[str], now: float
    ) -> tuple[Committed, bool]:
        """What a commit finds, and whether it is to renew the leases. `asking`: launches that ask for permits."""
        # In its transaction: a word that was committed before it is obeyed by every permit that follows from it.
        for launch in asking:
            self._database.lock_launch(connection, launch, shared=True)
        seen, words = lease_summary(connection, run_id, asking[0] if len(asking) == 1 else "")
        is_said = words > 0 or len(asking) > 1
        control_states = {launch: control_state_of(connection, launch) for launch in asking} if is_said else {}
        if rules.are_held(fences, seen, now):
            return Committed(control_states=control_states), rules.is_due(seen, now)
        own = held(connection, run_id)
        is_due = any(rules.is_due(lease, now) for lease in own.values())
        return Committed(frozenset(rules.lost(fences, own, run_id, now)), control_states), is_due

    def control_state(self, launch: str) -> ControlState:
        """Where a launch stands by people's word."""
        with self._transaction(writes=False) as connection:
            return control_state_of(connection, launch)

    def say(self, launch: str, word: ControlCommand, by: str, reason: str, now: float) -> ControlState:
        """Record a person's word about a launch; where it stands then. Raises Refused, and records nothing."""
        with self._transaction() as connection:
            # Alone: whoever asks for a permit has committed it by now, or will find this word.
            self._database.lock_launch(connection, launch, shared=False)
            before = control_state_of(connection, launch)
            rows = connection.execute(sa.select(leases).where(leases.c.launch == launch)).all()
            is_running = self._any_live(rows, now)
            record = control.say(before, launch, word, by, reason, now=now, is_running=is_running)
            connection.execute(journal.insert(), line_of(record))
        return control.hear(before, record)

    def append(self, record: Record, now: float) -> None:
        """Append a person's word to the journal. Raises LaneLeased while a run holds the campaign's lane."""
        with self._transaction() as connection:
            row = connection.execute(_locked(record.lane)).one_or_none()
            if row is not None and self._any_live([row], now):
                raise rules.refusal(Lane(record.lane), lease_of(row), now)
            connection.execute(journal.insert(), line_of(record))

    def close(self) -> None:
        """Let go of the database; an SQLite file gets its write-ahead log folded in."""
        self._database.engine.dispose()


def _whole(launch: str) -> tuple[sa.ColumnElement[bool], ...]:
    """What holds for all lines of a launch, for a database to read them as they lie.

    By the launch's index it would fetch each line on its own and sort them: four times as long for a whole journal.
    """
    own = sa.select(journal.c.id).where(journal.c.launch == launch).subquery()
    first, last = (sa.select(of(own.c.id)).scalar_subquery() for of in (sa.func.min, sa.func.max))
    return journal.c.id.between(first, last), journal.c.launch + "" == launch


def _locked(lane: str) -> sa.Select[Any]:
    return sa.select(leases).where(leases.c.lane == lane).with_for_update()


def _take(connection: sa.Connection, lane: Lane, holder: Holder, here: Moment) -> AcquiredLease:
    row = connection.execute(_locked(lane)).one_or_none()
    last = lease_of(row) if row is not None else None
    new = rules.take(lane, last, holder, here, _is_alive)
    values = {
        "fence": new.fence, "run_id": holder.run_id, "launch": holder.launch, "machine": holder.machine,
        "pid": holder.pid, "acquired": new.acquired, "expires": new.expires, "recent": left((), here),
    }  # fmt: skip
    if last is None:
        connection.execute(leases.insert().values(lane=lane, **values))
    else:
        connection.execute(leases.update().where(leases.c.lane == lane).values(**values))
    return rules.taken(lane, last, new, here)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
