"""Shows a run while it goes on: drawn over at a terminal, a line per 30 s without one."""

import asyncio
import contextlib
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from orchestrator.console.live_words import done_of, log_line, screen
from orchestrator.console.progress import Phase, ProgressObserver
from orchestrator.console.terminal import console_for, has_bars, plain

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import TaskID

_LINE_EVERY: Final = 30.0
_WAITING_LINE_EVERY: Final = 300.0
_DRAW_EVERY: Final = 0.25
_BAR_WIDTH: Final = 40
_NOTICES: Final = {
    "connections_short": "warning: {message}",
    "ledger_away": "warning: {message}",
    "lane_stopped": "{account} has stopped: {message}",
    "window_held": "{account}: campaigns held: {campaigns}; {message}",
    "campaign_held": "{campaign} is held: {message}",
    "breaker_opened": "{account}: starts that got lost in a row: {lost}; its circuit breaker is open",
    "launch_paused": "paused by {by}: {reason}",
    "launch_unpaused": "the pause is over",
    "launch_aborted": "aborted by {by}: {reason}",
}


class Notices:
    """Prints, above the view, what happens once and should not pass unseen while the log is not shown."""

    def __init__(self, progress: ProgressObserver) -> None:
        self._progress = progress

    def event(self, name: str, **fields: Any) -> None:
        """Print the event, if it is one of these."""
        words = notice(name, fields, self._progress)
        if words:
            click.echo(words, err=True)


def notice(name: str, fields: Mapping[str, Any], progress: ProgressObserver) -> str:
    """An event in a sentence; empty if the view says it."""
    words = {key: plain(str(value)) for key, value in fields.items()}
    lane = progress.lanes.get(str(fields.get("lane")))
    account = f"account {plain(lane.name)}" if lane is not None else "an account"
    return _NOTICES.get(name, "").format_map({**words, "account": account})


@asynccontextmanager
async def shown(
    progress: ProgressObserver, stream: TextIO, *, bars: bool, can_stop_waiting: Callable[[], bool]
) -> AsyncIterator[None]:
    """Show the progress on `stream` while the block runs, and leave nothing of it behind at a terminal."""
    if not bars:
        every = _WAITING_LINE_EVERY if progress.phase is Phase.WAITING else _LINE_EVERY
        async with _repeated(lambda: _write_line(progress, stream), every):
            yield
        return
    from rich.live import Live

    console = console_for(stream, os.environ)
    # rich's own redirection is passed by: click writes to the stream behind it, over the view.
    view_of = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
    with view_of as live, contextlib.redirect_stderr(_AboveView(console, stream)):

        def draw() -> None:
            view = _view(progress, console, can_stop_waiting=can_stop_waiting())
            live.update(view, refresh=True)

        # At once, too: what follows may not let the event loop draw again before it has ended.
        draw()
        async with _repeated(draw, _DRAW_EVERY):
            yield


class _AboveView(io.TextIOBase):
    """In place of stderr while a view is drawn: whole lines, printed above it by its own console."""

    def __init__(self, console: "Console", stream: TextIO) -> None:
        super().__init__()
        self._console = console
        self._stream = stream
        self._begun = ""  # a line that has no end yet

    def write(self, text: str) -> int:
        from rich.text import Text

        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            # Broken by the terminal, not by us: a command in it can still be pasted.
            self._console.print(Text.from_ansi(line), soft_wrap=True)
        return len(text)

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


@asynccontextmanager
async def _repeated(act: Callable[[], None], every: float) -> AsyncIterator[None]:
    async def repeat() -> None:
        while True:
            await asyncio.sleep(every)
            act()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        # Not `await task`, which would raise the task's CancelledError here.
        await asyncio.wait([task])


def _write_line(progress: ProgressObserver, stream: TextIO) -> None:
    stream.write(log_line(progress) + "\n")
    stream.flush()


def _view(progress: ProgressObserver, console: "Console", *, can_stop_waiting: bool) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    # One row for the bar; and one column and row stay free: a full line may begin a new one by itself.
    width, height = console.width - 1, console.height - 2
    rows = screen(progress, width, height, can_stop_waiting=can_stop_waiting)
    lines = [Text.assemble(*row, no_wrap=True) for row in rows]
    return Group(_headline(progress, width), *lines)


def _headline(progress: ProgressObserver, width: int) -> "RenderableType":
    """The launch's name, a bar as wide as there is room, and how much is done. The number is never cut."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    if progress.phase is Phase.REPORTS:
        return Text("writing the reports", no_wrap=True)
    name = plain(progress.launch)
    if progress.phase is Phase.WAITING:
        return Text(name[:width], style="bold", no_wrap=True)
    done, total = done_of(progress, progress.gauge())
    count = f"{done:,}/{total:,}"
    room = width - len(count) - len(name) - 4
    if room < 10:
        return Text(f"{name} {count}" if len(name) + len(count) < width else count, no_wrap=True)
    grid = Table.grid(padding=(0, 2, 0, 0))
    bar = ProgressBar(total=max(total, 1), completed=done, width=min(room, _BAR_WIDTH))
    grid.add_row(Text(name, style="bold", no_wrap=True), bar, Text(count, no_wrap=True))
    return grid


@contextmanager
def shown_pages(stream: TextIO) -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar at a terminal for each list that is read.

    Call what it yields after a page: the list's name, the campaigns read, and the pages left (None: unknown).
    """
    if not has_bars(stream, os.environ):
        yield lambda _name, _read, _left: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[read]:,} read"),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=console_for(stream, os.environ), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def on_page(name: str, read: int, left: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(plain(name), total=None, read=0)
            bars.advance(tasks[name])
            done = int(bars.tasks[tasks[name]].completed)
            bars.update(tasks[name], read=read, total=done + (left or 0))

        yield on_page
