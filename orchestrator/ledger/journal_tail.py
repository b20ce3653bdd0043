"""What is new in a ledger's journal, of all launches at once."""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from orchestrator.ledger.schema import journal
from orchestrator.ledger.store import Store
from orchestrator.model import MonotonicSeconds, Record

_LOOKED_BACK: Final = 1000
"""Row numbers before the first look that a commit may still fill."""
_SECONDS: Final = 30.0
"""How long a number that was passed over is waited for: longer than a session lets a commit take."""


class JournalTail:
    """Hands each record out once, though of two commits the later may have the lower row numbers.

    A row number that is missing is looked for again, until no commit can bring it any more.
    """

    def __init__(self, store: Store, now: MonotonicSeconds) -> None:
        self._store = store
        last = sa.select(sa.func.max(journal.c.id)).scalar_subquery()
        numbers = [number for number, _ in store.numbered(journal.c.id > last - _LOOKED_BACK, is_checked=False)]
        self._after = numbers[-1] if numbers else 0
        self._missing: dict[int, float] = {}  # the row numbers, and until when they are waited for
        self._note(numbers[0] if numbers else 0, numbers, now)

    def new(self, now: MonotonicSeconds) -> list[tuple[int, Record]]:
        """The records that no earlier call has returned, in the order of their numbers. Raises LedgerError.

        Their data is not checked: `core.journal.record_shapes` does so for those of one launch.
        """
        self._missing = {number: until for number, until in self._missing.items() if until > now}
        which = sa.or_(journal.c.id > self._after, journal.c.id.in_(self._missing))
        found = list(self._store.numbered(which, is_checked=False))
        numbers = [number for number, _ in found]
        for number in numbers:
            self._missing.pop(number, None)
        newer = [number for number in numbers if number > self._after]
        self._note(self._after + 1, newer, now)
        self._after = max([self._after, *newer])
        return found

    def read(self, launch: str) -> Iterator[Record]:
        """A launch's journal, as far as it has been handed out. Raises LedgerError."""
        missing = self._missing.keys()
        rows = self._store.numbered(journal.c.launch == launch, journal.c.id <= self._after)
        return (record for number, record in rows if number not in missing)

    def _note(self, first: int, numbers: list[int], now: float) -> None:
        """Remember what is missing from `first` to the last of the numbers."""
        if numbers and numbers[-1] - first + 1 > len(numbers):
            passed = set(range(max(first, numbers[-1] - _LOOKED_BACK), numbers[-1])).difference(numbers)
            self._missing |= dict.fromkeys(passed, now + _SECONDS)
