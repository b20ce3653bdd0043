"""The signals of a command: installed in the running event loop, and removed in the end."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from orchestrator.model import Stop, StopReason

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled(on_stop: Callable[[Stop], None]) -> Iterator[None]:
    """While the block runs, each signal that asks the process to end calls `on_stop` instead."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        # Called by the loop between two steps, so that no signal breaks off a commit.
        loop.add_signal_handler(number, on_stop, Stop(StopReason(number.name), f"{number.name} received"))
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextmanager
def orderly_stop(stop: Callable[[Stop], None], task: "asyncio.Task[Any] | None" = None) -> Iterator[None]:
    """A first signal calls `stop`, which ends new starts; a second one cancels `task`, which waits for the rest."""
    seen: list[Stop] = []

    def on_signal(received: Stop) -> None:
        seen.append(received)
        if len(seen) == 1:
            stop(received)
            click.echo(
                f"{received.reason}: no new start; waiting for calls in flight (again to stop waiting)", err=True
            )
        elif task is not None:
            task.cancel()

    with handled(on_signal):
        yield
