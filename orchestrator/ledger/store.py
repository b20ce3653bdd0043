"""The ledger: launches, leases and the journal, on SQLAlchemy Core. Synchronous; threads may share a store."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

from orchestrator.core.journal import control
from orchestrator.core.journal import lease as rules
from orchestrator.core.journal.control import Committed, ControlCommand, ControlState
from orchestrator.core.journal.decisions import check_resolution
from orchestrator.core.journal.lease import LEASE_SECONDS, AcquiredLease, Fences, HeldLease, Holder, Lease
from orchestrator.errors import LedgerError, NothingSelected
from orchestrator.ledger import launch_rows
from orchestrator.ledger.address import open_backend
from orchestrator.ledger.backend import Backend, UnreachableError
from orchestrator.ledger.lease_rows import (
    acquire_lease,
    any_live,
    held_leases,
    is_alive,
    lanes_of,
    lease_of,
    locked_lease,
    release_lease,
    released_json,
)
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.row_mapping import append, control_state_of, has_any, records_of, whole_launch
from orchestrator.ledger.schema import journal, launches, leases
from orchestrator.model import Home, Lane, PosixSeconds, Record

_RETRY_SECONDS: Final = 0.25
_CAMPAIGNS_PER_QUERY: Final = 500  # databases bound how many parameters a query may have
_ROWS_PER_FETCH: Final = 200


class Store:
    """One ledger. Every method is one transaction."""

    def __init__(self, backend: Backend, url: str) -> None:
        self._backend = backend
        self._reads = backend.engine.execution_options(writes=False)
        self._writes = backend.engine.execution_options(writes=True)
        self.url = url
        self.made = backend.made
        """Where the ledger lies, if it was made when this store opened it; else empty."""

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Self:
        """The ledger at `url`. Raises LedgerError: unreachable, damaged, not a ledger, or in an unsafe place."""
        store = cls(open_backend(url, create=create), url)
        try:
            store._check()
            if create:
                store.check_writable()
        except LedgerError:
            store.close()
            raise
        return store

    @classmethod
    def watch(cls, url: str) -> Self:
        """An existing ledger to be read alone: not a byte of it changes, nor of an SQLite file's neighbours.

        Raises LedgerError, and so does `check_place`, which is to be asked before what was read is believed.
        """
        return cls(open_backend(url, create=False, watched=True), url)

    def _check(self) -> None:
        with self._transaction(writes=False) as connection:
            wrong = self._backend.check(connection)
        if wrong is not None:
            raise LedgerError(f"ledger {self.url} {wrong}")

    def check_writable(self) -> None:
        """Raise LedgerError where a run could not write: before it begins, and not at its first record."""
        with self._transaction() as connection:
            self._backend.check_rights(connection)

    @contextmanager
    def _transaction(self, *, writes: bool = True) -> Iterator[sa.Connection]:
        try:
            with (self._writes if writes else self._reads).begin() as connection:
                self._backend.begin(connection)
                yield connection
        except IntegrityError:
            raise
        except (SQLAlchemyError, OSError) as error:
            cause = error.orig if isinstance(error, DatabaseError) and error.orig else error
            kind = UnreachableError if self._backend.is_away(error) else LedgerError
            next_step = self._backend.advise(cause) or self._backend.hint
            raise kind(f"ledger {self.url}: {' '.join(str(cause).split())}", next_step=next_step) from error

    def time(self) -> PosixSeconds:
        """POSIX seconds by the clock that all users of this ledger share."""
        with self._transaction(writes=False) as connection:
            return self._backend.now(connection)

    def bind_launch(self, launch: str, home: Home, now: PosixSeconds, run_id: str = "") -> None:
        """Tie a launch to its home. Raises Refused where it belongs to another: there, its journal proves nothing.

        Its first permit binds it for good; until then it follows the manifest, unless a run of the other home is live.
        To be called with the lanes held, by the run `run_id`: of two runs in two homes, each would then find the
        other's.
        """
        try:
            bound = self._bind(launch, home, now, run_id)
        except IntegrityError:
            bound = self._bind(launch, home, now, run_id)  # another run inserted the row first
        if bound != str(home):
            raise launch_rows.refusal(launch, bound, home)

    def _bind(self, launch: str, home: Home, now: PosixSeconds, run_id: str) -> str:
        with self._transaction() as connection:
            return launch_rows.bind(connection, launch, home, self._backend.moment(now), run_id)

    def launches(self) -> list[str]:
        """The launches in this ledger, newest first."""
        with self._transaction(writes=False) as connection:
            query = sa.select(launches.c.launch).order_by(launches.c.created_at.desc())
            return list(connection.execute(query).scalars())

    def has_starts(self) -> bool:
        """Whether any launch has ever had leave to start a campaign."""
        with self._transaction(writes=False) as connection:
            return connection.execute(launch_rows.ANY_INTENT).first() is not None

    def read(self, launch: str, *, campaign: str | None = None, kinds: Sequence[str] = ()) -> list[Record]:
        """The journal of a launch in its order, or one campaign's part of it, or its records of some kinds.

        Raises LedgerError where a record cannot be read.
        """
        return list(self.stream(launch, campaign=campaign, kinds=kinds))

    def stream(self, launch: str, *, campaign: str | None = None, kinds: Sequence[str] = ()) -> Iterator[Record]:
        """The same, with few rows in memory at a time. It is the journal at the moment the first record is read."""
        is_part = campaign is not None or kinds
        query = sa.select(journal).where(*([journal.c.launch == launch] if is_part else whole_launch(launch)))
        if campaign is not None:
            query = query.where(journal.c.campaign == campaign)
        if kinds:
            query = query.where(journal.c.kind.in_(kinds))
        return (record for rows in self._partitions(query.order_by(journal.c.id)) for record in self._records(rows))

    def read_some(self, launch: str, campaigns: Sequence[str]) -> list[Record]:
        """The journal of some campaigns, each one's in its order. Raises LedgerError where a record cannot be read."""
        query = sa.select(journal).where(journal.c.launch == launch).order_by(journal.c.id)
        parts = [campaigns[at : at + _CAMPAIGNS_PER_QUERY] for at in range(0, len(campaigns), _CAMPAIGNS_PER_QUERY)]
        found = (rows for part in parts for rows in self._partitions(query.where(journal.c.campaign.in_(part))))
        return [record for rows in found for record in self._records(rows)]

    def tail(self, launch: str, after: int) -> list[tuple[int, Record]]:
        """The records whose row number is above `after`, with their numbers.

        For progress only: of two commits, the later may have the lower numbers, so a reader may miss records.
        """
        return list(self.numbered(journal.c.launch == launch, journal.c.id > after))

    def numbered(self, *which: sa.ColumnElement[bool]) -> Iterator[tuple[int, Record]]:
        """The journal's records that meet conditions on its columns, in its order, each with its row number."""
        for rows in self._partitions(sa.select(journal).where(*which).order_by(journal.c.id)):
            yield from zip((row.id for row in rows), self._records(rows), strict=True)

    def _partitions(self, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
        with self._transaction(writes=False) as connection:
            yield from connection.execution_options(yield_per=_ROWS_PER_FETCH).execute(query).partitions()

    def _records(self, rows: Sequence[Any]) -> list[Record]:
        try:
            return records_of(rows)
        except ValueError as error:
            raise LedgerError(f"ledger {self.url} is damaged: a record is not JSON") from error

    def is_live(self, run_id: str, now: PosixSeconds) -> bool:
        """Whether a run holds a lane and its process seems to be alive, by a lease that is not in doubt."""
        with self._transaction(writes=False) as connection:
            rows = connection.execute(sa.select(leases).where(leases.c.run_id == run_id)).all()
        moment = self._backend.moment(now)
        return any_live((row for row in rows if not rules.is_doubtful(lease_of(row), moment)), moment)

    def leases(self, lanes: Iterable[Lane]) -> frozenset[HeldLease]:
        """The leases of lanes as they are now, to see later whether anyone renews them."""
        with self._transaction(writes=False) as connection:
            query = sa.select(leases.c.lane, leases.c.fence, leases.c.expires).where(leases.c.lane.in_(list(lanes)))
            return frozenset((lane, fence, expires) for lane, fence, expires in connection.execute(query))

    def acquire(
        self, lanes: Iterable[Lane], holder: Holder, now: PosixSeconds, *, unrenewed: Collection[HeldLease] = ()
    ) -> list[AcquiredLease]:
        """Take all lanes or none. Raises LaneLeased, which names the run that holds one.

        `unrenewed` are leases that this caller saw WATCH_SECONDS ago: one that is still the same is nobody's.
        """
        wanted = sorted(lanes)
        for _ in wanted:
            try:
                return self._acquire(wanted, holder, now, unrenewed)
            except IntegrityError:
                continue  # another run inserted a lane's row first; the next try finds it
        return self._acquire(wanted, holder, now, unrenewed)

    def _acquire(
        self, lanes: Sequence[Lane], holder: Holder, now: PosixSeconds, unrenewed: Collection[HeldLease]
    ) -> list[AcquiredLease]:
        with self._transaction() as connection:
            moment = self._backend.moment(now)
            return [acquire_lease(connection, lane, holder, moment, unrenewed) for lane in lanes]

    def release(self, run_id: str, recent_calls: Mapping[Lane, Sequence[PosixSeconds]], now: PosixSeconds) -> None:
        """Give lanes back. `recent_calls`: when each lane's last calls ended, so that the next holder counts them."""
        with self._transaction() as connection:
            for lane, ended in sorted(recent_calls.items()):
                connection.execute(
                    leases.update()
                    .where(leases.c.lane == lane, leases.c.run_id == run_id)
                    .values(run_id="", recent=released_json(ended, self._backend.moment(now)))
                )

    def lanes_held(self, name: str, now: PosixSeconds) -> dict[Lane, Lease]:
        """The lanes of a launch, or of an account id, that a run may hold now. Raises NothingSelected for neither."""
        with self._transaction(writes=False) as connection:
            own = lanes_of(connection, name)
        if not own:
            raise NothingSelected(f"the ledger has no lease of a launch or an account id {name}")
        moment = self._backend.moment(now)
        return {lane: lease for lane, lease in own.items() if rules.is_live(lease, this_machine(), moment, is_alive)}

    def release_dead(self, held: Mapping[Lane, Lease], by: str, reason: str, now: PosixSeconds) -> None:
        """Release lanes whose runs a person knows to be dead, all or none.

        Raises Refused where a run is alive on this machine, or has changed since the person saw it.
        """
        with self._transaction() as connection:
            for launch in sorted({lease.holder.launch for lease in held.values()}):
                self._backend.lock_launch(connection, launch, shared=False)
            for lane, lease in sorted(held.items()):
                rules.check_release(lane, lease, this_machine(), is_alive)
                release_lease(connection, lane, lease, by=by, reason=reason, now=now)

    def commit(self, records: Sequence[Record], run_id: str, fences: Fences, now: PosixSeconds) -> Committed:
        """Append records in one transaction, renewing this run's leases. Returns what it found there.

        Intents on a lost lane, or of a launch that is paused or aborted, are not stored; other records of a lost lane
        are stored as kind `late_...`. Raises IntegrityError where a record is there already, LedgerError where the
        database fails. While a database on the network does not answer, this waits up to `Backend.patience` seconds.
        """
        give_up = time.monotonic() + self._backend.patience
        is_retry = False
        while True:
            # Read before the try: a process that was suspended during a try gets another one.
            is_last = is_retry and time.monotonic() >= give_up
            try:
                return self._commit(records, run_id, fences, now, is_retry=is_retry)
            except UnreachableError:
                if is_last:
                    raise
            is_retry = True
            time.sleep(_RETRY_SECONDS)

    def _commit(
        self, records: Sequence[Record], run_id: str, fences: Fences, now: PosixSeconds, *, is_retry: bool
    ) -> Committed:
        with self._transaction() as connection:
            asking = sorted({record.launch for record in records if record.kind == "intent"})
            # 1. Lock and read what decides: control commands and leases.
            found, is_due = self._check_rights(connection, run_id, fences, asking, now)
            if is_retry and has_any(connection, records, run_id):
                # 2. The last try was committed, and only its acknowledgement was lost. Its permits came before a pause
                # that was recorded since; an abort ends even those, and their intents stay open in the journal.
                records = ()
                states = found.control_states.items()
                aborts = {launch: state for launch, state in states if state.command is ControlCommand.ABORT}
                found = Committed(found.lost, aborts)
            # 3. Append what may be kept, and renew the leases when it is time.
            append(connection, found.kept(records))
            if is_due:
                connection.execute(
                    leases.update()
                    .where(leases.c.run_id == run_id, leases.c.expires > now)
                    .values(expires=now + LEASE_SECONDS)
                )
        return found

    def _check_rights(
        self,
        connection: sa.Connection,
        run_id: str,
        fences: Fences,
        asking: Sequence[str],
        now: PosixSeconds,
    ) -> tuple[Committed, bool]:
        """What a commit finds, and whether it is to renew the leases. `asking`: the launches of its intents."""
        # In the commit's own transaction: every permit obeys a command that was committed before it.
        for launch in asking:
            self._backend.lock_launch(connection, launch, shared=True)
        held, may_have_commands = held_leases(connection, run_id, asking[0] if len(asking) == 1 else "")
        has_to_read = may_have_commands or len(asking) > 1
        control_states = {launch: control_state_of(connection, launch) for launch in asking} if has_to_read else {}
        is_due = any(rules.is_due(expires, now) for _, _, expires in held)
        return Committed(frozenset(rules.lost(fences, held, now)), control_states), is_due

    def check_place(self) -> None:
        """Raise LedgerError where the ledger's path leads to another file than the open one, or to none."""
        self._backend.check_place()

    def control_state(self, launch: str) -> ControlState:
        """The command in force for a launch."""
        with self._transaction(writes=False) as connection:
            return control_state_of(connection, launch)

    def record_command(
        self, launch: str, command: ControlCommand, by: str, reason: str, now: PosixSeconds
    ) -> ControlState:
        """Record a person's command to a launch, and return the new state. Raises Refused, and records nothing."""
        with self._transaction() as connection:
            # Exclusive: a commit with intents has ended by now, or will read this command.
            self._backend.lock_launch(connection, launch, shared=False)
            before = control_state_of(connection, launch)
            rows = connection.execute(sa.select(leases).where(leases.c.launch == launch)).all()
            is_running = any_live(rows, self._backend.moment(now))
            record = control.command_record(
                before, launch, command, by, reason, now=now, is_running=is_running, ledger=self.url
            )
            append(connection, [record])
        return control.apply(before, record)

    def append(self, record: Record, now: PosixSeconds) -> None:
        """Append what a person resolved to the journal.

        Raises LaneLeased while a run holds the campaign's lane, Refused where the campaign has moved on meanwhile.
        """
        same = journal.c.launch == record.launch, journal.c.campaign == record.campaign
        with self._transaction() as connection:
            # The lock on the lease also keeps two people from resolving one campaign at once.
            row, moment = connection.execute(locked_lease(record.lane)).one_or_none(), self._backend.moment(now)
            if row is not None and any_live([row], moment):
                raise rules.refusal(Lane(record.lane), lease_of(row), moment)
            found = connection.execute(sa.select(journal).where(*same).order_by(journal.c.id)).all()
            check_resolution(self._records(found), record, self.url)
            append(connection, [record])

    def close(self) -> None:
        """Close all connections; SQLite then folds its write-ahead log into the file."""
        self._backend.engine.dispose()
        self._backend.closed()
