"""After a run: its reports, and what the CI system around it gets. Nothing here changes the exit code."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from orchestrator.core.manifest.models import Report
from orchestrator.core.result.build import Result
from orchestrator.errors import OrchestratorError
from orchestrator.model import Record
from orchestrator.report import ci


def write_reports(result: Result, records: Iterable[Record], wanted: Report, system: ci.System) -> None:
    """Write the reports and publish the result to the CI system; what cannot be written is named on stderr."""
    from orchestrator.report.files import write  # not before the first start: it takes as long as a commit on disk

    try:
        for path in write(result, records, Path(wanted.dir), ci.formats(system, wanted.formats)):
            click.echo(f"report: {path}", err=True)
    except OSError as error:
        click.echo(f"cannot write the reports to {wanted.dir}: {error.strerror}; the journal has all of it\n"
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
    except OSError as error:
        # The run is over and journaled: what a pipeline reads of it must not change its exit code.
        click.echo(f"cannot write what the CI job reads: {error}", err=True)
