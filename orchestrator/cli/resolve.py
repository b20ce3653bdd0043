"""`resolve LAUNCH STREAM/CAMPAIGN --as started|not-started --reason TEXT`."""

import click

from orchestrator.cli.options import json_option, launch_argument, ledger_option, prints_result
from orchestrator.console.render import CommandResult


@click.command("resolve")
@launch_argument
@click.argument("campaign", metavar="STREAM/CAMPAIGN")
@click.option("--as", "verdict", type=click.Choice(["started", "not-started"]), required=True)
@click.option("--reason", required=True, help="What you saw; it is journaled with your name.")
@ledger_option
@json_option
@prints_result
def command(launch: str, campaign: str, *, verdict: str, reason: str, ledger: str) -> CommandResult:
    """Record what became of an unknown campaign. `not-started` allows the next run to send it again.

    It is final only once the host that sent it is known to be dead.
    """
    from orchestrator.app.journal_reader import resolve
    from orchestrator.model import CampaignKey

    resolve(ledger, launch, CampaignKey(campaign), reason, is_started=verdict == "started")
    data = {"launch": launch, "campaign": campaign, "resolved_as": verdict, "reason": reason}
    return CommandResult("resolve", data, f"{campaign} is recorded as {verdict}\n")
