"""What GitHub Actions reads: outputs of the step and annotations, one for each reason."""

from collections.abc import Iterator
from typing import Final

from orchestrator.core.result.conclude import UNASKED
from orchestrator.core.result.types import Result
from orchestrator.core.text import one_line, plural
from orchestrator.errors import OrchestratorError
from orchestrator.model import Outcome
from orchestrator.report.wording import by_reason, outcome_word

_LEVELS: Final = {
    Outcome.UNKNOWN: "error",
    Outcome.FAILED: "error",
    Outcome.HELD: "warning",
    Outcome.SKIPPED: "warning",
}
_NAMED: Final = 5


def outputs(result: Result) -> dict[str, str]:
    """The step's outputs, which GitLab gets as variables."""
    return {
        "outcome": outcome_word(result.exit_code),
        "started": str(result.totals[Outcome.STARTED]),
        "failed": str(result.totals[Outcome.FAILED]),
        "unknown": str(result.totals[Outcome.UNKNOWN]),
        "plan_hash": result.run["plan_sha256"],
        **({"environment": result.environment} if result.environment else {}),
        **({result.nature.lower(): "true"} if result.nature else {}),
        **{f"rehearsal_{name}": str(value) for name, value in (result.run.get("rehearsal") or {}).items()},
    }


def refusal_outputs(error: OrchestratorError) -> dict[str, str]:
    """The outputs of a run that ended without a result. Where nothing was sent, nothing was started or failed.

    What is not known is empty, and not left out: an earlier run of the same step may have written it.
    """
    outcome = outcome_word(error.exit_code)
    # Zeros only where they are certain: a pipeline would take "not known" for "none".
    is_unsent = outcome in {"refused", "interrupted"}
    counts = dict.fromkeys(("started", "failed", "unknown"), "0" if is_unsent else "")
    return {"outcome": outcome, **counts, "plan_hash": ""}


def annotations(result: Result) -> Iterator[str]:
    """One workflow command for each reason that needs attention, the gravest first."""
    for outcome, level in _LEVELS.items():
        for reason, group in by_reason(result.campaigns, outcome).items():
            if reason in UNASKED:
                continue
            names = ", ".join(c.key for c in group[:_NAMED])
            more = f" and {len(group) - _NAMED} more" if len(group) > _NAMED else ""
            steps = (group[0].next or "").replace("\n", "\nnext: ")
            hint = f"\nnext: {steps}" if steps else ""
            title = f"{result.nature}: ".removeprefix(": ") + f"{plural(len(group), 'campaign')} {outcome} ({reason})"
            yield _command(level, title, f"{names}{more}: {group[0].message}{hint}")


def refusal(error: OrchestratorError) -> str:
    """The workflow command for a run that ended without a result."""
    hint = f"\nnext: {error.next_step}" if error.next_step else ""
    return _command("error", f"exit code {error.exit_code}", f"{error.message}{hint}")


def _command(level: str, title: str, message: str) -> str:
    # A line end or a colon of a campaign's name would otherwise begin a command of its own.
    escaped_title = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={escaped_title}::{_escaped(message)}"


def _escaped(text: str) -> str:
    lines = "\n".join(map(one_line, text.split("\n")))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
