"""`list`, `history` and `why`: what the ledger tells about all launches, one launch, and one campaign."""

import click

from orchestrator.cli.documented import documented
from orchestrator.cli.options import (
    json_option,
    launch_argument,
    ledger_option,
    newest_launch_argument,
    prints_result,
)
from orchestrator.console.render import CommandResult


@documented(
    "list",
    page="docs/how-to/look-back.md",
    examples=(
        "list",
        "list --json",
    ),
)
@ledger_option
@json_option
@prints_result
def launches(*, ledger: str) -> CommandResult:
    """List all launches, and where each stands.

    You see the newest first: its last run, how it ended, and whether the launch is paused or aborted. It reads every
    launch's journal to the end, which takes some seconds for hundreds of thousands of starts.
    """
    from orchestrator.app.look_back import read_launches
    from orchestrator.console.happenings import launches_json, launches_text

    found = read_launches(ledger)
    return CommandResult("list", launches_json(found), launches_text(found), is_styled=True)


@documented(
    "history",
    page="docs/how-to/look-back.md",
    examples=(
        "history",
        "history spring",
    ),
)
@newest_launch_argument
@ledger_option
@json_option
@prints_result
def history(launch: str | None, *, ledger: str) -> CommandResult:
    """Show what happened to a launch: who, when and why.

    Without LAUNCH, you see the newest one. It lists runs, plans and approvals, and what people recorded.
    """
    from orchestrator.app.look_back import read_history
    from orchestrator.console.happenings import happenings_json, history_text

    name, found, waits = read_history(ledger, launch)
    data = {"launch": name, "happenings": happenings_json(found), "waits": [wait.as_json() for wait in waits]}
    return CommandResult("history", data, history_text(name, found, waits))


@documented(
    "why",
    page="docs/how-to/look-back.md",
    examples=(
        "why spring st-0603182c/cd-0e0475b",
        "why spring st-0603182c/cd-0e0475b --json",
    ),
)
@launch_argument
@click.argument("campaign", metavar="STREAM/CAMPAIGN")
@ledger_option
@json_option
@prints_result
def why(launch: str, campaign: str, *, ledger: str) -> CommandResult:
    """Show everything that is recorded about one campaign.

    You read its story in plain sentences, and where it stands now.
    """
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
