"""`report LAUNCH`."""

from pathlib import Path
from typing import Final

import click

from orchestrator.cli.documented import documented
from orchestrator.cli.options import (
    FORMATS,
    PlacePath,
    UnusableError,
    json_option,
    launch_argument,
    ledger_option,
    prints_result,
)
from orchestrator.console.render import CommandResult

_LIVE: Final = "the run is still going on: what it has not done yet counts as held, and a call in flight as unknown"


@documented(
    "report",
    page="docs/how-to/look-back.md",
    examples=(
        "report spring",
        "report spring --format html --dir public",
    ),
)
@launch_argument
@click.option("--run", "run_id", metavar="ID", help="Id of a run of the launch, by default the last.")
@click.option("--dir", "directory", type=PlacePath(), metavar="FOLDER",
              help="Write to this folder; by default `reports` beside the folder of the default ledger.")  # fmt: skip
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("json", "csv"),
    type=click.Choice(FORMATS),
    metavar="NAME",
    show_default="json and csv",
    help=f"Format of a report; repeat it for several: {', '.join(FORMATS)}.",
)
@ledger_option
@json_option
@prints_result
def command(
    launch: str, *, run_id: str | None, directory: Path | None, formats: tuple[str, ...], ledger: str
) -> CommandResult:
    """Write a launch's reports again.

    It makes them from the journal alone, for the last run or the one that you name, and prints their paths.
    """
    from orchestrator.app.journal_reader import live_run, open_ledger, pick_launch, result
    from orchestrator.cli.reporting import named
    from orchestrator.core.text import reason
    from orchestrator.places import report_folder
    from orchestrator.report.files import write

    # The journal is read twice: for the result, and again by reports that show times.
    with open_ledger(ledger) as store:
        name = pick_launch(store, launch)
        live = live_run(store, name, run_id)
        found = named(result(store, name, run_id, live=live, warnings=(_LIVE,) if live is not None else ()))
        try:
            folder = directory or report_folder(None)
            paths = [str(path) for path in write(found, store.stream(name), folder, formats)]
        except (OSError, UnicodeError) as error:
            raise UnusableError(f"cannot write to {directory or 'reports'}: {reason(error)}") from error
    data = {"launch": name, "run_id": found.run["run_id"], "files": paths}
    return CommandResult("report", data, "".join(f"{path}\n" for path in paths))
