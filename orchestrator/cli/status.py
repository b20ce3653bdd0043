"""`status [LAUNCH]`."""

import sys
import time

import click

from orchestrator.cli.options import echo_json, exits_on_error, json_option, ledger_option, newest_launch_argument

_EVERY = 2.0


@click.command("status")
@newest_launch_argument
@click.option("--watch", is_flag=True, help="Show it again every two seconds until the run has ended.")
@ledger_option
@json_option
@exits_on_error
def command(launch: str | None, *, watch: bool, ledger: str, as_json: bool) -> None:
    """Show where a launch stands, by default the newest. Needs no running process."""
    from orchestrator.console.streams import is_left

    ended = False
    while not ended:
        ended = _show(launch, ledger, as_json=as_json) or not watch or is_left(sys.stdout)
        if not ended:
            time.sleep(_EVERY)
            click.echo()


def _show(launch: str | None, ledger: str, *, as_json: bool) -> bool:
    """Print the status once; whether the run has ended or died."""
    from orchestrator.app.journal_reader import opened, pick, result
    from orchestrator.console import summary as say
    from orchestrator.core.journal.records import RUN_KINDS, STOP_KINDS
    from orchestrator.core.journal.subruns import is_open
    from orchestrator.core.plan.stop_plan import stops

    with opened(ledger) as store:
        name = pick(store, launch)
        found = result(store, name)
        run_id = found.run["run_id"]
        is_live = store.is_live(run_id, store.time()) or is_open(store.read(name, kinds=RUN_KINDS), run_id)
        control_state = store.control_state(name)
        stopped = sum(one.is_confirmed for one in stops(store.read(name, kinds=STOP_KINDS)).values())
    if as_json:
        echo_json({**found.as_json(), "control": say.control_state_json(control_state), "stopped_since": stopped})
    else:
        click.echo(say.summary(found, is_live=is_live, control_state=control_state), nl=False, color=True)
        if stopped:
            click.echo(f"{stopped} campaigns were stopped since; messages sent before stay sent")
    return not is_live
