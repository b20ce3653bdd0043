"""A ledger that ends with its process: the same rules as the one on disk, for rehearsals."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from orchestrator.core.journal import control
from orchestrator.core.journal import lease as rules
from orchestrator.core.journal.control import CONTROL, OPEN, Committed, ControlCommand, ControlState
from orchestrator.core.journal.lease import LEASE_SECONDS, AcquiredLease, Holder, Lease, Moment
from orchestrator.model import Lane, Record


class MemoryStore:
    """Leases and the journal. `is_alive` says whether a pid of this machine still runs; `steady` never jumps."""

    def __init__(
        self, is_alive: Callable[[int], bool] = lambda _: True, steady: Callable[[], float] | None = None
    ) -> None:
        self._is_alive = is_alive
        self._steady = steady
        self._leases: dict[Lane, Lease] = {}
        self._journal: dict[str, list[Record]] = defaultdict(list)
        self._lines: set[tuple[str, str, int, str]] = set()
        self._standings: dict[str, ControlState] = {}

    def read(self, launch: str) -> list[Record]:
        """The journal of a launch, in its order."""
        return list(self._journal[launch])

    def acquire(self, lanes: Iterable[Lane], holder: Holder, now: float) -> list[AcquiredLease]:
        """Take all lanes or none. Raises LaneLeased with who holds one."""
        moment = self._moment(now)
        last = {lane: self._leases.get(lane) for lane in sorted(lanes)}
        new = {lane: rules.take(lane, lease, holder, moment, self._is_alive) for lane, lease in last.items()}
        self._leases |= new
        return [rules.taken(lane, last[lane], lease, moment) for lane, lease in new.items()]

    def release(self, run_id: str, recent: Mapping[Lane, Sequence[float]], now: float) -> None:
        """Give lanes back; `recent` tells the next holder which slots are still taken."""
        for lane, ended in recent.items():
            lease = self._leases.get(lane)
            if lease is not None and lease.holder.run_id == run_id:
                nobody = replace(lease.holder, run_id="")
                self._leases[lane] = replace(lease, holder=nobody, recent=tuple(ended), moment=self._moment(now))

    def commit(self, records: Sequence[Record], run_id: str, fences: Mapping[Lane, int], now: float) -> Committed:
        """Append records, renewing this run's leases. Returns what it found: lost lanes, and where launches stand.

        Raises IntegrityError, and keeps nothing, where a record is there already.
        """
        own = {lane: lease for lane in fences if (lease := self._leases.get(lane)) and lease.holder.run_id == run_id}
        lost = rules.lost(fences, own, run_id, now)
        found = Committed(frozenset(lost), self._standings)
        self._append(found.kept(records))
        for lane, lease in own.items():
            if rules.is_due(lease, now):
                # Not `replace`, which would be half of a rehearsal's time.
                self._leases[lane] = Lease(
                    lease.holder, lease.fence, lease.acquired, now + LEASE_SECONDS, moment=lease.moment
                )
        return found

    def control_state(self, launch: str) -> ControlState:
        """Where a launch stands by people's word."""
        return self._standings.get(launch, OPEN)

    def say(self, launch: str, word: ControlCommand, by: str, reason: str, now: float) -> ControlState:
        """Record a person's word about a launch; where it stands then. Raises Refused, and records nothing."""
        own, here = [x for x in self._leases.values() if x.holder.launch == launch], self._moment(now)
        is_running = any(rules.is_live(lease, lease.holder.machine, here, self._is_alive) for lease in own)
        self._append(
            [control.say(self.control_state(launch), launch, word, by, reason, now=now, is_running=is_running)]
        )
        return self.control_state(launch)

    def append(self, record: Record, now: float) -> None:
        """Append a person's word to the journal. Raises LaneLeased while a run holds the campaign's lane."""
        lane = Lane(record.lane)
        lease = self._leases.get(lane)
        if lease is not None and rules.is_live(lease, "", self._moment(now), self._is_alive):
            raise rules.refusal(lane, lease, now)
        self._append([record])

    def _moment(self, now: float) -> Moment:
        return Moment(now) if self._steady is None else Moment(now, "memory", self._steady())

    def _append(self, records: Sequence[Record]) -> None:
        lines = [(r.launch, r.campaign, r.attempt, r.kind) for r in records]
        if len(set(lines)) < len(lines) or not self._lines.isdisjoint(lines):
            raise IntegrityError("INSERT", None, sqlite3.IntegrityError("a record is there already"))
        self._lines.update(lines)
        for record in records:
            self._journal[record.launch].append(record)
            if record.campaign == CONTROL:
                self._standings = {
                    **self._standings,
                    record.launch: control.hear(self.control_state(record.launch), record),
                }
