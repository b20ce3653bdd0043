"""How the results of several rehearsals of one manifest differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from orchestrator.core.result.types import Result
from orchestrator.model import Outcome


@dataclass(frozen=True, slots=True)
class Span:
    """The least, the median and the most of a figure over several rehearsals."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Span":
        """The span of at least one figure."""
        return cls(min(figures), median(figures), max(figures))


@dataclass(frozen=True, slots=True)
class RehearsalStatistics:
    """How several rehearsals differ."""

    runs: int
    seconds: Span
    outcomes: dict[Outcome, Span]
    exit_codes: dict[int, int]


def statistics(results: Sequence[Result], seconds: Sequence[float]) -> RehearsalStatistics:
    """The spread over at least one rehearsal."""
    codes = Counter(result.exit_code for result in results)
    return RehearsalStatistics(
        len(results),
        Span.of(seconds),
        {outcome: Span.of([result.totals[outcome] for result in results]) for outcome in Outcome},
        dict(sorted(codes.items())),
    )
