"""`status [LAUNCH]`."""

import sys
import time
from typing import Final

import click

from orchestrator.cli.options import json_option, ledger_option, newest_launch_argument, prints_result
from orchestrator.console.render import CommandResult, render
from orchestrator.core.exit_codes import ExitCode

_EVERY_SECONDS: Final = 2.0


@click.command("status")
@newest_launch_argument
@click.option("--watch", is_flag=True, help="Show it again every two seconds until the run has ended.")
@ledger_option
@json_option
@click.pass_context
@prints_result
def command(context: click.Context, launch: str | None, *, watch: bool, ledger: str) -> CommandResult:
    """Show where a launch stands, by default the newest. Needs no running process.

    While a run is going on, campaigns without an outcome are waiting or in flight, and there is nothing to type next.
    Ends with 11 as long as the launch has unknown campaigns, for which a person must look.
    """
    from orchestrator.console.streams import is_left

    result, is_live = _status(launch, ledger)
    # A reader that has left, as in `| head -1`, ends the watching too.
    while watch and is_live and not is_left(sys.stdout):
        render(result, as_json=context.params["as_json"])
        click.echo()
        time.sleep(_EVERY_SECONDS)
        result, is_live = _status(launch, ledger)
    return result


def _status(launch: str | None, ledger: str) -> tuple[CommandResult, bool]:
    """The status now, and whether the run is still going on."""
    from orchestrator.app.journal_reader import read_status
    from orchestrator.cli.reporting import named
    from orchestrator.console.summary import control_state_json, status_json, summary
    from orchestrator.core.text import plural
    from orchestrator.model import Outcome

    seen = read_status(ledger, launch)
    named(seen.result)
    text = summary(seen.result, is_live=seen.is_live, control_state=seen.control_state)
    if seen.stopped:
        verb = "was" if seen.stopped == 1 else "were"
        text += f"{plural(seen.stopped, 'campaign')} {verb} stopped since; messages sent before stay sent\n"
    control = {"control": control_state_json(seen.control_state), "stopped_since": seen.stopped}
    code = ExitCode.UNKNOWN if seen.result.standings[Outcome.UNKNOWN] else ExitCode.OK
    data = {**status_json(seen.result, is_live=seen.is_live), **control}
    return CommandResult("status", data, text, exit_code=code, is_styled=True), seen.is_live
