"""What GitHub Actions reads: outputs of the step and annotations, one for each reason."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from orchestrator.core.audience import total
from orchestrator.core.result.conclude import UNASKED
from orchestrator.core.result.types import Result
from orchestrator.core.text import one_line, plural
from orchestrator.errors import ManifestError, OrchestratorError
from orchestrator.model import Outcome
from orchestrator.report.wording import by_reason, outcome_word

_LEVELS: Final = {
    Outcome.UNKNOWN: "error",
    Outcome.FAILED: "error",
    Outcome.HELD: "warning",
    Outcome.SKIPPED: "warning",
}
_RECIPIENTS: Final = ("recipients", "recipients_unknown")
"""Outputs: people on the contact lists of the started campaigns, and campaigns whose people are unknown."""

_NAMED: Final = 5
_ANNOTATED: Final = 9  # GitHub shows ten errors of a step, and one says how the run ended


def outputs(result: Result) -> dict[str, str]:
    """The step's outputs, which GitLab gets as variables."""
    return {
        "outcome": outcome_word(result.exit_code),
        "started": str(result.totals[Outcome.STARTED]),
        "failed": str(result.totals[Outcome.FAILED]),
        "unknown": str(result.totals[Outcome.UNKNOWN]),
        "plan_hash": result.run["plan_sha256"],
        **_recipients(result),
        **({"environment": result.environment} if result.environment else {}),
        **({result.nature.lower(): "true"} if result.nature else {}),
        **{f"rehearsal_{name}": str(value) for name, value in (result.run.get("rehearsal") or {}).items()},
    }


def _recipients(result: Result) -> dict[str, str]:
    """How many people the started campaigns text. Empty if that is unknown: a pipeline would take 0 for nobody."""
    people = total(result.people)
    known = str(people.known) if people.known or not people.unknown else ""
    return dict(zip(_RECIPIENTS, (known, str(people.unknown)), strict=True))


def refusal_outputs(error: OrchestratorError) -> dict[str, str]:
    """The outputs of a run that ended without a result. Where nothing was sent, nothing was started or failed.

    What is not known is empty, and not left out: an earlier run of the same step may have written it.
    """
    outcome = outcome_word(error.exit_code)
    # Zeros only where they are certain: a pipeline would take "not known" for "none".
    is_unsent = outcome in {"refused", "interrupted"}
    counts = dict.fromkeys(("started", "failed", "unknown"), "0" if is_unsent else "")
    return {"outcome": outcome, **counts, "plan_hash": "", **dict.fromkeys(_RECIPIENTS, counts["started"])}


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


def problems(error: OrchestratorError) -> Iterator[str]:
    """A workflow command for each problem of a manifest, at its place: GitHub shows them in the change's own lines."""
    for problem in error.problems[:_ANNOTATED] if isinstance(error, ManifestError) else ():
        place = {"file": problem.file, "line": problem.line, "col": problem.column}
        subject = f"{problem.path}: " if problem.path else ""
        hint = f"; {problem.hint}" if problem.hint else ""
        read = f" (read: {problem.value})" if problem.value else ""
        yield _command("error", "manifest", f"{subject}{problem.message}{read}{hint}", place)


def _command(level: str, title: str, message: str, place: Mapping[str, object] = MappingProxyType({})) -> str:
    # A line end or a colon of a campaign's name would otherwise begin a command of its own.
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in {**place, "title": title}.items())
    return f"::{level} {properties}::{_escaped(message)}"


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    lines = "\n".join(map(one_line, text.split("\n")))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
