"""Telling the CI system around us how a run went: found by its environment, or chosen."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from orchestrator.core.result.types import Result
from orchestrator.errors import OrchestratorError
from orchestrator.report import github
from orchestrator.report.markdown import LIMIT, as_markdown


class System(StrEnum):
    """The CI systems that get more than an exit code."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


def system_of(choice: str, environ: Mapping[str, str]) -> System:
    """The chosen system; for `auto`, the one in whose job we run."""
    if choice != "auto":
        return System(choice)
    if environ.get("GITHUB_ACTIONS") == "true":
        return System.GITHUB
    return System.GITLAB if environ.get("GITLAB_CI") == "true" else System.NONE


def formats(system: System, wanted: Iterable[str]) -> tuple[str, ...]:
    """The reports to write: GitLab collects two more as artifacts."""
    more = ("junit", "dotenv") if system is System.GITLAB else ()
    return tuple(dict.fromkeys((*wanted, *more)))


def as_dotenv(result: Result) -> str:
    """`result.env`: variables for GitLab's later jobs. Its reader takes no quotes, comments or empty lines."""
    return "".join(f"ORCHESTRATOR_{name.upper()}={value}\n" for name, value in github.outputs(result).items())


def publish(system: System, result: Result, environ: Mapping[str, str], log: TextIO) -> None:
    """Tell GitHub: outputs, step summary, annotations. Raises OSError. GitLab reads the files of `formats`."""
    if system is not System.GITHUB:
        return
    _append_outputs(environ, github.outputs(result))
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        file = Path(path)
        # GitHub limits the step's summary as a whole: what other commands have written counts, too.
        earlier = file.stat().st_size if file.exists() else 0
        _append(path, as_markdown(result, max(0, LIMIT - earlier)))
    # The runner reads commands from both streams: stdout stays one artefact.
    log.writelines(f"{line}\n" for line in github.annotations(result))


def publish_refusal(system: System, error: OrchestratorError, environ: Mapping[str, str], log: TextIO) -> None:
    """Tell GitHub of a run that ended without a result. Raises OSError."""
    if system is System.GITHUB:
        _append_outputs(environ, github.refusal_outputs(error))
        log.write(github.refusal(error) + "\n")


def _append_outputs(environ: Mapping[str, str], values: Mapping[str, str]) -> None:
    if path := environ.get("GITHUB_OUTPUT"):
        _append(path, "".join(f"{name}={value}\n" for name, value in values.items()))


def _append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)
