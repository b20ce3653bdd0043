"""A ledger in memory, for rehearsals, with the same rules as the one on disk."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from orchestrator.core.journal import control
from orchestrator.core.journal import lease as rules
from orchestrator.core.journal.control import CONTROL, OPEN, Committed, ControlCommand, ControlState
from orchestrator.core.journal.decisions import check_resolution
from orchestrator.core.journal.lease import LEASE_SECONDS, AcquiredLease, Fences, Holder, Lease, Moment
from orchestrator.model import Lane, MonotonicSeconds, PosixSeconds, Record


class MemoryStore:
    """Leases and the journal. `is_alive` looks up a pid of this machine; `steady` is a monotonic clock in seconds."""

    def __init__(
        self, is_alive: Callable[[int], bool] = lambda _: True, steady: Callable[[], MonotonicSeconds] | None = None
    ) -> None:
        self._is_alive = is_alive
        self._steady = steady
        self._leases: dict[Lane, Lease] = {}
        self._journal: dict[str, list[Record]] = defaultdict(list)
        self._keys: set[tuple[str, str, int, str]] = set()
        self._control_states: dict[str, ControlState] = {}

    def read(self, launch: str) -> list[Record]:
        """The journal of a launch, in its order."""
        return list(self._journal[launch])

    def acquire(self, lanes: Iterable[Lane], holder: Holder, now: PosixSeconds) -> list[AcquiredLease]:
        """Take all lanes or none. Raises LaneLeased, which names the run that holds one."""
        moment = self._moment(now)
        last = {lane: self._leases.get(lane) for lane in sorted(lanes)}
        new = {lane: rules.take(lane, lease, holder, moment, self._is_alive) for lane, lease in last.items()}
        self._leases |= new
        return [rules.acquired(lane, last[lane], lease, moment) for lane, lease in new.items()]

    def release(self, run_id: str, recent_calls: Mapping[Lane, Sequence[PosixSeconds]], now: PosixSeconds) -> None:
        """Give lanes back. `recent_calls`: when each lane's last calls ended, so that the next holder counts them."""
        for lane, ended in recent_calls.items():
            lease = self._leases.get(lane)
            if lease is not None and lease.holder.run_id == run_id:
                self._leases[lane] = replace(
                    lease,
                    holder=replace(lease.holder, run_id=""),
                    recent_calls=tuple(ended),
                    moment=self._moment(now),
                )

    def commit(self, records: Sequence[Record], run_id: str, fences: Fences, now: PosixSeconds) -> Committed:
        """Append records, renewing this run's leases. Returns the lost lanes and the commands in force.

        Raises IntegrityError, and stores nothing, if a record is there already.
        """
        own = {lane: lease for lane in fences if (lease := self._leases.get(lane)) and lease.holder.run_id == run_id}
        held = [(lane, lease.fence, lease.expires) for lane, lease in own.items()]
        lost = rules.lost(fences, held, now)
        found = Committed(frozenset(lost), self._control_states)
        self._append(found.kept(records))
        for lane, lease in own.items():
            if rules.is_due(lease.expires, now):
                # Not `replace`, which takes half of a rehearsal's time here.
                self._leases[lane] = Lease(
                    lease.holder, lease.fence, lease.acquired, PosixSeconds(now + LEASE_SECONDS), moment=lease.moment
                )
        return found

    def check_place(self) -> None:
        """Nothing: memory cannot be moved away."""

    def control_state(self, launch: str) -> ControlState:
        """The command in force for a launch."""
        return self._control_states.get(launch, OPEN)

    def record_command(
        self, launch: str, command: ControlCommand, by: str, reason: str, now: PosixSeconds
    ) -> ControlState:
        """Record a person's command to a launch, and return the new state. Raises Refused, and records nothing."""
        own, moment = [x for x in self._leases.values() if x.holder.launch == launch], self._moment(now)
        is_running = any(
            rules.is_live(lease, lease.holder.machine, moment, self._is_alive)
            for lease in own
            if not rules.is_follower(lease.holder.run_id)
        )
        before = self.control_state(launch)
        self._append([control.command_record(before, launch, command, by, reason, now=now, is_running=is_running)])
        return self.control_state(launch)

    def append(self, record: Record, now: PosixSeconds) -> None:
        """Append what a person resolved to the journal.

        Raises LaneLeased while a run holds the campaign's lane, Refused if the campaign has moved on meanwhile.
        """
        lane = Lane(record.lane)
        lease = self._leases.get(lane)
        is_starter = lease is not None and not rules.is_follower(lease.holder.run_id)
        if lease is not None and is_starter and rules.is_live(lease, "", self._moment(now), self._is_alive):
            raise rules.refusal(lane, lease, self._moment(now))
        check_resolution((one for one in self._journal[record.launch] if one.campaign == record.campaign), record)
        self._append([record])

    def _moment(self, now: PosixSeconds) -> Moment:
        return Moment(now) if self._steady is None else Moment(now, "memory", self._steady())

    def _append(self, records: Sequence[Record]) -> None:
        keys = [(r.launch, r.campaign, r.attempt, r.kind) for r in records]
        if len(set(keys)) < len(keys) or not self._keys.isdisjoint(keys):
            raise IntegrityError("INSERT", None, sqlite3.IntegrityError("a record is there already"))
        self._keys.update(keys)
        for record in records:
            self._journal[record.launch].append(record)
            if record.campaign == CONTROL:
                self._control_states = {
                    **self._control_states,
                    record.launch: control.apply(self.control_state(record.launch), record),
                }
