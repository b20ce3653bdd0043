"""`resolve`: what became of unknown campaigns, one by its name, many by a file or a selection, or asked one by one."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.documented import documented
from orchestrator.cli.options import (
    choice_of,
    json_option,
    launch_argument,
    ledger_option,
    needed_reason,
    prints_result,
    reason_option,
)
from orchestrator.console.render import CommandResult
from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from orchestrator.core.journal.decisions import Decision
    from orchestrator.model import CampaignKey


@documented(
    "resolve",
    page="docs/how-to/runbook.md",
    examples=(
        "resolve spring st-0603182c/cd-0e0475b --as started --reason 'it is active in the console'",
        "resolve spring --ask",
    ),
    exits={
        "4": "The campaign is not unknown, or its host may still be alive.",
    },
)
@launch_argument
@click.argument("campaign", metavar="[STREAM/CAMPAIGN]", required=False)
@click.option(
    "--as",
    "verdict",
    type=click.Choice(["started", "not-started"]),
    help="What became of the campaign, or of all that are selected.",
)
@click.option("--select", multiple=True, metavar="TERMS",
              help="All unknown campaigns with these terms: tag:T, account:A, stream:S or campaign:C.")  # fmt: skip
@click.option("--from", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="A CSV file of decisions: its columns are stream, campaign, decision and reason.")  # fmt: skip
@click.option("--ask", "asks", is_flag=True, help="Go through the unknown campaigns one by one, at a terminal.")
@reason_option("What you saw; it is journaled with your name.", is_needed=False)
@ledger_option
@json_option
@prints_result
def command(
    launch: str,
    campaign: str | None,
    *,
    verdict: str | None,
    select: tuple[str, ...],
    source: Path | None,
    asks: bool,
    reason: str,
    ledger: str,
) -> CommandResult:
    """Record what became of unknown campaigns.

    Look at the platform's console first: `not-started` allows the next run to send the start again. Each campaign is
    recorded by itself. A decision is final only after the host that sent the start is known to be dead.
    """
    from orchestrator.app.resolve import decisions_of
    from orchestrator.core.journal.decisions import Decision
    from orchestrator.model import CampaignKey

    if sum([campaign is not None, bool(select), source is not None, asks]) != 1:
        raise click.UsageError("name one campaign as STREAM/CAMPAIGN, or give --select, --from or --ask")
    if (verdict is None) != (source is not None or asks):
        raise click.UsageError("--as is needed with one campaign or --select, and is only allowed there")
    recorded: list[Decision] = []
    if asks:
        _ask_about_each(ledger, launch, recorded)
    elif source is not None:
        _record(ledger, launch, decisions_of(source, reason), recorded)
    else:
        words, is_started = reason or needed_reason(), verdict == "started"
        keys = [CampaignKey(campaign)] if campaign is not None else _selected(ledger, launch, select)
        _record(ledger, launch, [Decision(key, is_started, words) for key in keys], recorded)
    rows = [{"campaign": one.campaign, "resolved_as": one.word, "reason": one.reason} for one in recorded]
    data = {"launch": launch, "resolved": rows, **(rows[0] if campaign is not None else {})}
    text = "".join(f"{one.campaign} is recorded as {one.word}\n" for one in recorded) or "nothing was recorded\n"
    return CommandResult("resolve", data, text)


def _record(ledger: str, launch: str, decisions: "list[Decision]", recorded: "list[Decision]") -> None:
    from orchestrator.app.resolve import resolve

    try:
        resolve(ledger, launch, decisions, recorded.append)
    except OrchestratorError as error:
        if recorded:
            error.message = f"{len(recorded)} of {len(decisions)} campaigns are recorded; then {error.message}"
        raise


def _selected(ledger: str, launch: str, select: tuple[str, ...]) -> "list[CampaignKey]":
    from orchestrator.app.resolve import unknown_campaigns

    selection = choice_of(select, (), retry_failed=False).selection
    return [one.key for one in unknown_campaigns(ledger, launch, selection)]


def _ask_about_each(ledger: str, launch: str, recorded: "list[Decision]") -> None:
    from orchestrator.app.resolve import resolve, unknown_campaigns
    from orchestrator.console.confirm import ask_decisions, has_terminal
    from orchestrator.core.plan.selection import Selection

    if not has_terminal():
        raise click.UsageError("--ask needs a terminal; give --from or --select instead")
    # Each is on disk before the next question.
    for decision in ask_decisions(unknown_campaigns(ledger, launch, Selection())):
        resolve(ledger, launch, [decision], recorded.append)
