"""Whose turn it is in a lane: those whose window is open, in the plan's order; the others wait, or are held."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.plan import Action, Entry
from orchestrator.core.result import timestamp
from orchestrator.engine.context import Context
from orchestrator.engine.halt import Halt


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
        return self.entry.window if self.entry.decision.action is Action.START else None


class Turns:
    """The campaigns of one lane and wave that have no outcome yet and are not on their way."""

    def __init__(self, context: Context, halt: Halt, entries: Sequence[Entry]) -> None:
        self._context = context
        self._halt = halt
        self._queues: dict[str | None, deque[Job]] = {}
        self._opens: dict[str, float] = {}  # the windows that are waited for
        for place, entry in enumerate(entries):
            job = Job(entry, place)
            self._queue(job).append(job)

    def _queue(self, job: Job) -> deque[Job]:
        return self._queues.setdefault(job.window, deque())

    async def next(self) -> Job | None:
        """The next campaign; waits for a window where only closed ones are left. None: no more. Raises Halted."""
        while True:
            self._halt.check()
            self._sort_out()
            ready = [queue for name, queue in self._queues.items() if queue and self._context.hours.is_open(name)]
            if ready:
                return min(ready, key=lambda queue: queue[0].place).popleft()
            waited = [self._opens[name] for name, queue in self._queues.items() if queue and name is not None]
            if not waited:
                return None
            await self._halt.sleep(max(0.0, min(waited) - self._context.clock.now()))

    def put_back(self, job: Job) -> None:
        """Its window closed before it could leave: it is the first of its window again."""
        job.begun = None
        self._queue(job).appendleft(job)

    def _sort_out(self) -> None:
        """Decide, once for every closing of a window, whether it is waited for."""
        now = self._context.clock.now()
        for name, queue in self._queues.items():
            if name is None or not queue:
                continue
            if self._context.hours.is_open(name):
                self._opens.pop(name, None)
            elif self._opens.get(name, now) <= now:  # not known yet, or it opened and closed with nobody free
                self._wait_or_hold(name, queue)

    def _wait_or_hold(self, name: str, queue: deque[Job]) -> None:
        opens, now = self._context.hours.next(name).opens, self._context.clock.now()
        if opens - now <= self._context.patience:
            self._opens[name] = opens
            self._tell("window_waiting", name, queue, until=timestamp(opens))
            return
        message = f"window {name} is closed{_until(opens)}; {_why(self._context.patience)}"
        self._context.held.update({job.entry.key: message for job in queue})
        self._tell("window_held", name, queue, message=message)
        queue.clear()

    def _tell(self, event: str, name: str, queue: deque[Job], **more: str | None) -> None:
        lane = queue[0].entry.target.lane
        self._context.observer.event(event, lane=lane, window=name, campaigns=len(queue), **more)


def _until(opens: float) -> str:
    return f" until {timestamp(opens)}" if opens < float("inf") else ", and does not open within a month"


def _why(patience: float) -> str:
    return f"a run waits {patience / 3600:g} h at most (windows_wait)" if patience else "this run does not wait"
