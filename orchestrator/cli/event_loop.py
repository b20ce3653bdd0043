"""The event loop that a command runs in."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import click

_T = TypeVar("_T")

VARIABLE: Final = "ORCHESTRATOR_LOOP"


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a command to its end: on uvloop where it is installed (extra `speed`), unless ORCHESTRATOR_LOOP says asyncio.

    Raises click.UsageError for another word, or for uvloop where it is not installed.
    """
    try:
        factory = _factory(os.environ.get(VARIABLE, ""))
    except click.UsageError:
        main.close()  # else Python warns, under the error, of a coroutine that was never awaited
        raise
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def _factory(wanted: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if wanted not in {"", "asyncio", "uvloop"}:
        raise click.UsageError(f"{VARIABLE} is {wanted!r}: write asyncio or uvloop, or leave it out")
    # None stands for asyncio's own loop.
    if wanted == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        if wanted == "uvloop":
            raise click.UsageError(f"{VARIABLE} is uvloop, which is not installed: install the extra `speed`") from None
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
