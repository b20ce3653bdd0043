"""When a lane's starts are held because they get lost one after the other.

Every start that gets lost leaves a campaign that a person must look at, so a platform in trouble is not tried with
starts: only a read that works lets the next start go, one alone, and only that start's answer lets all go.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from orchestrator.core.attempt.verdict import VerdictKind
from orchestrator.core.manifest.models import BreakerRules

LOST: Final = frozenset({VerdictKind.INDETERMINATE, VerdictKind.NOT_SENT})
"""What tells nothing of the platform but that it cannot be relied upon. Every other verdict is an answer of it."""

MOST_TRIPS: Final = 3
"""Openings without an answered start in between: reads work and starts do not, and each trial costs a campaign."""


class BreakerState(StrEnum):
    """Whether starts may leave."""

    CLOSED = "closed"  # all may
    OPEN = "open"  # none may; reads are made
    TRIAL = "trial"  # a read worked: one may, alone


@dataclass(frozen=True, slots=True)
class Breaker:
    """One lane's breaker. Times are POSIX seconds, given by the caller."""

    rules: BreakerRules
    state: BreakerState = BreakerState.CLOSED
    lost: int = 0  # starts in a row
    trips: int = 0  # openings in a row
    opened_at: float = 0.0

    def admits(self, out: int) -> bool:
        """Whether a start may leave while `out` others are on their way."""
        return self.state is BreakerState.CLOSED or (self.state is BreakerState.TRIAL and out == 0)

    def after_start(self, kind: VerdictKind, now: float) -> "Breaker":
        """The breaker after one start's verdict. An answer never closes it while it is open: only a read does."""
        if kind not in LOST:
            if self.state is BreakerState.CLOSED and not self.lost and not self.trips:
                return self  # nearly every start's case
            if self.state is BreakerState.OPEN:
                return replace(self, lost=0)  # it left before the breaker opened
            return replace(self, state=BreakerState.CLOSED, lost=0, trips=0)
        lost = self.lost + 1
        if self.state is BreakerState.OPEN or (self.state is BreakerState.CLOSED and lost < self.rules.opens_after):
            return replace(self, lost=lost)
        return replace(self, state=BreakerState.OPEN, lost=lost, trips=self.trips + 1, opened_at=now)

    def after_read(self, *, worked: bool) -> "Breaker":
        """The breaker after a look at the platform."""
        return replace(self, state=BreakerState.TRIAL) if worked and self.state is BreakerState.OPEN else self

    def verdict(self, now: float) -> str | None:
        """Why the lane has to stop for good, in words; None while there is hope, or no need of it."""
        if self.state is not BreakerState.OPEN:
            return None
        if self.trips >= MOST_TRIPS:
            return f"starts got lost {self.trips} times in a row, although reads work"
        if now - self.opened_at >= self.rules.gives_up_after:
            return f"starts got lost, and no read has worked for {self.rules.gives_up_after:g} s"
        return None


def sentence(rules: BreakerRules) -> str:
    """What the rules mean, in words."""
    return (
        f"an account's starts are held after {rules.opens_after} in a row that got lost or could not be sent, until a "
        f"read works (looks every {rules.looks_every:g} s, stops the account after {rules.gives_up_after:g} s)"
    )
