"""After a run: its reports, and what the CI system around it gets. Nothing here changes the exit code."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from orchestrator.console.render import program, program_here
from orchestrator.core.manifest.models import Report
from orchestrator.core.result.types import CampaignResult, Campaigns, Result
from orchestrator.core.text import PROGRAM, called_as, command_line, reason
from orchestrator.errors import OrchestratorError
from orchestrator.model import Record
from orchestrator.places import report_folder
from orchestrator.report import ci, files

_CI_ERROR: Final = "cannot write the files that the CI job reads"


def named(result: Result) -> Result:
    """The result with the program in each `next` named as it was called."""
    name, campaigns = program(), result.campaigns
    if name == PROGRAM:
        return result
    named_as = Campaigns(result.tally, lambda: (_named(one, name) for one in campaigns), result.sent_between)
    return replace(result, campaigns=named_as)


def _named(campaign: CampaignResult, name: str) -> CampaignResult:
    return replace(campaign, next=called_as(campaign.next, name)) if campaign.next else campaign


def write_reports(result: Result, records: Iterable[Record], wanted: Report, system: ci.System) -> list[Path]:
    """Write the reports and publish the result to the CI system; what cannot be written is named on stderr.

    Returns the reports that were written. Each is written by itself: one that cannot be must not keep the others from
    being tried.
    """
    result = named(result)
    # Not by `tempfile`, which tries the folder out: with no file descriptor left it fails, and the run would with it.
    launch, elsewhere = result.run["launch"], str(Path(os.environ.get("TMPDIR", "/tmp")) / "reports")  # noqa: S108
    command = command_line("report", launch, "--dir", elsewhere, ledger=result.run["ledger"])
    again = f"the journal has everything\nnext: {called_as(command, program_here())}"
    formats, written = ci.formats(system, wanted.formats), list[Path]()
    for name, outcome in _outcomes(result, records, wanted, formats):
        with _tells(f"cannot write {files.file_of(name)} of launch {launch} to {wanted.dir}", again):
            if isinstance(outcome, Exception):
                raise outcome
            written.append(outcome)
    _publish(ci.publish(system, result, os.environ, sys.stderr))
    return written


def _outcomes(
    result: Result, records: Iterable[Record], wanted: Report, formats: Sequence[str]
) -> Iterable[tuple[str, Path | Exception]]:
    try:
        folder = report_folder(wanted.chosen_dir)
    except OSError as error:  # without a working folder there is none for reports, either
        return [(name, error) for name in formats]
    return files.write_each(result, records, folder, formats)


def write_refusal(error: OrchestratorError, folder: files.LaunchFolder | None, system: ci.System) -> None:
    """Publish an error that ended a run without a result: nothing of an earlier run must be taken for this one's.

    `folder` is that of the launch's reports; None if nobody knows it.
    """
    own = error.next_step
    error.next_step = called_as(own, program())
    try:
        _publish_refusal(error, folder, system)
    finally:
        error.next_step = own  # the terminal's reader gets the program's path where it needs one


def _publish_refusal(error: OrchestratorError, folder: files.LaunchFolder | None, system: ci.System) -> None:
    if folder is not None:
        for name in files.OF_REFUSALS:
            with _tells(_CI_ERROR):
                if system is ci.System.GITLAB or (folder.path / files.file_of(name)).exists():
                    files.write_refusal(error, folder, name, time.time())
    _publish(ci.publish_refusal(system, error, os.environ, sys.stderr))


def forget_earlier_run(folder: files.LaunchFolder, system: ci.System) -> None:
    """In a GitLab job, remove what it would take for this run's, should this run be killed."""
    for name in files.OF_REFUSALS if system is ci.System.GITLAB else ():
        with _tells(_CI_ERROR):
            (folder.path / files.file_of(name)).unlink(missing_ok=True)


def _publish(steps: Iterable[ci.Step]) -> None:
    for step in steps:
        with _tells(_CI_ERROR):
            step()


@contextmanager
def _tells(what: str, then: str = "") -> Iterator[None]:
    """Name on stderr what cannot be written. The run is over: nothing here may change its exit code."""
    try:
        yield
    except OrchestratorError:  # the journal, which cannot be read any more
        raise
    except Exception as error:  # noqa: BLE001 - see above
        click.echo(f"{what}: {reason(error)}" + (f"; {then}" if then else ""), err=True)
