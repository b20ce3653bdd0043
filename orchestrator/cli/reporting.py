"""After a run: its reports, and what the CI system around it gets. Nothing here changes the exit code."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from orchestrator.core.manifest.models import Report
from orchestrator.core.result.build import Result
from orchestrator.core.text import reason
from orchestrator.errors import OrchestratorError
from orchestrator.model import Record
from orchestrator.places import report_folder
from orchestrator.report import ci
from orchestrator.report.files import write


def write_reports(result: Result, records: Iterable[Record], wanted: Report, system: ci.System) -> None:
    """Write the reports and publish the result to the CI system; what cannot be written is named on stderr."""
    try:
        folder = report_folder(wanted.chosen_dir)
        for path in write(result, records, folder, ci.formats(system, wanted.formats)):
            click.echo(f"report: {path}", err=True)
    except OrchestratorError:  # the journal, which cannot be read any more
        raise
    except Exception as error:  # noqa: BLE001 - the run is over: nothing here may change its exit code
        click.echo(f"cannot write the reports to {wanted.dir}: {reason(error)}; the journal has all of it\n"
                   f"next: python -m orchestrator report {result.run['launch']} --dir DIR", err=True)  # fmt: skip
    with _reports_ci_errors():
        ci.publish(system, result, os.environ, sys.stderr)


@contextmanager
def publishes_refusals(system: ci.System) -> Iterator[None]:
    """Publish an error that ends the run without a result to the CI system, too."""
    try:
        yield
    except OrchestratorError as error:
        with _reports_ci_errors():
            ci.publish_refusal(system, error, os.environ, sys.stderr)
        raise


@contextmanager
def _reports_ci_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the run is over: nothing here may change its exit code
        click.echo(f"cannot write what the CI job reads: {reason(error)}", err=True)
