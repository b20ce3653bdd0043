"""`abort LAUNCH --reason TEXT`."""

import click

from orchestrator.cli.options import exits_on_error, launch_argument, ledger_option


@click.command("abort")
@launch_argument
@click.option("--reason", required=True, help="Shown to whoever runs it later; it is journaled with your name.")
@ledger_option
@exits_on_error
def command(launch: str, *, reason: str, ledger: str) -> None:
    """End a launch's runs: no permit is given from now on, the rest is held, and later runs are refused.

    What was started stays started, and goes on texting; stop-started stops it.
    """
    from orchestrator.app.journal_reader import record_command
    from orchestrator.core.journal.control import ControlCommand

    record_command(ledger, launch, ControlCommand.ABORT, reason)
    click.echo(
        f"launch {launch} is aborted: no start leaves any more, and runs are refused\n"
        f"what it started goes on texting; to stop that\n"
        f"  python -m orchestrator stop-started {launch} --reason TEXT"
    )
