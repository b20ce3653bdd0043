"""What a rehearsal has to say beside the report of its run."""

from typing import Any

from orchestrator.core.result.build import Result
from orchestrator.core.result.statistics import RehearsalStatistics, Span
from orchestrator.core.text import duration


def text(statistics: RehearsalStatistics, *, faults: str, seed: int) -> str:
    """For a person, below the summary of the first rehearsal."""
    takes = duration(statistics.seconds.median)
    lines = ["", f"rehearsed with faults {faults}, seed {seed}: a real run would take {takes}"]
    if statistics.runs > 1:
        lines = ["", f"{statistics.runs} rehearsals with faults {faults}, seeds {seed} to {seed + statistics.runs - 1}"]
        lines += [f"  {'':16}{'least':>14}{'median':>14}{'most':>14}"]
        lines += [_row("takes", statistics.seconds, duration)]
        lines += [_row(str(o), span, lambda n: f"{n:g}") for o, span in statistics.outcomes.items() if span.most]
        lines += [
            "  exit codes      "
            + ", ".join(f"{code} in {n} of {statistics.runs}" for code, n in statistics.exit_codes.items())
        ]
    return "\n".join([*lines, "nothing was sent to anybody"]) + "\n"


def _row(name: str, span: Span, show: Any) -> str:
    return f"  {name:16}{show(span.least):>14}{show(span.median):>14}{show(span.most):>14}"


def as_json(first: Result, statistics: RehearsalStatistics, *, faults: str, seed: int) -> dict[str, Any]:
    """For a machine."""
    return {
        "schema_version": "1",
        "faults": faults,
        "seed": seed,
        "runs": statistics.runs,
        "seconds": _span(statistics.seconds),
        "outcomes": {str(outcome): _span(span) for outcome, span in statistics.outcomes.items()},
        "exit_codes": {str(code): count for code, count in statistics.exit_codes.items()},
        "first": first.as_json(),
    }


def _span(span: Span) -> dict[str, float]:
    return {"least": round(span.least, 3), "median": round(span.median, 3), "most": round(span.most, 3)}
