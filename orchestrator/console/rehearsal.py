"""What a rehearsal adds to the report of its run."""

from typing import Any

from orchestrator.core.plan.texting import Forecast
from orchestrator.core.result.statistics import Range, RehearsalStatistics
from orchestrator.core.result.types import Result
from orchestrator.core.text import duration


def text(statistics: RehearsalStatistics, texting: Forecast, *, faults: str, seed: int, assumed: str) -> str:
    """For a person, below the summary of the first rehearsal, whose texting is `texting`.

    `assumed`: what the forecast takes for granted.
    """
    takes = duration(statistics.seconds.median)
    lines = ["", f"rehearsed with faults {faults}, seed {seed}: a real run would take {takes}"]
    if statistics.runs > 1:
        lines = ["", f"{statistics.runs} rehearsals with faults {faults}, seeds {seed} to {seed + statistics.runs - 1}"]
        lines += [f"  {'':16}{'least':>14}{'median':>14}{'most':>14}"]
        lines += [_row("takes", statistics.seconds, duration)]
        lines += [_row(str(o), values, lambda n: f"{n:g}") for o, values in statistics.outcomes.items() if values.most]
        lines += [
            "  exit codes      "
            + ", ".join(f"{code} in {n} of {statistics.runs}" for code, n in statistics.exit_codes.items())
        ]
    return "\n".join([*lines, *texting.sentences(), f"assumed: {assumed}", "nothing was sent to anybody"]) + "\n"


def _row(name: str, values: Range, show: Any) -> str:
    return f"  {name:16}{show(values.least):>14}{show(values.median):>14}{show(values.most):>14}"


def as_json(
    first: Result, statistics: RehearsalStatistics, texting: Forecast, *, faults: str, seed: int, assumed: str
) -> dict[str, Any]:
    """For a machine."""
    return {
        "faults": faults,
        "seed": seed,
        "assumed": assumed,
        "runs": statistics.runs,
        "seconds": _range(statistics.seconds),
        "outcomes": {str(outcome): _range(values) for outcome, values in statistics.outcomes.items()},
        "exit_codes": {str(code): count for code, count in statistics.exit_codes.items()},
        **({"texting": texting.as_json()} if texting.end is not None else {}),
        "first": first.as_json(),
    }


def _range(values: Range) -> dict[str, float]:
    return {"least": round(values.least, 3), "median": round(values.median, 3), "most": round(values.most, 3)}
