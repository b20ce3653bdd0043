"""`pause LAUNCH --reason TEXT`."""

import click

from orchestrator.cli.options import exits_on_error, launch_argument, ledger_option


@click.command("pause")
@launch_argument
@click.option("--reason", required=True, help="Shown wherever the launch is; it is journaled with your name.")
@ledger_option
@exits_on_error
def command(launch: str, *, reason: str, ledger: str) -> None:
    """Hold a launch's starts until it is unpaused: no permit is given from now on, whoever runs it, and wherever.

    A run that is going on waits, and starts nothing twice. Calls in flight end as they would.
    """
    from orchestrator.app.journal_reader import record_command
    from orchestrator.core.journal.control import ControlCommand

    record_command(ledger, launch, ControlCommand.PAUSE, reason)
    click.echo(f"launch {launch} is paused: no start leaves until\n  python -m orchestrator unpause {launch}")
