"""The list of one stream, page by page: where the followed campaigns stand in it, and which page to ask for next."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import count

from orchestrator.model import CallTarget, LiveState


@dataclass(slots=True)
class StreamPages:
    """Reads a stream round by round, in as few calls as are known to be possible. `target` says which stream.

    Lists are ordered by age: a campaign stays on its page until an older one is deleted, and then moves forward.
    """

    target: CallTarget
    _page_of: dict[str, int] = field(default_factory=dict)  # by campaign, in earlier rounds
    _doubted: set[str] = field(default_factory=set)  # not found in the last round
    # In this round:
    _wanted: set[str] = field(default_factory=set)
    _found: set[str] = field(default_factory=set)
    _asked: set[int] = field(default_factory=set)
    _last: int | None = None  # the list's last page
    _has_failed: bool = False

    def begin(self, wanted: Collection[str]) -> None:
        """A new round begins, which looks for these campaigns."""
        self._wanted, self._found, self._asked = set(wanted), set(), set()
        self._last, self._has_failed = None, False

    @property
    def missing(self) -> set[str]:
        """Campaigns that were looked for and not found so far."""
        return self._wanted - self._found

    def next_page(self) -> int | None:
        """The page to ask for next, from 1; None if the round is over."""
        missing = self.missing
        if not missing or self._has_failed:
            return None
        # 1. Where they were in the last round.
        if known := {self._page_of[one] for one in missing if one in self._page_of} - self._asked:
            return min(known)
        # 2. Anywhere.
        page = next(number for number in count(1) if number not in self._asked)
        return page if self._last is None or page <= self._last else None

    def took(self, page: int, listed: Mapping[str, LiveState], *, more: bool) -> None:
        """A page has come."""
        new = listed.keys() - self._found
        self._asked.add(page)
        self._found |= listed.keys()
        self._page_of |= dict.fromkeys(listed.keys() & self._wanted, page)
        # A list that says "more" forever, with nothing new on it, ends here.
        if not (more and new):
            self._last = page if self._last is None else min(page, self._last)

    def failed(self) -> None:
        """A page could not be read: the rest of this round is given up."""
        self._has_failed = True

    def end(self) -> set[str]:
        """The round is over. Returns the campaigns that are no longer listed."""
        is_whole = not self._has_failed and self._last is not None and self.next_page() is None
        missing = self.missing if is_whole else set[str]()
        # Not after one round: when an older campaign is deleted between two calls, a campaign moves to a page that was
        # read before, and would be called gone although it is there.
        gone = missing & self._doubted
        self._doubted = missing
        for one in missing:
            self._page_of.pop(one, None)
        return gone
