"""`follow LAUNCH`."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop
from orchestrator.cli.documented import documented
from orchestrator.cli.options import json_option, launch_argument, ledger_option, prints_result
from orchestrator.console.render import CommandResult

if TYPE_CHECKING:
    from orchestrator.app.follow import OnBegin
    from orchestrator.app.open_run import OpenRun
    from orchestrator.console.deliveries import Names
    from orchestrator.core.delivery.goal import Followed, Goal
    from orchestrator.engine.rounds import FollowOptions, Rounds


_LEAST, _MOST = 1.0, 30 * 86400.0


def _seconds(_: click.Context, __: click.Parameter, text: str) -> float:
    from orchestrator.core.manifest.values import seconds

    try:
        found = seconds(text)
    except ValueError:
        found = 0.0
    if not _LEAST <= found <= _MOST:
        raise click.BadParameter(f"{text!r} is not a duration from 1s to 720h: write 90s, 10m or 6h")
    return found


def _goal(_: click.Context, __: click.Parameter, text: str) -> "Goal":
    from orchestrator.core.delivery.goal import Goal

    try:
        return Goal.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@documented(
    "follow",
    page="docs/how-to/follow.md",
    examples=(
        "follow spring",
        "follow spring --until sent:95% --timeout 2h",
    ),
    exits={
        "0": "Every campaign reached the goal of --until.",
        "14": "Some did not, or the time was up.",
    },
)
@launch_argument
@click.option(
    "--every",
    default="60s",
    show_default=True,
    callback=_seconds,
    metavar="DURATION",
    help="Time between reads; at the account's rate, a round of many campaigns may take longer.",
)
@click.option(
    "--until",
    "goal",
    default="completed",
    show_default=True,
    callback=_goal,
    metavar="GOAL",
    help="What each campaign must reach: completed, or sent:95% of its recipients.",
)
@click.option(
    "--timeout",
    default="6h",
    show_default=True,
    callback=_seconds,
    metavar="DURATION",
    help="Longest time to follow; then it exits with 14.",
)
@click.option(
    "--stalled-after",
    default="10m",
    show_default=True,
    callback=_seconds,
    metavar="DURATION",
    help="A campaign counts as stalled after this time without a message within its calling hours.",
)
@click.option("--manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              metavar="MANIFEST", help="The launch's manifest, by default the file of its last run.")  # fmt: skip
@ledger_option
@json_option
@prints_result
def command(
    launch: str,
    *,
    every: float,
    goal: "Goal",
    timeout: float,
    stalled_after: float,
    manifest: Path | None,
    ledger: str,
) -> CommandResult:
    """Follow started campaigns until all messages are sent.

    You see how much is sent, how fast, and what has stalled. It starts nothing, reads at each account's rate, and
    waits while a run uses the account. Stop it at any time, and call it again from any host.
    """
    from orchestrator.console import deliveries
    from orchestrator.engine.rounds import FollowOptions

    options = FollowOptions(goal, every, timeout, stalled_after)
    followed, names = event_loop.run(_follow(ledger, launch, manifest, options))
    text = deliveries.text(followed, ledger, names)
    return CommandResult("follow", lambda: deliveries.as_json(followed), text, exit_code=followed.exit_code)


async def _follow(
    ledger: str, launch: str, manifest: Path | None, options: "FollowOptions"
) -> "tuple[Followed, Names]":
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
    names = loaded.manifest.campaign_names
    is_drawn = deliveries.wants_view(sys.stderr)
    observers = Observers() if is_drawn else Observers(LogObserver())
    with orderly_stop(stop_signal.set), ExitStack() as view:
        showing = _showing(view, names, is_drawn=is_drawn)
        followed = await follow(loaded, options, stop_signal, redactor, observer=observers, on_begin=showing)
    return followed, names


def _showing(view: ExitStack, names: "Names", *, is_drawn: bool) -> "OnBegin":
    """What shows the rounds from their begin on, and as long as `view` is open."""
    from orchestrator.console import deliveries

    def show(rounds: "Rounds") -> None:
        if is_drawn:
            view.close()  # of the rounds before these
            view.enter_context(deliveries.shown(rounds.standing, names, sys.stderr))

    return show


async def follow_opened(opened: "OpenRun", *, is_drawn: bool) -> "Followed":
    """Follow what a run has started, in its process. Raises OrchestratorError."""
    from orchestrator.app.follow import follow_run
    from orchestrator.engine.rounds import FollowOptions

    names = opened.loaded.manifest.campaign_names
    with ExitStack() as view:
        return await follow_run(opened, FollowOptions(), _showing(view, names, is_drawn=is_drawn))
