"""`status [LAUNCH]`."""

import click

from orchestrator.cli.documented import documented
from orchestrator.cli.options import json_option, ledger_option, newest_launch_argument, prints_result
from orchestrator.console.render import CommandResult
from orchestrator.core.exit_codes import ExitCode
from orchestrator.errors import NoPlanYet


@documented(
    "status",
    page="docs/how-to/runbook.md",
    examples=(
        "status",
        "status spring --watch",
    ),
    exits={
        "11": "Campaigns are unknown: look at them, then use `resolve`.",
    },
)
@newest_launch_argument
@click.option("--watch", is_flag=True, help="Refresh every 2 seconds until the run has ended; Ctrl-C ends it.")
@ledger_option
@json_option
@click.pass_context
@prints_result
def command(context: click.Context, launch: str | None, *, watch: bool, ledger: str) -> CommandResult:
    """Show where a launch stands.

    Without LAUNCH, you see the newest one, unknown campaigns first. It reads the ledger alone and needs no running
    process. With --watch it waits for the run's plan, refreshes until the run ends, and exits with the run's own
    code.
    """
    if not watch:
        return _status(launch, ledger)[0]
    from orchestrator.cli import event_loop
    from orchestrator.console.watching import watched

    return event_loop.run(watched(lambda: _waiting_for_a_plan(launch, ledger), as_json=context.params["as_json"]))


def _waiting_for_a_plan(launch: str | None, ledger: str) -> tuple[CommandResult, bool]:
    try:
        return _status(launch, ledger)
    except NoPlanYet:
        return CommandResult("status", {"run": None}, "the run has no plan yet\n"), True


def _status(launch: str | None, ledger: str) -> tuple[CommandResult, bool]:
    """The status now, and whether the run is still going on."""
    from orchestrator.app.journal_reader import read_status
    from orchestrator.console.summary import control_state_json, status_json, summary, waiting_text
    from orchestrator.core.text import plural
    from orchestrator.model import Outcome

    seen = read_status(ledger, launch)
    control = {
        "control": control_state_json(seen.control_state),
        "stopped_since": seen.stopped,
        "waits": [wait.as_json() for wait in seen.waits],
    }
    if seen.result is None:
        text = waiting_text(seen.launch, seen.waits, seen.control_state)
        return CommandResult("status", {"launch": seen.launch, "run": None, **control}, text), True
    text = summary(seen.result, is_live=seen.is_live, control_state=seen.control_state, waits=seen.waits)
    if seen.stopped:
        verb = "was" if seen.stopped == 1 else "were"
        text += f"{plural(seen.stopped, 'campaign')} {verb} stopped since; messages sent before stay sent\n"
    code = ExitCode.UNKNOWN if seen.result.standings[Outcome.UNKNOWN] else ExitCode.OK
    data = {**status_json(seen.result, is_live=seen.is_live), **control}
    return CommandResult("status", data, text, exit_code=code, is_styled=True), seen.is_live
