"""`report LAUNCH`."""

from pathlib import Path

import click

from orchestrator.cli.options import FORMATS, exits_on_error, launch_argument, ledger_option


@click.command("report")
@launch_argument
@click.option("--run", "run_id", help="A run of the launch, by default the last.")
@click.option("--dir", "directory", default="reports", show_default=True, type=click.Path(path_type=Path))
@click.option("--format", "formats", multiple=True, default=("json", "csv"), type=click.Choice(FORMATS))
@ledger_option
@exits_on_error
def command(launch: str, *, run_id: str | None, directory: Path, formats: tuple[str, ...], ledger: str) -> None:
    """Write a launch's reports again, from the journal alone."""
    from orchestrator.app.journal_reader import opened, pick, result
    from orchestrator.report.files import write

    with opened(ledger) as store:
        name = pick(store, launch)
        found = result(store, name, run_id)
        try:
            paths = write(found, store.stream(name), directory, formats)
        except OSError as error:
            raise click.UsageError(f"cannot write to {directory}: {error.strerror}") from error
    for path in paths:
        click.echo(path)
