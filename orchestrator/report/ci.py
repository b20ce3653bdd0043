"""Telling the CI system around us how a run went: found by its environment, or chosen."""

import os
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from orchestrator.core.result.types import Result
from orchestrator.errors import OrchestratorError
from orchestrator.report import github
from orchestrator.report.markdown import LIMIT, as_markdown, refusal


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
    return _dotenv(github.outputs(result))


def as_dotenv_refusal(error: OrchestratorError) -> str:
    """`result.env` of a run that ended without a result."""
    return _dotenv(github.refusal_outputs(error))


def _dotenv(values: Mapping[str, str]) -> str:
    return "".join(f"ORCHESTRATOR_{name.upper()}={value}\n" for name, value in values.items() if value)


Step = Callable[[], None]
"""Tells the CI system one thing. Raises OSError; the other steps are none the worse for it."""


def publish(system: System, result: Result, environ: Mapping[str, str], log: TextIO) -> list[Step]:
    """The steps that tell GitHub: outputs, step summary, annotations. GitLab reads the files of `formats`."""
    if system is not System.GITHUB:
        return []
    return [
        lambda: _append_outputs(environ, github.outputs(result)),
        lambda: _append_summary(environ, lambda room: as_markdown(result, room)),
        # The runner reads commands from both streams: stdout stays one artefact.
        lambda: log.writelines(f"{line}\n" for line in github.annotations(result)),
    ]


def publish_refusal(system: System, error: OrchestratorError, environ: Mapping[str, str], log: TextIO) -> list[Step]:
    """The steps that tell GitHub of a run that ended without a result."""
    if system is not System.GITHUB:
        return []
    return [
        lambda: _append_outputs(environ, github.refusal_outputs(error)),
        lambda: _append_summary(environ, lambda _: refusal(error)),
        lambda: log.writelines(f"{line}\n" for line in (github.refusal(error), *github.problems(error))),
    ]


def _append_outputs(environ: Mapping[str, str], values: Mapping[str, str]) -> None:
    if path := environ.get("GITHUB_OUTPUT"):
        _append(path, "".join(f"{name}={value}\n" for name, value in values.items()))


def _append_summary(environ: Mapping[str, str], text: Callable[[int], str]) -> None:
    """Append the text, which is given how many bytes it may take."""
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        file = Path(path)
        # GitHub limits the step's summary as a whole: what other commands have written counts, too.
        earlier = file.stat().st_size if file.exists() else 0
        _append(path, text(max(0, LIMIT - earlier - 1)))


def _append(path: str, text: str) -> None:
    """Append whole lines: a last line without an end, of another command, would swallow our first."""
    with Path(path).open("a+b") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        before = b"\n" if file.read(1) not in {b"", b"\n"} else b""
        file.write(before + text.encode())
