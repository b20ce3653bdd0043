"""`status [LAUNCH]`."""

import click

from orchestrator.cli.common import echo_json, json_option, ledger_option, says_errors


@click.command("status")
@click.argument("launch", required=False)
@ledger_option
@json_option
@says_errors
def command(launch: str | None, *, ledger: str, as_json: bool) -> None:
    """Show where a launch stands, by default the newest. Needs no running process."""
    from orchestrator.cli.journal import opened, pick, result
    from orchestrator.console import say

    with opened(ledger) as store:
        found = result(store.read(pick(store, launch)), ledger)
    if as_json:
        echo_json(found.as_json())
    else:
        click.echo(say.summary(found), nl=False)
