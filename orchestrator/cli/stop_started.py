"""`stop-started LAUNCH --reason TEXT`."""

import sys
from pathlib import Path

import click

from orchestrator.cli import event_loop as loops
from orchestrator.cli.options import echo_json, exits_on_error, json_option, launch_argument, ledger_option


@click.command("stop-started")
@launch_argument
@click.option("--reason", required=True, help="It is journaled with your name, for each campaign.")
@click.option("--manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="The launch's manifest, by default the file of its last run.")  # fmt: skip
@ledger_option
@json_option
@exits_on_error
def command(launch: str, *, reason: str, manifest: Path | None, ledger: str, as_json: bool) -> None:
    """Send a stop for exactly the campaigns that this launch started. It is no undo: texts already sent stay sent.

    Each account's rate holds. Abort the launch first: while it runs, it holds its accounts. Starts nothing.
    """
    from orchestrator.app import stop_started as stopping

    result = loops.run(stopping.stop_started(ledger, launch, manifest, reason))
    if as_json:
        echo_json(stopping.as_json(result))
    else:
        click.echo(stopping.text(result), nl=False)
    sys.exit(result.exit_code)
