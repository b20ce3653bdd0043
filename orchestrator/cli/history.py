"""`list`, `history` and `why`: what the ledger tells about all launches, one launch, and one campaign."""

import click

from orchestrator.cli.options import (
    json_option,
    launch_argument,
    ledger_option,
    newest_launch_argument,
    prints_result,
)
from orchestrator.console.render import CommandResult


@click.command("list")
@ledger_option
@json_option
@prints_result
def launches(*, ledger: str) -> CommandResult:
    """List the launches of a ledger, newest first: the last run, what it came to, and whether one is paused or aborted.

    Reads every launch's journal to its end: some seconds where the ledger holds hundreds of thousands of starts.
    """
    from orchestrator.app.look_back import read_launches
    from orchestrator.console.happenings import launches_json, launches_text

    found = read_launches(ledger)
    return CommandResult("list", launches_json(found), launches_text(found), is_styled=True)


@click.command("history")
@newest_launch_argument
@ledger_option
@json_option
@prints_result
def history(launch: str | None, *, ledger: str) -> CommandResult:
    """Tell what happened to a launch, by default the newest: its runs and plans, and what people recorded."""
    from orchestrator.app.look_back import read_history
    from orchestrator.console.happenings import happenings_json, history_text

    name, found = read_history(ledger, launch)
    data = {"launch": name, "happenings": happenings_json(found)}
    return CommandResult("history", data, history_text(name, found))


@click.command("why")
@launch_argument
@click.argument("campaign", metavar="STREAM/CAMPAIGN")
@ledger_option
@json_option
@prints_result
def why(launch: str, campaign: str, *, ledger: str) -> CommandResult:
    """Tell all that the journal has of one campaign, in plain sentences, and where the campaign stands now."""
    from orchestrator.app.look_back import read_story
    from orchestrator.console.happenings import happenings_json, story_text
    from orchestrator.core.result.types import FIELDS, values

    told = read_story(ledger, launch, campaign)
    data = {
        "launch": launch,
        "campaign": told.key,
        "happenings": happenings_json(told.happenings),
        "now": dict(zip(FIELDS, values(told.now), strict=True)) if told.now is not None else None,
    }
    return CommandResult("why", data, story_text(launch, told))
