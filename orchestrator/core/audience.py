"""How many people would be texted, or are: counted, and in words. A number that is unknown is never 0."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.core.text import plural

_MOST_ACCOUNTS: Final = 5


@dataclass(frozen=True, slots=True)
class Audience:
    """The people of some campaigns: how many are `known`, and how many campaigns have an `unknown` number of people.

    Somebody who is on the lists of two campaigns counts twice, as they get two messages.
    """

    known: int = 0
    unknown: int = 0

    def __add__(self, other: "Audience") -> "Audience":
        return Audience(self.known + other.known, self.unknown + other.unknown)

    def __bool__(self) -> bool:
        return bool(self.known or self.unknown)

    @classmethod
    def of(cls, recipients: Iterable[int | None]) -> "Audience":
        """The people of campaigns, given how many each has; None: unknown."""
        known = unknown = 0
        for count in recipients:
            if count is None:
                unknown += 1
            else:
                known += count
        return cls(known, unknown)

    def __str__(self) -> str:
        """`12,400`, `12,400, 2 campaigns unknown` or `unknown (2 campaigns)`."""
        if not self.unknown:
            return f"{self.known:,}"
        campaigns = plural(self.unknown, "campaign")
        return f"{self.known:,}, {campaigns} unknown" if self.known else f"unknown ({campaigns})"


def total(accounts: Mapping[str, Audience]) -> Audience:
    """The people of all accounts."""
    return sum(accounts.values(), Audience())


def sentence(accounts: Mapping[str, Audience]) -> str:
    """In all, and by account where there are several: `12,400 (acme 8,000; beta 4,400)`; empty if there are none."""
    if not accounts:
        return ""
    if len(accounts) == 1:
        return str(total(accounts))
    parts = [f"{account} {audience}" for account, audience in list(accounts.items())[:_MOST_ACCOUNTS]]
    more = len(accounts) - _MOST_ACCOUNTS
    return f"{total(accounts)} ({'; '.join([*parts, *([plural(more, 'more account')] if more > 0 else [])])})"
