"""`stop-started LAUNCH --reason TEXT`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop
from orchestrator.cli.documented import documented
from orchestrator.cli.options import json_option, launch_argument, ledger_option, prints_result, reason_option
from orchestrator.console.render import CommandResult

if TYPE_CHECKING:
    from orchestrator.core.plan.stop_plan import StopPlan, StopResult
    from orchestrator.model import CampaignKey


@documented(
    "stop-started",
    page="docs/how-to/runbook.md",
    examples=(
        "stop-started spring --reason 'wrong text'",
        "stop-started spring --reason 'wrong text' --yes",
    ),
    exits={
        "0": "Every stop is confirmed.",
        "10": "Some are not.",
        "11": "The launch has unknown campaigns: use `resolve`.",
    },
)
@launch_argument
@reason_option("It is journaled with your name, for each campaign.")
@click.option("--manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              metavar="MANIFEST", help="The launch's manifest, by default the file of its last run.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before the first stop.")
@ledger_option
@json_option
@prints_result
def command(launch: str, *, reason: str, manifest: Path | None, yes: bool, ledger: str) -> CommandResult:
    """Stop the campaigns that a launch started.

    It is no undo: messages that were sent stay sent. Abort the launch first, because a run holds its accounts. It
    sends a stop for exactly those campaigns, at each account's rate. At a terminal it asks you first.
    """
    from orchestrator.console.summary import stops_json, stops_text

    result, names = event_loop.run(_stop(ledger, launch, manifest, reason, yes=yes))
    text = stops_text(result, ledger, names)
    return CommandResult("stop-started", stops_json(result), text, exit_code=result.exit_code)


async def _stop(
    ledger: str, launch: str, manifest: Path | None, reason: str, *, yes: bool
) -> "tuple[StopResult, dict[CampaignKey, str]]":
    """What became of the stops, and the names of the campaigns."""
    from orchestrator.app.stop_started import load_launch, stop_started
    from orchestrator.console.confirm import confirm_stops
    from orchestrator.console.logs import LogObserver, set_up
    from orchestrator.console.signals import orderly_stop
    from orchestrator.console.summary import announce_stops
    from orchestrator.engine.stop_signal import StopSignal
    from orchestrator.redaction import Redactor

    redactor, stop_signal = Redactor(), StopSignal()
    set_up("text", redactor, verbose=False)
    # Before signals are handled: up to here, Ctrl-C may simply end the command.
    loaded = load_launch(ledger, launch, manifest)

    def announce(launch: str, plan: "StopPlan") -> None:
        confirm_stops(launch, plan, loaded.manifest.account_names, yes=yes)
        announce_stops(launch, plan)

    with orderly_stop(stop_signal.set):
        result = await stop_started(loaded, reason, stop_signal, redactor, observer=LogObserver(), announce=announce)
    return result, loaded.manifest.campaign_names
