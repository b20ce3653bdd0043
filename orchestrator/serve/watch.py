"""The ledger as it is watched for all viewers: one look at a time, by one thread, and never more than what is new."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from orchestrator.core.journal.damage import RecordDamaged
from orchestrator.core.journal.record_shapes import check_records
from orchestrator.core.journal.states import IllegalMove
from orchestrator.core.journal.waits import current
from orchestrator.core.result.narrative import LaunchLine
from orchestrator.errors import LedgerError
from orchestrator.ledger.journal_tail import JournalTail
from orchestrator.ledger.store import Store
from orchestrator.model import MonotonicSeconds, Record
from orchestrator.report.prometheus import Families, families_of
from orchestrator.serve.launch import WatchedLaunch

_LIVE_SECONDS: Final = 2.0
"""How often leases are looked at: a run that died is noticed once its lease has ended."""
_MEASURED_SECONDS: Final = 10.0
"""How old the metrics of a run that is going on may be: to make them takes a look at all its campaigns."""
_KEPT_SECONDS: Final = 60.0
"""How long a launch that nobody looks at stays in memory, unless its run is going on."""


_UNREADABLE: Final = (IllegalMove, RecordDamaged, ValueError, KeyError, TypeError)
"""What reading a journal may raise that contradicts itself, or that a later version of this program wrote."""


@dataclass(slots=True)
class _Known:
    """A launch of the ledger. `launch` is None while its journal is not in memory."""

    line: LaunchLine | None = None  # None: not read yet
    launch: WatchedLaunch | None = None
    families: Families | None = None  # as of the version
    measured: tuple[int, float] = (-1, 0.0)  # that version, and when
    used: float = 0.0
    trouble: str = ""


@dataclass(slots=True)
class LedgerWatch:
    """What is known of the ledger at `url`. Opens it again whenever it went away, or another one took its place.

    `trouble` says in words why the ledger cannot be read now; empty if it can.
    """

    url: str
    now: Callable[[], float] = time.monotonic
    trouble: str = "the ledger has not been read yet"
    advice: str = ""
    _open: tuple[Store, JournalTail] | None = None
    _known: dict[str, _Known] = field(default_factory=dict)
    _live_at: float = 0.0

    def look(self) -> set[str]:
        """Read what is new. Returns the launches that changed; with "" where the list of launches changed."""
        try:
            changed = self._look()
        except LedgerError as error:
            changed = set() if self.trouble == str(error) else {"", *self._known}
            self.trouble, self.advice = str(error), error.next_step or ""
            self.close()
        else:
            changed |= {"", *self._known} if self.trouble else set()
            self.trouble = self.advice = ""
        return changed

    def close(self) -> None:
        """Close the ledger. What was known of it is kept until it can be read again."""
        opened, self._open = self._open, None
        if opened is not None:
            opened[0].close()

    def lines(self) -> list[LaunchLine]:
        """The launches, newest first, as far as they have been read."""
        return [
            known.line or LaunchLine(name, unread=known.trouble or "It is being read.")
            for name, known in self._known.items()
        ]

    def has(self, name: str) -> bool:
        """Whether the ledger has a launch of that name, as far as is known."""
        return name in self._known

    def launch(self, name: str) -> WatchedLaunch | None:
        """A launch with its journal in memory; None if it cannot be read now."""
        known = self._known[name]
        known.used = self.now()
        if known.launch is None and self._open is not None:
            try:
                self._read(self._open, name, known)
            except LedgerError as error:
                known.trouble = str(error)
        return known.launch

    def trouble_of(self, name: str) -> str:
        """Why a launch's journal cannot be shown, in words; empty if it can."""
        return self._known[name].trouble if name in self._known else ""

    def families(self) -> list[Families]:
        """The metrics of each launch that has a run; those of a run that is going on are a few seconds old."""
        for known in self._known.values():
            if known.launch is not None and self.now() - known.measured[1] >= _MEASURED_SECONDS:
                self._measure(known, known.launch)
        return [known.families for known in self._known.values() if known.families is not None]

    def _measure(self, known: _Known, launch: WatchedLaunch) -> None:
        if known.measured[0] != launch.version and (result := launch.result()) is not None:
            known.families, known.measured = families_of(result), (launch.version, self.now())

    def _look(self) -> set[str]:
        now = MonotonicSeconds(self.now())
        if self._open is None:
            self._open = _opened(self.url, now)
            self._known = {name: _Known(used=known.used) for name, known in self._known.items()}
        store, tail = self._open
        changed = self._name(store.launches())
        changed |= self._follow(tail.new(now))
        changed |= self._read_one(self._open)
        if now - self._live_at >= _LIVE_SECONDS:
            self._live_at = now
            changed |= self._look_who_lives(store)
            changed |= self._look_who_waits(store)
        # Last: what was read counts only if it was one state of one ledger.
        store.check_place()
        for name in changed & self._known.keys():
            try:
                self._conclude(self._known[name])
            except _UNREADABLE as error:
                self._known[name].launch, self._known[name].trouble = None, _trouble(name, error)
        self._forget(now)
        return changed

    def _name(self, names: list[str]) -> set[str]:
        if names == list(self._known):
            return set()
        self._known = {name: self._known.get(name) or _Known() for name in names}
        return {""}

    def _follow(self, found: Iterable[tuple[int, Record]]) -> set[str]:
        new: dict[str, list[Record]] = {}
        for _, record in found:
            # A launch's row comes with the next look at the launches, and its journal is read as a whole.
            if record.launch in self._known:
                new.setdefault(record.launch, []).append(record)
        for name, records in new.items():
            known = self._known[name]
            if known.launch is None:
                known.line, known.trouble = None, ""
                continue
            try:
                check_records(records)
                for record in records:
                    known.launch.read(record)
            except _UNREADABLE:
                known.launch, known.line = None, None  # of two commits, the later came first: it is read anew
        return set(new)

    def _read_one(self, opened: tuple[Store, JournalTail]) -> set[str]:
        """Read one launch that has not been read, the newest first: each look stays short, also of many launches."""
        for name, known in self._known.items():
            if known.line is None and not known.trouble:
                self._read(opened, name, known)
                return {name, ""}
        return set()

    def _read(self, opened: tuple[Store, JournalTail], name: str, known: _Known) -> None:
        store, tail = opened
        try:
            waits = known.line.waits if known.line is not None else ()
            known.launch, known.trouble = WatchedLaunch.of(name, tail.read(name)), ""
            known.launch.waits = waits
            known.launch.is_live = _is_live(store, known.launch)
            self._conclude(known)
        except _UNREADABLE as error:
            known.launch, known.trouble = None, _trouble(name, error)

    def _look_who_lives(self, store: Store) -> set[str]:
        changed = set()
        for name, known in self._known.items():
            if known.launch is not None and not (known.launch.followed.has_ended and not known.launch.is_live):
                is_live = _is_live(store, known.launch)
                if is_live != known.launch.is_live:
                    known.launch.is_live = is_live
                    known.launch.version += 1
                    changed.add(name)
        return changed

    def _look_who_waits(self, store: Store) -> set[str]:
        changed, marks = set(), store.waits()
        for name, known in self._known.items():
            if known.line is None:
                continue
            result = known.line.result
            waits = current(marks, name, result.run["started_at"] if result is not None else None)
            if [one.sentence for one in waits] != [one.sentence for one in known.line.waits]:
                known.line = replace(known.line, waits=waits)
                if known.launch is not None:
                    known.launch.waits = waits
                    known.launch.version += 1
                changed.add(name)
        return changed

    def _conclude(self, known: _Known) -> None:
        if known.launch is None:
            return
        if known.launch.followed.has_ended:
            known.launch.is_live = False
        known.line = known.launch.line()
        if not known.launch.is_live:
            self._measure(known, known.launch)

    def _forget(self, now: float) -> None:
        for known in self._known.values():
            if known.launch is not None and not known.launch.is_live and now - known.used > _KEPT_SECONDS:
                known.launch = None


def _trouble(name: str, error: Exception) -> str:
    if isinstance(error, IllegalMove):
        return f"the journal of launch {name} contradicts itself: {error}"
    what = error.fault if isinstance(error, RecordDamaged) else f"{type(error).__name__}: {error}"
    return f"the journal of launch {name} holds a record that this version cannot read ({what})"


def _opened(url: str, now: MonotonicSeconds) -> tuple[Store, JournalTail]:
    store = Store.watch(url)
    try:
        return store, JournalTail(store, now)
    except LedgerError:
        store.close()
        raise


def _is_live(store: Store, launch: WatchedLaunch) -> bool:
    """Whether the newest run is going on. A fleet's run holds no lease of its own: it is open until its end."""
    run = launch.run_id
    if run is None or launch.followed.has_ended:
        return False
    return launch.followed.is_open or store.is_live(run, store.time())
