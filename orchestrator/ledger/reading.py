"""What there is to read in a ledger. Synchronous; threads may share one."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

from orchestrator.core.journal import lease as rules
from orchestrator.core.journal.chain import Row, unsealed
from orchestrator.core.journal.control import ControlState
from orchestrator.core.journal.lease import HeldLease, Lease
from orchestrator.core.journal.record_shapes import check_records
from orchestrator.core.journal.records import END
from orchestrator.core.journal.states import CampaignState, IllegalMove, fold
from orchestrator.core.journal.waits import Wait
from orchestrator.errors import LedgerError, NothingSelected
from orchestrator.ledger import launch_rows, wait_rows
from orchestrator.ledger.address import open_backend
from orchestrator.ledger.backend import Backend, UnreachableError
from orchestrator.ledger.lease_rows import any_live, is_alive, lanes_of, lease_of
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.row_mapping import control_state_of, records_of, whole_launch
from orchestrator.ledger.schema import journal, launches, leases
from orchestrator.model import CampaignKey, Lane, PosixSeconds, Record

_CAMPAIGNS_PER_QUERY: Final = 500  # databases bound how many parameters a query may have
_ROWS_PER_FETCH: Final = 200


class ReadableLedger:
    """One ledger, and what is read from it. Every method is one transaction."""

    def __init__(self, backend: Backend, url: str) -> None:
        self._backend = backend
        self._reads = backend.engine.execution_options(writes=False)
        self._writes = backend.engine.execution_options(writes=True)
        self.url = url
        self.place = backend.place or url
        """Where the ledger lies: an SQLite file's whole path, else its address."""
        self.made = backend.made
        """Where the ledger lies, if it was made when this store opened it; else empty."""

    @classmethod
    def watch(cls, url: str) -> Self:
        """An existing ledger to be read alone: not a byte of it changes, nor of an SQLite file's neighbours.

        Raises LedgerError, and so does `check_place`, which is to be asked before what was read is believed.
        """
        return cls(open_backend(url, create=False, watched=True), url)

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

    def launches(self) -> list[str]:
        """The launches in this ledger, newest first."""
        with self._transaction(writes=False) as connection:
            query = sa.select(launches.c.launch).order_by(launches.c.created_at.desc())
            return list(connection.execute(query).scalars())

    def home(self, launch: str) -> str:
        """Where a launch belongs, as `str` of a Home has it; empty if nothing says so."""
        with self._transaction(writes=False) as connection:
            query = sa.select(launches.c.host).where(launches.c.launch == launch)
            return str(connection.execute(query).scalar() or "")

    def has_starts(self) -> bool:
        """Whether any launch has ever had leave to start a campaign."""
        with self._transaction(writes=False) as connection:
            return connection.execute(launch_rows.ANY_INTENT).first() is not None

    def read(self, launch: str, *, campaign: str | None = None, kinds: Sequence[str] = ()) -> list[Record]:
        """The journal of a launch in its order, or one campaign's part of it, or its records of some kinds.

        Raises LedgerError if a record cannot be read.
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
        """The journal of some campaigns, each one's in its order. Raises LedgerError if a record cannot be read."""
        query = sa.select(journal).where(journal.c.launch == launch).order_by(journal.c.id)
        parts = [campaigns[at : at + _CAMPAIGNS_PER_QUERY] for at in range(0, len(campaigns), _CAMPAIGNS_PER_QUERY)]
        found = (rows for part in parts for rows in self._partitions(query.where(journal.c.campaign.in_(part))))
        return [record for rows in found for record in self._records(rows)]

    def tail(self, launch: str, after: int) -> list[tuple[int, Record]]:
        """The records whose row number is above `after`, with their numbers.

        For progress only: of two commits, the later may have the lower numbers, so a reader may miss records.
        """
        return list(self.numbered(journal.c.launch == launch, journal.c.id > after))

    def numbered(self, *which: sa.ColumnElement[bool], is_checked: bool = True) -> Iterator[tuple[int, Record]]:
        """The journal's records that meet conditions on its columns, in its order, each with its row number.

        Without `is_checked`, their data may be any JSON object: what is damaged in one launch is of no other launch.
        """
        for rows in self._partitions(sa.select(journal).where(*which).order_by(journal.c.id)):
            records = self._records(rows) if is_checked else self._unchecked(rows)
            yield from zip((row.id for row in rows), records, strict=True)

    def rows(self, launch: str) -> Iterator[tuple[int, Row]]:
        """The journal of a launch as it is stored, in its order, each row with its number, for an audit."""
        query = sa.select(journal).where(*whole_launch(launch)).order_by(journal.c.id)
        for rows in self._partitions(query):
            for number, name, campaign, attempt, kind, run_id, at, lane, data in rows:
                # SQLite takes values of any type where somebody writes them into a column: they have another hash then.
                then = at if isinstance(at, float) else math.nan
                yield number, Row(str(name), str(campaign), attempt, str(kind), str(run_id), then, str(lane), str(data))

    def fold(self, records: Iterable[Record]) -> dict[CampaignKey, CampaignState]:
        """Today's state of every campaign in its records. Raises LedgerError if they contradict each other."""
        try:
            return fold(records)
        except IllegalMove as error:
            raise LedgerError(f"ledger {self.url} contradicts itself: {error}") from error

    def head(self, launch: str, run_id: str) -> str | None:
        """The hash of the record that ends a run; None if the run has no end, or no chain."""
        own = journal.c.launch == launch, journal.c.campaign == f"@{run_id}", journal.c.kind == END
        with self._transaction(writes=False) as connection:
            data = connection.execute(sa.select(journal.c.data).where(*own)).scalar()
        return (unsealed(data)[1] or None) if data is not None else None

    def _partitions(self, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
        with (
            self._transaction(writes=False) as connection,
            # Closed where a reader ends early, too: at a record that is damaged.
            closing(connection.execution_options(yield_per=_ROWS_PER_FETCH).execute(query)) as result,
        ):
            yield from result.partitions()

    def _records(self, rows: Sequence[Any]) -> list[Record]:
        records = self._unchecked(rows)
        check_records(records)
        return records

    def _unchecked(self, rows: Sequence[Any]) -> list[Record]:
        try:
            return records_of(rows)
        except ValueError as error:
            raise LedgerError(f"ledger {self.url} is damaged: {error}") from error

    def is_live(self, run_id: str, now: PosixSeconds) -> bool:
        """Whether a run holds a lane and its process seems to be alive, by a lease that is not in doubt."""
        with self._transaction(writes=False) as connection:
            rows = connection.execute(sa.select(leases).where(leases.c.run_id == run_id)).all()
        moment = self._backend.moment(now)
        return any_live((row for row in rows if not rules.is_doubtful(lease_of(row), moment)), moment)

    def waits(self) -> list[Wait]:
        """Of all launches, who waits for the time to start, and who has died while waiting."""
        with self._transaction(writes=False) as connection:
            return wait_rows.waits(connection, self._backend.moment(self._backend.now(connection)))

    def leases(self, lanes: Iterable[Lane]) -> frozenset[HeldLease]:
        """The leases of lanes as they are now, to see later whether anyone renews them."""
        with self._transaction(writes=False) as connection:
            query = sa.select(leases.c.lane, leases.c.fence, leases.c.expires).where(leases.c.lane.in_(list(lanes)))
            return frozenset((lane, fence, expires) for lane, fence, expires in connection.execute(query))

    def lanes_held(self, name: str, now: PosixSeconds) -> dict[Lane, Lease]:
        """The lanes of a launch, or of an account id, that a run may hold now. Raises NothingSelected for neither."""
        with self._transaction(writes=False) as connection:
            own = lanes_of(connection, name)
        if not own:
            raise NothingSelected(f"the ledger has no lease of a launch or an account id {name}")
        moment = self._backend.moment(now)
        return {lane: lease for lane, lease in own.items() if rules.is_live(lease, this_machine(), moment, is_alive)}

    def check_place(self) -> None:
        """Raise LedgerError if the ledger's path leads to another file than the open one, or to none."""
        self._backend.check_place()

    def control_state(self, launch: str) -> ControlState:
        """The command in force for a launch."""
        with self._transaction(writes=False) as connection:
            return control_state_of(connection, launch)

    def close(self) -> None:
        """Close all connections; SQLite then folds its write-ahead log into the file."""
        self._backend.engine.dispose()
        self._backend.closed()
