"""The options of `follow`, which `run --follow` has, too."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from orchestrator.engine.rounds import FollowOptions

_LEAST, _MOST = 1.0, 30 * 86400.0


def _seconds(_: click.Context, __: click.Parameter, text: str) -> float:
    from orchestrator.core.manifest.values import seconds

    try:
        found = seconds(text)
    except ValueError:
        found = 0.0
    if not _LEAST <= found <= _MOST:
        raise click.BadParameter(f"{text!r} is no duration from 1s to 30 days: write 90s, 10m or 6h")
    return found


def _goal(_: click.Context, __: click.Parameter, text: str) -> Any:
    from orchestrator.core.delivery.goal import Goal

    try:
        return Goal.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def follow_options(prefix: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--every, --until, --timeout and --stalled-after; with a prefix, such as --follow-every."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        # From the last to the first: a decorator that is applied later is shown earlier in --help.
        for option in (
            click.option(f"--{prefix}stalled-after", default="10m", show_default=True, callback=_seconds,
                         help="A campaign that sends nothing for so long within its calling hours is stalled."),
            click.option(f"--{prefix}timeout", default="6h", show_default=True, callback=_seconds,
                         help="Follow no longer than this; then exit with 14."),
            click.option(f"--{prefix}until", default="completed", show_default=True, callback=_goal,
                         help="What each campaign is to reach: completed, or sent:95% of its recipients."),
            click.option(f"--{prefix}every", default="60s", show_default=True, callback=_seconds,
                         help="How often to read; at the account's rate, a round of many may take longer."),
        ):  # fmt: skip
            command = option(command)
        return command

    return decorate


def options_of(every: float, until: Any, timeout: float, stalled_after: float) -> "FollowOptions":
    """What the options ask for."""
    from orchestrator.engine.rounds import FollowOptions

    return FollowOptions(until, every, timeout, stalled_after)
