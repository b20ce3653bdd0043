"""A result that is shown anew until it is final: in place at a terminal, one below the other in a pipe."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

import click

from orchestrator.console.render import CommandResult, render
from orchestrator.console.signals import handled
from orchestrator.console.streams import is_left
from orchestrator.console.terminal import console_for, has_bars
from orchestrator.core.exit_codes import ExitCode, signal_code
from orchestrator.model import Stop, StopReason

_EVERY_SECONDS: Final = 2.0

Look = Callable[[], tuple[CommandResult, bool]]
"""A result as it is now, and whether it will change."""


async def watched(look: Look, *, as_json: bool) -> CommandResult:
    """The final result, after every earlier one was shown. A run that ends meanwhile gives its own exit code.

    Ctrl-C ends the watching, with 0 and nothing more to print; so does a reader that has left, as in `| head -1`.
    """
    stops: list[Stop] = []
    stopped = asyncio.Event()

    def on_stop(stop: Stop) -> None:
        stops.append(stop)
        stopped.set()

    result, is_live = look()
    if not is_live:
        return result
    with handled(on_stop), _screen(as_json=as_json) as show:
        while is_live and not stopped.is_set() and not is_left(sys.stdout):
            show(result)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), _EVERY_SECONDS)
            result, is_live = look()
    if is_live:
        code = signal_code(stops[0]) if stops and stops[0].reason is not StopReason.SIGINT else None
        return CommandResult(result.command, exit_code=code or ExitCode.OK, is_silent=True)
    run = result.as_json()["run"]
    return replace(result, exit_code=run["exit_code"])


@contextmanager
def _screen(*, as_json: bool) -> Iterator[Callable[[CommandResult], None]]:
    """Shows a result, over the one before where the terminal can do that."""
    if as_json or not has_bars(sys.stdout, os.environ):

        def below(result: CommandResult) -> None:
            render(result, as_json=as_json)
            click.echo()

        yield below
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=console_for(sys.stdout, os.environ), auto_refresh=False, transient=True) as live:
        yield lambda result: live.update(Text.from_ansi(result.text), refresh=True)
