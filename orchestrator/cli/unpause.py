"""`unpause LAUNCH`."""

import click

from orchestrator.cli.options import exits_on_error, launch_argument, ledger_option


@click.command("unpause")
@launch_argument
@click.option("--reason", default="", help="Needed to lift an abort; it is journaled with your name.")
@ledger_option
@exits_on_error
def command(launch: str, *, reason: str, ledger: str) -> None:
    """Let a paused launch go on. With --reason, an aborted launch may be run again, once its run has ended."""
    from orchestrator.app.journal_reader import record_command
    from orchestrator.core.journal.control import ControlCommand

    record_command(ledger, launch, ControlCommand.UNPAUSE, reason)
    click.echo(f"launch {launch} may go on: a run that waits does so by itself")
