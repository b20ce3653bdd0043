"""How the results of several rehearsals of one manifest differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from orchestrator.core.result.types import Result
from orchestrator.model import Outcome


@dataclass(frozen=True, slots=True)
class Range:
    """The least, the median and the most of a figure over several rehearsals."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Range":
        """The range of at least one figure."""
        return cls(min(figures), median(figures), max(figures))


@dataclass(frozen=True, slots=True)
class RehearsalStatistics:
    """How several rehearsals differ."""

    runs: int
    seconds: Range
    outcomes: dict[Outcome, Range]
    exit_codes: dict[int, int]


def statistics(results: Sequence[Result], seconds: Sequence[float]) -> RehearsalStatistics:
    """The statistics of at least one rehearsal; `seconds` is how long each one took."""
    codes = Counter(result.exit_code for result in results)
    return RehearsalStatistics(
        len(results),
        Range.of(seconds),
        {outcome: Range.of([result.totals[outcome] for result in results]) for outcome in Outcome},
        dict(sorted(codes.items())),
    )
