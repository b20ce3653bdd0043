"""The ledger: launches, leases and the journal, on SQLAlchemy Core. Synchronous; threads may share a store."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Self

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from orchestrator.core.journal import control
from orchestrator.core.journal import lease as rules
from orchestrator.core.journal.control import Committed, ControlCommand, ControlState
from orchestrator.core.journal.decisions import check_resolution
from orchestrator.core.journal.lease import LEASE_SECONDS, AcquiredLease, Fences, HeldLease, Holder, Lease, Moment
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.errors import LedgerError
from orchestrator.ledger import launch_rows, wait_rows
from orchestrator.ledger.address import open_backend
from orchestrator.ledger.backend import Backend, UnreachableError
from orchestrator.ledger.chains import Chains, JournalLinks
from orchestrator.ledger.lease_rows import (
    acquire_lease,
    any_live,
    held_leases,
    is_alive,
    lease_of,
    locked_lease,
    release_lease,
    released_json,
    starters,
)
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.reading import ReadableLedger
from orchestrator.ledger.row_mapping import control_state_of, has_any
from orchestrator.ledger.schema import journal, leases
from orchestrator.model import Home, Lane, PosixSeconds, Record

_RETRY_SECONDS: Final = 0.25


class Store(ReadableLedger):
    """One ledger, to be read and written. Every method is one transaction."""

    def __init__(self, backend: Backend, url: str) -> None:
        super().__init__(backend, url)
        self._chains = Chains()

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

    def _check(self) -> None:
        with self._transaction(writes=False) as connection:
            wrong = self._backend.check(connection)
        if wrong is not None:
            raise LedgerError(f"ledger {self.url} {wrong}")

    def check_writable(self) -> None:
        """Raise LedgerError if a run could not write: before it begins, and not at its first record."""
        with self._transaction() as connection:
            self._backend.check_rights(connection)

    def bind_launch(self, launch: str, home: Home, now: PosixSeconds, run_id: str = "") -> None:
        """Tie a launch to its home. Raises Refused if it belongs to another: there, its journal proves nothing.

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

    def acquire(
        self, lanes: Iterable[Lane], holder: Holder, now: PosixSeconds, *, unrenewed: Collection[HeldLease] = ()
    ) -> list[AcquiredLease]:
        """Take all lanes or none. Raises LaneLeased, which names the run that holds one.

        `unrenewed` are leases that this caller saw WATCH_SECONDS ago: one that is still the same is nobody's.
        """
        # Before the transaction, which may have to wait: `now` is of this moment.
        wanted, moment = sorted(lanes), self._backend.moment(now)
        for _ in wanted:
            try:
                return self._acquire(wanted, holder, moment, unrenewed)
            except IntegrityError:
                continue  # another run inserted a lane's row first; the next try finds it
        return self._acquire(wanted, holder, moment, unrenewed)

    def _acquire(
        self, lanes: Sequence[Lane], holder: Holder, moment: Moment, unrenewed: Collection[HeldLease]
    ) -> list[AcquiredLease]:
        with self._transaction() as connection:
            return [acquire_lease(connection, lane, holder, moment, unrenewed) for lane in lanes]

    def release(self, run_id: str, recent_calls: Mapping[Lane, Sequence[PosixSeconds]], now: PosixSeconds) -> None:
        """Give lanes back. `recent_calls`: when each lane's last calls ended, so that the next holder counts them."""
        moment = self._backend.moment(now)
        with self._transaction() as connection:
            for lane, ended in sorted(recent_calls.items()):
                connection.execute(
                    leases.update()
                    .where(leases.c.lane == lane, leases.c.run_id == run_id)
                    .values(run_id="", recent=released_json(ended, moment))
                )
        self._chains.forget(run_id)

    def show_wait(self, holder: Holder, start: StartTime, now: PosixSeconds) -> None:
        """Show people that a process waits until `start`. It keeps nobody from anything, and ages as a lease does."""
        with self._transaction() as connection:
            wait_rows.show_wait(connection, holder, start, self._backend.moment(now))

    def end_wait(self, run_id: str) -> None:
        """A process waits no longer."""
        with self._transaction() as connection:
            wait_rows.end_wait(connection, run_id)

    def release_dead(self, held: Mapping[Lane, Lease], by: str, reason: str, now: PosixSeconds) -> None:
        """Release lanes whose runs a person knows to be dead, all or none.

        Raises Refused if a run is alive on this machine, or has changed since the person saw it.
        """
        with self._transaction() as connection:
            for launch in sorted({lease.holder.launch for lease in held.values()}):
                self._backend.lock_launch(connection, launch, shared=False)
            for lane, lease in sorted(held.items()):
                rules.check_release(lane, lease, this_machine(), is_alive)
                record = release_lease(connection, lane, lease, by=by, reason=reason, now=now)
                JournalLinks(connection).append(self._chains.linking([record]), [record])

    def commit(self, records: Sequence[Record], run_id: str, fences: Fences, now: PosixSeconds) -> Committed:
        """Append records in one transaction, renewing this run's leases. Returns what it found there.

        Intents on a lost lane, or of a launch that is paused or aborted, are not stored; other records of a lost lane
        are stored as kind `late_...`. Raises IntegrityError if a record is there already, LedgerError if the
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
        # A run that holds leases is the only writer of its records; a fleet's run, which holds none, has many.
        sole = run_id if fences else ""
        linking = self._chains.linking(records, sole)
        with self._transaction() as connection:
            asking = sorted({record.launch for record in records if record.kind == "intent"})
            # 1. Lock and read what decides: control commands and leases.
            self._lock(connection, asking, linking.launches)
            found, is_due = self._check_rights(connection, run_id, fences, asking, now)
            if is_retry and has_any(connection, records, run_id):
                # 2. The last try was committed, and only its acknowledgement was lost. Its permits came before a pause
                # that was recorded since; an abort ends even those, and their intents stay open in the journal.
                records = ()
                states = found.control_states.items()
                aborts = {launch: state for launch, state in states if state.command is ControlCommand.ABORT}
                found = Committed(found.lost, aborts)
                self._chains.forget(run_id)
                linking = self._chains.linking(records, sole)
            # 3. Append what may be kept, and renew the leases when it is time.
            JournalLinks(connection).append(linking, found.kept(records))
            if is_due:
                connection.execute(
                    leases.update()
                    .where(leases.c.run_id == run_id, leases.c.expires > now)
                    .values(expires=now + LEASE_SECONDS)
                )
        self._chains.keep(linking, sole)
        return found

    def _lock(self, connection: sa.Connection, asking: Sequence[str], looked_at: Collection[str]) -> None:
        """Lock the launches of a commit's intents, and those whose chains it looks at for itself alone."""
        for launch in sorted({*asking, *looked_at}):
            self._backend.lock_launch(connection, launch, shared=launch not in looked_at)

    def _check_rights(
        self,
        connection: sa.Connection,
        run_id: str,
        fences: Fences,
        asking: Sequence[str],
        now: PosixSeconds,
    ) -> tuple[Committed, bool]:
        """What a commit finds, and whether it is to renew the leases. `asking`: the launches of its intents."""
        # In the commit's own transaction, and under its locks: every permit obeys a command that was committed before.
        held, may_have_commands = held_leases(connection, run_id, asking[0] if len(asking) == 1 else "")
        has_to_read = may_have_commands or len(asking) > 1
        control_states = {launch: control_state_of(connection, launch) for launch in asking} if has_to_read else {}
        is_due = any(rules.is_due(expires, now) for _, _, expires in held)
        return Committed(frozenset(rules.lost(fences, held, now)), control_states), is_due

    def record_command(
        self, launch: str, command: ControlCommand, by: str, reason: str, now: PosixSeconds
    ) -> ControlState:
        """Record a person's command to a launch, and return the new state. Raises Refused, and records nothing."""
        with self._transaction() as connection:
            # Exclusive: a commit with intents has ended by now, or will read this command.
            self._backend.lock_launch(connection, launch, shared=False)
            before = control_state_of(connection, launch)
            rows = connection.execute(sa.select(leases).where(leases.c.launch == launch)).all()
            is_running = any_live(starters(rows), self._backend.moment(now))
            record = control.command_record(
                before, launch, command, by, reason, now=now, is_running=is_running, ledger=self.url
            )
            JournalLinks(connection).append(self._chains.linking([record]), [record])
        return control.apply(before, record)

    def append(self, record: Record, now: PosixSeconds) -> None:
        """Append what a person resolved to the journal.

        Raises LaneLeased while a run holds the campaign's lane, Refused if the campaign has moved on meanwhile.
        """
        same = journal.c.launch == record.launch, journal.c.campaign == record.campaign
        with self._transaction() as connection:
            # Keeps two people from resolving one campaign at once, and from going on from the same link.
            self._backend.lock_launch(connection, record.launch, shared=False)
            rows, moment = starters(connection.execute(locked_lease(record.lane)).all()), self._backend.moment(now)
            if any_live(rows, moment):
                raise rules.refusal(Lane(record.lane), lease_of(rows[0]), moment)
            found = connection.execute(sa.select(journal).where(*same).order_by(journal.c.id)).all()
            check_resolution(self._records(found), record, self.url)
            JournalLinks(connection).append(self._chains.linking([record]), [record])
