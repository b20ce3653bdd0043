"""When a lane's starts pause because they get lost one after the other.

Every lost start leaves a campaign that a person must check, so a platform in trouble is not tested with starts. Only
after a read has worked may one start leave, alone, and only the answer to that start lets all others leave.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from orchestrator.core.attempt.verdict import VerdictKind
from orchestrator.core.manifest.models import BreakerRules
from orchestrator.core.text import duration
from orchestrator.model import PosixSeconds

LOST: Final = frozenset({VerdictKind.INDETERMINATE, VerdictKind.NOT_SENT})
"""Verdicts without an answer from the platform. Every other verdict proves that it answers."""

MOST_TRIPS: Final = 3
"""Openings in a row after which the lane stops: reads work, starts do not, and each trial costs a campaign."""


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
    opened_at: PosixSeconds = PosixSeconds(0.0)

    def admits(self, in_flight: int) -> bool:
        """Whether a start may leave while `in_flight` others are on their way."""
        return self.state is BreakerState.CLOSED or (self.state is BreakerState.TRIAL and in_flight == 0)

    def after_start(self, kind: VerdictKind, now: PosixSeconds) -> "Breaker":
        """The breaker after one start's verdict. An answer never closes it while it is open: only a read does."""
        # 1. Any answer, even a refusal, proves that the platform is there.
        if kind not in LOST:
            if self.state is BreakerState.CLOSED and not self.lost and not self.trips:
                return self  # nearly always
            if self.state is BreakerState.OPEN:
                return replace(self, lost=0)  # it left before the breaker opened
            return replace(self, state=BreakerState.CLOSED, lost=0, trips=0)
        # 2. Lost. It opens a closed breaker as the last of several, and a breaker on trial by itself.
        lost = self.lost + 1
        if self.state is BreakerState.OPEN or (self.state is BreakerState.CLOSED and lost < self.rules.opens_after):
            return replace(self, lost=lost)
        return replace(self, state=BreakerState.OPEN, lost=lost, trips=self.trips + 1, opened_at=now)

    def after_read(self, *, worked: bool) -> "Breaker":
        """The breaker after a read was tried."""
        return replace(self, state=BreakerState.TRIAL) if worked and self.state is BreakerState.OPEN else self

    def verdict(self, now: PosixSeconds) -> str | None:
        """Why the lane has to stop for good, in words; None if it has not."""
        if self.state is not BreakerState.OPEN:
            return None
        if self.trips >= MOST_TRIPS:
            return f"starts got lost {self.trips} times in a row, although reads work"
        if now - self.opened_at >= self.rules.gives_up_after:
            return f"starts got lost, and no read has worked for {duration(self.rules.gives_up_after)}"
        return None


def sentence(rules: BreakerRules) -> str:
    """What the rules mean, in words."""
    return (
        f"circuit breaker: after {rules.opens_after} lost starts in a row an account pauses, tries a read every "
        f"{duration(rules.looks_every)}, and gives up after {duration(rules.gives_up_after)}"
    )
