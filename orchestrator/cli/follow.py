"""`follow LAUNCH`."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import event_loop
from orchestrator.cli.follow_options import follow_options, options_of
from orchestrator.cli.options import json_option, launch_argument, ledger_option, prints_result
from orchestrator.console.render import CommandResult

if TYPE_CHECKING:
    from orchestrator.core.delivery.goal import Followed
    from orchestrator.engine.rounds import FollowOptions


@click.command("follow")
@launch_argument
@follow_options()
@click.option("--manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="The launch's manifest, by default the file of its last run.")  # fmt: skip
@ledger_option
@json_option
@prints_result
def command(
    launch: str,
    *,
    every: float,
    until: Any,
    timeout: float,
    stalled_after: float,
    manifest: Path | None,
    ledger: str,
) -> CommandResult:
    """Follow what a launch has started until all is sent: how much, how fast, and what has stalled. Sends no start.

    It reads at each account's rate, and starts go first: while a run uses an account, it waits. Stop it at any time and
    call it again, from any host: it goes on. Exits with 0 where all is completed, 14 where not.
    """
    from orchestrator.console import deliveries

    followed = event_loop.run(_follow(ledger, launch, manifest, options_of(every, until, timeout, stalled_after)))
    return CommandResult(
        "follow", lambda: deliveries.as_json(followed), deliveries.text(followed, ledger), exit_code=followed.exit_code
    )


async def _follow(ledger: str, launch: str, manifest: Path | None, options: "FollowOptions") -> "Followed":
    from orchestrator.app.follow import follow
    from orchestrator.app.stop_started import load_launch
    from orchestrator.cli.run_options import Observers
    from orchestrator.console import deliveries
    from orchestrator.console.logs import LogObserver, set_up
    from orchestrator.console.signals import orderly_stop
    from orchestrator.engine.stop_signal import StopSignal
    from orchestrator.redaction import Redactor

    redactor, stop_signal = Redactor(), StopSignal()
    set_up("text", redactor, verbose=False)
    # Before signals are handled: up to here, Ctrl-C may simply end the command.
    loaded = load_launch(ledger, launch, manifest)
    is_drawn = deliveries.wants_view(sys.stderr)
    observers = Observers() if is_drawn else Observers(LogObserver())
    with orderly_stop(stop_signal.set), ExitStack() as view:
        return await follow(
            loaded, options, stop_signal, redactor, observer=observers,
            on_begin=lambda rounds: view.enter_context(deliveries.shown(rounds, sys.stderr)) if is_drawn else None,
        )  # fmt: skip
