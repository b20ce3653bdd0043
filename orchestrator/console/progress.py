"""What a person sees while a run goes on: bars at a terminal, a line per 30 s without one."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from orchestrator.console.terminal import console_for, has_bars, plain
from orchestrator.core.result.build import timestamp
from orchestrator.ports import Clock

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

_LINE_EVERY: Final = 30.0
_DRAW_EVERY: Final = 0.25
_BAR_WIDTH: Final = 80


class ProgressObserver:
    """Counts the finished campaigns of each account, and keeps what the run waits for and until when."""

    def __init__(self, expected: Mapping[str, int], clock: Clock) -> None:
        self.expected = dict(expected)
        self.done = dict.fromkeys(self.expected, 0)
        self.outcomes: dict[str, int] = {}
        self.wave = ""
        self.paused = ""  # by whom and why, while it is
        self._waits: dict[tuple[str, str], str] = {}  # by lane ("" for all) and what: until when
        self._clock = clock
        self._begun = clock.now()

    def event(self, name: str, **fields: Any) -> None:
        """Count a campaign that got its outcome; note what the run waits for."""
        if name in {"launch_paused", "launch_unpaused"}:
            self.paused = f"paused by {fields['by']}: {fields['reason']}" if name == "launch_paused" else ""
        if name == "campaign_done":
            lane = str(fields["lane"])
            self.done[lane] = self.done.get(lane, 0) + 1
            self.outcomes[fields["outcome"]] = self.outcomes.get(fields["outcome"], 0) + 1
        elif name == "wave_opened":
            self.wave = fields["wave"]
        elif name == "wave_baking":
            self._waits["", "bakes until"] = fields["until"]
        elif name == "window_waiting":
            self._waits[str(fields["lane"]), f"window {fields['window']} opens"] = fields["until"]
        elif name == "breaker_opened":
            self._waits[str(fields["lane"]), "starts get lost: held"] = ""
        elif name in {"breaker_closed", "lane_stopped"}:
            self._waits.pop((str(fields["lane"]), "starts get lost: held"), None)

    def status(self, lane: str | None = None) -> str:
        """The wave, and what a lane (by default any lane) waits for and until when."""
        # No event ends a bake, or the wait for a window: such a wait is over when its time has passed.
        now = str(timestamp(self._clock.now()))
        waits = dict.fromkeys(
            f"{what} {until}".rstrip()
            for (whose, what), until in self._waits.items()
            if lane in {None, whose} or not whose
            if not until or now < until
        )
        return ", ".join([f"wave {self.wave}", *waits]) if self.wave else ""

    def rate(self, lane: str | None = None) -> float:
        """Campaigns finished per second so far, in one lane or in all."""
        done = sum(self.done.values()) if lane is None else self.done.get(lane, 0)
        return done / max(self._clock.now() - self._begun, 1e-9)

    def line(self) -> str:
        """One line for a log."""
        done, total = sum(self.done.values()), sum(self.expected.values())
        # Before the first campaign is done there is no rate to go by.
        left = (total - done) / self.rate() if done else 0.0
        counts = ", ".join(f"{count} {word}" for word, count in sorted(self.outcomes.items()))
        eta = f", about {left:.0f} s left" if done and done < total else ""
        pace = self.paused or f"{self.rate():.1f}/s{eta}"
        return f"progress: {done} of {total} campaigns ({counts or 'none done'}), {pace}" + (
            f"; {self.status()}" if self.wave else ""
        )


@asynccontextmanager
async def shown(
    progress: ProgressObserver, stream: TextIO, names: Mapping[str, str], *, bars: bool
) -> AsyncIterator[None]:
    """Show the progress on `stream` while the block runs. `names` are the accounts' names by lane."""
    show = _bars if bars else _lines
    task = asyncio.create_task(show(progress, stream, names))
    try:
        yield
    finally:
        task.cancel()
        # Not `await task`, which would raise the task's CancelledError here.
        await asyncio.wait([task])


async def _lines(progress: ProgressObserver, stream: TextIO, _: Mapping[str, str]) -> None:
    while True:
        await asyncio.sleep(_LINE_EVERY)
        stream.write(progress.line() + "\n")
        stream.flush()


async def _bars(progress: ProgressObserver, stream: TextIO, names: Mapping[str, str]) -> None:
    from rich.progress import Progress

    console = console_for(stream, os.environ)
    with Progress(*_columns(console.width), console=console, auto_refresh=False, transient=True) as bars:
        tasks = {
            lane: bars.add_task(names.get(lane, lane), total=n, rate="", status="")
            for lane, n in progress.expected.items()
        }
        try:
            while True:
                _draw(bars, progress, tasks)
                await asyncio.sleep(_DRAW_EVERY)
        finally:
            _draw(bars, progress, tasks)


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


def _columns(width: int) -> "list[ProgressColumn]":
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    counts: list[ProgressColumn] = [TextColumn("{task.description}"), MofNCompleteColumn()]
    if width < _BAR_WIDTH:
        return counts  # a bar that does not fit would be drawn as a new line, four times a second
    return [counts[0], BarColumn(), counts[1], TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
            TextColumn("{task.fields[status]}")]  # fmt: skip


def _draw(bars: "Progress", progress: ProgressObserver, tasks: "Mapping[str, TaskID]") -> None:
    for lane, task in tasks.items():
        done, rate = progress.done.get(lane, 0), progress.paused or f"{progress.rate(lane):.1f}/s"
        bars.update(task, completed=done, rate=rate, status=progress.status(lane))
    bars.refresh()
