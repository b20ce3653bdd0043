"""What a rehearsal has to say beside the report of its run."""

from typing import Any

from orchestrator.core.result.build import Result
from orchestrator.core.result.spread import Span, Spread
from orchestrator.core.text import duration


def text(spread: Spread, *, faults: str, seed: int) -> str:
    """For a person, below the summary of the first rehearsal."""
    takes = duration(spread.seconds.median)
    lines = ["", f"rehearsed with faults {faults}, seed {seed}: a real run would take {takes}"]
    if spread.runs > 1:
        lines = ["", f"{spread.runs} rehearsals with faults {faults}, seeds {seed} to {seed + spread.runs - 1}"]
        lines += [f"  {'':16}{'least':>14}{'median':>14}{'most':>14}"]
        lines += [_row("takes", spread.seconds, duration)]
        lines += [_row(str(o), span, lambda n: f"{n:g}") for o, span in spread.outcomes.items() if span.most]
        lines += [
            "  exit codes      " + ", ".join(f"{code} in {n} of {spread.runs}" for code, n in spread.exit_codes.items())
        ]
    return "\n".join([*lines, "nothing was sent to anybody"]) + "\n"


def _row(name: str, span: Span, show: Any) -> str:
    return f"  {name:16}{show(span.least):>14}{show(span.median):>14}{show(span.most):>14}"


def as_json(first: Result, spread: Spread, *, faults: str, seed: int) -> dict[str, Any]:
    """For a machine."""
    return {
        "schema_version": "1",
        "faults": faults,
        "seed": seed,
        "runs": spread.runs,
        "seconds": _span(spread.seconds),
        "outcomes": {str(outcome): _span(span) for outcome, span in spread.outcomes.items()},
        "exit_codes": {str(code): count for code, count in spread.exit_codes.items()},
        "first": first.as_json(),
    }


def _span(span: Span) -> dict[str, float]:
    return {"least": round(span.least, 3), "median": round(span.median, 3), "most": round(span.most, 3)}
