"""Links records to their hash chains as they are appended, in the transaction that appends them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple, Protocol

import sqlalchemy as sa

from orchestrator.core.journal.chain import PEOPLE, Head, Seen, Stored, begins_part, chain_of, chained, unsealed
from orchestrator.core.journal.records import END, RUN
from orchestrator.core.notice import NOTICE
from orchestrator.ledger.row_mapping import append, whole_launch
from orchestrator.ledger.schema import journal
from orchestrator.model import Record

_Key = tuple[str, str]
"""A launch, and the name of a chain in it."""


_IS_NOTICE: Final = journal.c.kind == sa.literal_column(f"'{NOTICE}'")


class _Last(NamedTuple):
    """The last hash of a chain; `is_part`: of a subrun, whose end leaves it to its fleet's run to look at all."""

    hash: str
    is_part: bool = False


def _key(record: Record) -> _Key:
    return record.launch, chain_of(record)


class Chains:
    """The chains that this process writes alone: those of the runs whose leases it holds. Threads may share it."""

    def __init__(self) -> None:
        self._own: dict[str, Mapping[_Key, _Last]] = {}  # by run

    def linking(self, records: Sequence[Record], sole: str = "") -> "Linking":
        """Begin to link records that one transaction appends. `sole`: the run that nobody else writes for."""
        known = dict(self._own.get(sole, {}))
        # One of each kind: there are as many as 512 records, and few kinds.
        kinds = {(record.launch, record.run_id, record.kind): record for record in records}.values()
        lasts = ((one, known.get(_key(one))) for one in kinds)
        looks = {one.launch for one, last in lasts if last is None or (one.kind == END and not last.is_part)}
        return Linking(known, looks)

    def keep(self, linking: "Linking", sole: str) -> None:
        """The transaction was committed: the run `sole` goes on from there. Of one that failed nothing is kept."""
        if sole:
            self._own[sole] = {key: last for key, last in linking.heads.items() if key[1] == sole}

    def forget(self, run_id: str) -> None:
        """The run is over, or another transaction than the last one was committed: look its chain up the next time."""
        self._own.pop(run_id, None)


class Links(Protocol):
    """A journal's links, as far as they are written."""

    def last_hash(self, launch: str, chain: str) -> str:
        """The last hash of a chain; empty for one that begins."""
        ...

    def heads(self, launch: str, *, without: str) -> Seen:
        """The heads of a launch's chains, without that of a run."""
        ...


@dataclass(frozen=True, slots=True)
class Linking:
    """The chains within one transaction. `launches`: those that it looks at, in which no chain may begin meanwhile."""

    heads: dict[_Key, _Last]
    launches: Collection[str]

    def rows(self, journal: Links, records: Sequence[Record]) -> Iterator[list[Stored]]:
        """The records as rows, chain by chain; each part is to be appended before the next is asked for."""
        if len({(record.launch, record.run_id, record.kind == NOTICE) for record in records}) == 1:
            yield self._linked(journal, _key(records[0]), records)
            return
        for key, group in groupby(records, _key):
            yield self._linked(journal, key, list(group))

    def _linked(self, journal: Links, key: _Key, records: Sequence[Record]) -> list[Stored]:
        last = self.heads.get(key)
        # 1. Where the chain goes on.
        is_start = last is None and begins_part(records[0])
        if is_start:
            last = _Last("", is_part=True)
        elif last is None:
            # A run's header is its first record: the journal takes one of each.
            last = _Last("" if records[0].kind == RUN else journal.last_hash(*key))
            is_start = not last.hash
        # 2. What its records saw, where one of them is to tell.
        looks = not last.is_part and (is_start or any(record.kind == END for record in records))
        seen = journal.heads(key[0], without=key[1] if last.hash else "") if looks else None
        # 3. The links.
        rows = chained(records, last.hash, seen, is_start=is_start)
        self.heads[key] = _Last(unsealed(rows[-1][-1])[1], last.is_part)
        return rows


@dataclass(frozen=True, slots=True)
class JournalLinks:
    """The links in the ledger's journal, as an open transaction sees them."""

    connection: sa.Connection

    def append(self, linking: Linking, records: Sequence[Record]) -> None:
        """Link the records and append them. Raises IntegrityError, and appends none, where one is there already."""
        for rows in linking.rows(self, records):
            append(self.connection, rows)

    def last_hash(self, launch: str, chain: str) -> str:
        """The last hash of a chain; empty for one that begins."""
        same = sa.or_(journal.c.run_id.like("person:%"), _IS_NOTICE) if chain == PEOPLE else journal.c.run_id == chain
        # From the newest on: what people record one after the other is found at once.
        query = sa.select(journal.c.data).where(*whole_launch(launch), same).order_by(journal.c.id.desc()).limit(1)
        found = self.connection.execute(query).scalar()
        return unsealed(found)[1] if found is not None else ""

    def heads(self, launch: str, *, without: str) -> dict[str, Head]:
        """The heads of a launch's chains, in the order of their last records, without that of a run."""
        # Without the run that ends: to group its own records, nearly all there are, would take most of the time.
        ids, others = journal.c.id, sa.or_(journal.c.run_id != without, _IS_NOTICE)
        parts = (
            sa.select(sa.func.count().label("records"), sa.func.max(ids).label("last"))
            .where(others, *whole_launch(launch))  # in this order: hardly a row gets as far as the second
            .group_by(journal.c.run_id, _IS_NOTICE)
            .subquery()
        )
        query = sa.select(parts.c.records, journal.c.run_id, journal.c.kind, journal.c.data).join(
            parts, ids == parts.c.last
        )
        found: dict[str, Head] = {}
        # A chain may be of several parts: the last one has its end.
        for part in self.connection.execute(query.order_by(ids)):
            name = chain_of(part)
            before = found[name].records if name in found else 0
            found[name] = Head(before + part.records, unsealed(part.data)[1])
        return found
