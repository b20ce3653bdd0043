"""The signals that ask the process to end: one handler from its first line to its last, so that none slips through."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress

# Light imports only, not even `typing`: until the handler is in place, a signal ends in a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Final, TextIO

    from orchestrator.model import Stop

# Windows has no SIGHUP.
SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def _end_at_once(number: signal.Signals) -> None:
    """End the process without an exception, which would be raised wherever the program happens to be."""
    with suppress(OSError):
        # Not `print`: the signal may have come in the middle of a write to the same stream.
        os.write(2, f"{number.name} received: ended at once\n".encode())
    os._exit(128 + number)


def _pass_over(_: signal.Signals) -> None:
    """Ignore the signal: the command has ended, and only prints its result."""


class _Handler:
    """The process's one handler; what a signal does changes, the handler stays."""

    def __init__(self) -> None:
        self.act: Callable[[signal.Signals], None] = _end_at_once

    def __call__(self, number: int, _: FrameType | None) -> None:
        self.act(signal.Signals(number))


_handler: Final = _Handler()


def take_over() -> None:
    """From here on a signal ends the process at once, without a traceback, until `handled` says otherwise.

    A signal that is ignored at the start, as under nohup or by a shell's `&`, stays ignored.
    """
    for number in _heeded():
        signal.signal(number, _handler)


def ignore() -> None:
    """Ignore what `take_over` took over: on its way out the interpreter brings the default back, which kills."""
    for number in SIGNALS:
        if signal.getsignal(number) is _handler:
            signal.signal(number, signal.SIG_IGN)


def _heeded() -> list[signal.Signals]:
    return [number for number in SIGNALS if signal.getsignal(number) not in {signal.SIG_IGN, None}]


@contextmanager
def handled(on_stop: Callable[[Stop], None]) -> Iterator[None]:
    """While the block runs, each signal makes the event loop call `on_stop` instead. After it, signals do nothing.

    Not the loop's own signal handlers: removing them brings the default back, which ends the process.
    """
    import asyncio

    from orchestrator.model import Stop, StopReason

    loop = asyncio.get_running_loop()

    def act(number: signal.Signals) -> None:
        # By the loop, between two of its steps: the signal itself may come within any line, even of a commit.
        loop.call_soon_threadsafe(on_stop, Stop(StopReason(number.name), f"{number.name} received"))

    before = {number: signal.signal(number, _handler) for number in _heeded()}
    _handler.act = act
    try:
        yield
    finally:
        _handler.act = _pass_over
        for number, handler in before.items():  # the same handler, but in a program that embeds the command
            signal.signal(number, handler)


@contextmanager
def orderly_stop(
    stop: Callable[[Stop], None],
    stop_waiting: Callable[[], None] | None = None,
    words: Callable[[Stop], str] | None = None,
) -> Iterator[None]:
    """A first signal calls `stop`, which ends new starts; a second one `stop_waiting`; any more do nothing.

    `words` says what is awaited after the first signal.
    """
    import click

    seen: list[Stop] = []

    def on_signal(received: Stop) -> None:
        seen.append(received)
        if len(seen) == 1:
            stop(received)
            click.echo(words(received) if words else f"{received.reason}: waiting for calls in flight", err=True)
        elif len(seen) == 2 and stop_waiting is not None:
            stop_waiting()
            click.echo(f"{received.reason}: no longer waiting for calls in flight", err=True)

    with handled(on_signal):
        yield


@contextmanager
def breaking_a_question() -> Iterator[None]:
    """While a person is asked, which holds up the event loop, a signal also ends the question by KeyboardInterrupt."""
    act = _handler.act

    def act_and_break(number: signal.Signals) -> None:
        _handler.act = act  # once: a second signal must not be raised wherever the program has come to
        act(number)
        raise KeyboardInterrupt

    _handler.act = act_and_break
    try:
        yield
    finally:
        _handler.act = act


def wait_for_input(stream: TextIO) -> None:
    """Wait until a terminal has a line to read, or a signal has come: one right before a read would wait behind it.

    Where only sockets can be waited for, as on Windows, the read itself waits: Ctrl-C ends it there.
    """
    if os.name == "nt":
        return
    import select

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # Written to by the signal itself, whatever the interpreter is doing: so none slips in before the wait.
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        select.select([stream.fileno(), reader], [], [])
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
