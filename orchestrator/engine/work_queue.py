"""Whose turn it is in a lane: those whose window is open, in the plan's order; the others wait, or are held."""

import asyncio
from array import array
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.plan.plan import Action, Entry
from orchestrator.core.result.build import timestamp
from orchestrator.core.text import duration
from orchestrator.engine import preflight
from orchestrator.engine.reader import Reader
from orchestrator.engine.run_state import Context
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.model import CampaignKey, Lane, Reason


@dataclass(slots=True)
class Job:
    """A campaign on its way: what this run has tried so far."""

    entry: Entry
    place: int = 0  # in the plan
    begun: float | None = None  # when its first turn came: waiting for the rate or a window is no failure
    sends: int = 0  # attempts that count against retry.attempts
    refused_tokens: int = 0
    hindrance: str | None = None  # why we ourselves did not send the last attempt
    message: str = ""

    @property
    def window(self) -> str | None:
        """Its window; a leftover to be judged needs none."""
        return _window(self.entry)


class _Queue:
    """The campaigns of one window: those put back first, then the plan's order. A job is made when its turn comes."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._places = array("I")  # in `entries`: a million jobs would take a quarter of a gigabyte
        self._next = 0
        self._back: list[Job] = []

    def __len__(self) -> int:
        return len(self._back) + len(self._places) - self._next

    def add(self, place: int) -> None:
        self._places.append(place)

    def put_back(self, job: Job) -> None:
        self._back.append(job)

    @property
    def place(self) -> int:
        """The place in the plan of the next one."""
        return self._back[-1].place if self._back else self._places[self._next]

    def pop(self) -> Job:
        if self._back:
            return self._back.pop()
        self._next += 1
        return self._job(self._places[self._next - 1])

    def jobs(self) -> Iterator[Job]:
        """All that wait, in their order."""
        yield from reversed(self._back)
        yield from map(self._job, self._places[self._next :])

    def drop(self, keys: Container[CampaignKey]) -> None:
        """Take some out."""
        self._back = [job for job in self._back if job.entry.key not in keys]
        left = self._places[self._next :]
        self._places, self._next = array("I", (n for n in left if self._entries[n].key not in keys)), 0

    def clear(self) -> None:
        """Take all out."""
        self._back, self._next = [], len(self._places)

    def _job(self, place: int) -> Job:
        return Job(self._entries[place], place)


class WorkQueue:
    """The campaigns of one lane and wave that have no outcome yet and are not on their way.

    `reader` looks again at what had to wait for its window; with `is_late`, at all of them.
    """

    def __init__(
        self,
        context: Context,
        stop_signal: StopSignal,
        reader: Reader,
        entries: Sequence[Entry],
        *,
        is_late: bool = False,
    ) -> None:
        self._context = context
        self._stop_signal = stop_signal
        self._reader = reader
        self._looking = asyncio.Lock()
        self._queues: dict[str | None, _Queue] = {}
        self._opens: dict[str, float] = {}  # the windows that are waited for
        for place, entry in enumerate(entries):
            name = _window(entry)
            if name not in self._queues:
                self._queues[name] = _Queue(entries)
            self._queues[name].add(place)
        self._unsure = set(self._queues) if is_late else set()  # windows whose campaigns must be looked at again

    async def next(self) -> Job | None:
        """The next campaign; waits for a window where only closed ones are left. None: no more. Raises Halted."""
        while True:
            self._stop_signal.check()
            self._sort_out()
            ready = [name for name, queue in self._queues.items() if queue and self._context.hours.is_open(name)]
            sure = [self._queues[name] for name in ready if name not in self._unsure]
            if sure:
                return min(sure, key=lambda queue: queue.place).pop()
            if ready:
                await self._make_sure(ready[0])
                continue
            # A window that has closed since `_sort_out` looked is not known yet: look again at once.
            waited = [self._opens.get(name, 0.0) for name, queue in self._queues.items() if queue and name is not None]
            if not waited:
                return None
            await self._stop_signal.sleep(max(0.0, min(waited) - self._context.clock.now()))

    def put_back(self, job: Job) -> None:
        """Its window closed before it could leave: it is the first of its window again."""
        job.begun = None
        self._queues[job.window].put_back(job)

    async def _make_sure(self, name: str | None) -> None:
        """Look again at the campaigns of a window, and hold those that somebody changed."""
        async with self._looking:
            if name not in self._unsure:
                return  # another worker did
            starts = [job.entry for job in self._queues[name].jobs() if job.entry.decision.action is Action.START]
            changes = await preflight.changes(self._reader, starts, self._context.manifest.preflight.check)
            self._unsure.discard(name)
            self._hold({key: (Reason.CHANGED, text) for key, text in changes.items()}, self._queues[name])

    def _hold(self, held: Mapping[CampaignKey, tuple[Reason, str]], queue: _Queue) -> None:
        for key, (_, message) in held.items():
            self._context.observer.event("campaign_held", campaign=key, message=message)
        self._context.held.update(held)
        queue.drop(held)

    def _sort_out(self) -> None:
        """Decide, once for every closing of a window, whether it is waited for."""
        now = self._context.clock.now()
        for name, queue in self._queues.items():
            if name is None or not queue:
                continue
            if self._context.hours.is_open(name):
                if self._opens.pop(name, None) is not None:
                    self._unsure.add(name)
            elif self._opens.get(name, now) <= now:  # not known yet, or it opened and closed with nobody free
                self._wait_or_hold(name, queue)

    def _wait_or_hold(self, name: str, queue: _Queue) -> None:
        opens, now = self._context.hours.next(name).opens, self._context.clock.now()
        if opens - now <= self._context.patience:
            self._opens[name] = opens
            self._context.observer.event(
                "window_waiting", lane=_lane(queue), window=name, campaigns=len(queue), until=timestamp(opens)
            )
            return
        message = f"window {name} is closed{_until(opens)}; {_why(self._context.patience)}"
        self._context.held.update({job.entry.key: (Reason.WINDOW, message) for job in queue.jobs()})
        self._context.observer.event(
            "window_held", lane=_lane(queue), window=name, campaigns=len(queue), message=message
        )
        queue.clear()


def _window(entry: Entry) -> str | None:
    return entry.window if entry.decision.action is Action.START else None


def _lane(queue: _Queue) -> Lane:
    return next(queue.jobs()).entry.lane


def _until(opens: float) -> str:
    return f" until {timestamp(opens)}" if opens < float("inf") else ", and does not open within a month"


def _why(patience: float) -> str:
    return f"a run waits {duration(patience)} at most (windows_wait)" if patience else "this run does not wait"
