"""`resolve LAUNCH STREAM/CAMPAIGN --as started|not-started --reason TEXT`."""

import getpass

import click

from orchestrator.cli.options import exits_on_error, launch_argument, ledger_option


@click.command("resolve")
@launch_argument
@click.argument("campaign", metavar="STREAM/CAMPAIGN")
@click.option("--as", "verdict", type=click.Choice(["started", "not-started"]), required=True)
@click.option("--reason", required=True, help="What you saw; it is journaled with your name.")
@ledger_option
@exits_on_error
def command(launch: str, campaign: str, *, verdict: str, reason: str, ledger: str) -> None:
    """Say what became of an unknown campaign. `not-started` allows the next run to send it again.

    It is final only once the host that sent it is known to be dead.
    """
    from orchestrator.app.journal_reader import histories, opened, pick
    from orchestrator.core.journal.states import State
    from orchestrator.errors import Refused
    from orchestrator.model import CampaignKey, Record

    with opened(ledger) as store:
        history = histories(store.read(pick(store, launch)), ledger).get(CampaignKey(campaign))
        if history is None or history.state is not State.UNKNOWN:
            state = f"is {history.state}" if history else "was never attempted in this launch"
            raise Refused(
                f"{campaign} {state}, not unknown: there is nothing to resolve",
                next_step=f"python -m orchestrator status {launch}",
            )
        event = "resolved_started" if verdict == "started" else "resolved_not_started"
        who = getpass.getuser()
        data = {"event": event, "message": f"{who}: {reason}", "by": who}
        now = store.time()
        store.append(
            Record(launch, campaign, history.attempt, "resolve", f"person:{who}", now, history.lane, data), now
        )
    click.echo(f"{campaign} is recorded as {verdict}")
