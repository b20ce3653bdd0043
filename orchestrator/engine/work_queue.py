"""Whose turn it is in a lane: campaigns whose window is open, in the plan's order; the others wait, or are held."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Collection, Container, Iterable, Sequence
from typing import Final

from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Entry
from orchestrator.core.result.build import timestamp
from orchestrator.engine import preflight
from orchestrator.engine.list_queue import Job, ListQueue
from orchestrator.engine.list_watch import ListWatch
from orchestrator.engine.reader import Reader
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.model import CampaignKey, PosixSeconds, Reason

__all__ = ["FRESH_SECONDS", "Job", "WorkQueue"]

FRESH_SECONDS: Final = 300.0
"""How long a live state stays good: later, after a bake, a long wave or hours in a busy lane, it is read again."""

_STARTS_PER_READ: Final = 25
"""Starts that leave for each call of the last read before the next one: they need nearly all of the rate."""

NOT_AFTER: Final = "not_after"
"""What the event of a hold names in place of a window."""


class Outdated(Exception):  # noqa: N818 - a decision, not a malfunction
    """The launch was paused since the campaign's live state was read: it must be read again."""


class WorkQueue:
    """The campaigns of one lane and wave that have no outcome yet and are not on their way, by window.

    `reader` looks again at campaigns that had to wait for their window, their lists or the end of a pause, and at all
    that are left once their live states, which were read at `read_at` (POSIX seconds), are no longer good.
    """

    def __init__(
        self,
        deps: RunDeps,
        stop_signal: StopSignal,
        reader: Reader,
        lists: ListWatch,
        entries: Sequence[Entry],
        *,
        read_at: PosixSeconds,
    ) -> None:
        self._deps = deps
        self._stop_signal = stop_signal
        self._reader = reader
        self._rechecking = asyncio.Lock()
        self._list_queue = ListQueue(deps, reader, lists)
        self._jobs: dict[str | None, deque[Job]] = defaultdict(deque)  # each in the plan's order
        self._opens: dict[str, PosixSeconds] = {}  # windows that are waited for, and when they open
        for place, entry in enumerate(entries):
            job = Job(entry, place, read_under=deps.control.planned_under)
            self._jobs[job.window].append(job)
        # By window. Those whose campaigns must be read again; when they were read; how many starts are to leave before
        # their age alone is a reason to read them again.
        self._unsure = set(self._jobs) if self._is_old(read_at) else set[str | None]()
        self._read_at = dict.fromkeys(self._jobs, read_at)
        self._left = dict.fromkeys(self._jobs, _STARTS_PER_READ * reader.calls)

    async def next(self) -> Job | None:
        """The next campaign; waits for windows and lists if no other campaign is left. None: the queue is empty.

        Raises StopRequested.
        """
        while True:
            self._stop_signal.check()
            if self._deps.windows.have_ended():
                self._hold_rest()
            # 1. Is it time to see whether contact lists are free?
            if self._list_queue.looks_at <= self._deps.clock.now():
                await self._look_at_lists()
                continue
            # 2. A campaign whose window is open, and whose state is known to be as planned.
            self._update_waits()
            open_windows = [name for name, jobs in self._jobs.items() if jobs and self._may_begin(name)]
            sure = [self._jobs[name] for name in open_windows if name not in self._unsure]
            if sure:
                jobs = min(sure, key=lambda jobs: jobs[0].place)
                if jobs[0].is_outdated(self._deps.control) or self._is_stale(jobs[0]):
                    self._unsure.add(jobs[0].window)
                    continue
                job = jobs.popleft()
                self._left[job.window] -= 1
                if job.entry.decision.action is not Action.START or self._list_queue.admit(job):
                    return job
                continue
            # 3. One that waited for its window, the end of a pause, or long for its turn: check first whether it was
            # changed in the meantime.
            if open_windows:
                await self._recheck(open_windows[0])
                continue
            # 4. Only closed windows and lists in use are left: wait for the first that opens.
            if not await self._wait():
                return None

    async def _wait(self) -> bool:
        """Wait until something may have changed. False: nothing is left."""
        # A window that has closed since `_update_waits` is not known yet: look again at once.
        waits = [self._opens.get(name, 0.0) for name, jobs in self._jobs.items() if jobs and name is not None]
        if self._list_queue:
            waits.append(self._list_queue.looks_at)
        if waits:
            await self._stop_signal.sleep(max(0.0, min(waits) - self._deps.clock.now()))
            return True
        if not self._rechecking.locked():
            return False
        async with self._rechecking:  # another worker has the last campaigns
            return True

    def requeue(self, job: Job) -> None:
        """It may not leave now: put it back as the first of its window."""
        job.begun = None
        self._list_queue.give_back(job)
        self._jobs[job.window].appendleft(job)

    async def _look_at_lists(self) -> None:
        """Put those whose contact lists are free into the queue again, unless they were changed meanwhile."""
        async with self._rechecking:
            if self._list_queue.looks_at > self._deps.clock.now():
                return  # another worker did
            freed = await self._list_queue.look()
            changes = await self._changes(freed)
            for job in reversed(freed):
                if job.entry.key not in changes:
                    self._jobs[job.window].appendleft(job)

    async def _recheck(self, name: str | None) -> None:
        """Read the campaigns of a window again, and hold those that were changed meanwhile."""
        async with self._rechecking:
            if name not in self._unsure:
                return  # another worker did
            self._read_at[name], calls = self._deps.clock.now(), self._reader.calls
            changes = await self._changes(self._jobs[name])
            self._left[name] = _STARTS_PER_READ * (self._reader.calls - calls)
            self._unsure.discard(name)
            self._jobs[name] = deque(job for job in self._jobs[name] if job.entry.key not in changes)

    async def _changes(self, jobs: Iterable[Job]) -> Container[CampaignKey]:
        """Read campaigns again, hold those that were changed in the meantime, and return which."""
        read, number = list(jobs), self._deps.control.state.number
        starts = [job.entry for job in read if job.entry.decision.action is Action.START]
        changes = await preflight.changes(self._reader, starts, self._deps.manifest)
        for job in read:
            job.read_under = number
        for key, message in changes.items():
            self._deps.observer.event("campaign_held", campaign=key, lane=starts[0].lane, message=message)
        self._deps.states.hold({key: (Reason.CHANGED, message) for key, message in changes.items()})
        return changes

    def _is_stale(self, job: Job) -> bool:
        is_start = job.entry.decision.action is Action.START
        return is_start and self._left[job.window] <= 0 and self._is_old(self._read_at[job.window])

    def _is_old(self, read_at: PosixSeconds) -> bool:
        return self._deps.clock.now() - read_at > FRESH_SECONDS

    def _may_begin(self, name: str | None) -> bool:
        # Without a window, only starts left open by earlier runs go on after `not_after`: they are only probed.
        return name is None or self._deps.windows.is_open(name)

    def _hold_rest(self) -> None:
        """Hold all campaigns that are still to be started: `not_after` has come. Those that are only probed stay."""
        for job in self._list_queue.drain():
            self._jobs[job.window].append(job)
        for name, jobs in self._jobs.items():
            late = [job for job in jobs if job.entry.decision.action is Action.START]
            if late:
                self._jobs[name] = deque(job for job in jobs if job.entry.decision.action is not Action.START)
                self._hold(name or NOT_AFTER, late, self._deps.windows.calendar.ending)

    def _update_waits(self) -> None:
        """Decide, each time a window has closed, whether to wait for it."""
        now = self._deps.clock.now()
        for name, jobs in self._jobs.items():
            if name is None or not jobs:
                continue
            if self._deps.windows.is_open(name):
                if self._opens.pop(name, None) is not None:
                    self._unsure.add(name)
            elif self._opens.get(name, now) <= now:  # not known yet, or it opened and closed while no worker was free
                self._wait_or_hold(name, jobs)

    def _wait_or_hold(self, name: str, jobs: deque[Job]) -> None:
        calendar, now, patience = self._deps.windows.calendar, self._deps.clock.now(), self._deps.windows_wait
        if not calendar.is_worth_waiting(name, now, patience):
            self._hold(name, jobs, calendar.why_held(name, now, patience))
            jobs.clear()
            return
        self._opens[name] = opens = calendar.next(name, now).opens
        lane = jobs[0].entry.lane
        self._deps.observer.event("window_waiting", lane=lane, window=name, campaigns=len(jobs), until=timestamp(opens))

    def _hold(self, name: str, jobs: Collection[Job], message: str) -> None:
        """Hold campaigns of one window, for one reason."""
        lane = next(iter(jobs)).entry.lane
        self._deps.states.hold({job.entry.key: (Reason.WINDOW, message) for job in jobs})
        self._deps.observer.event("window_held", lane=lane, window=name, campaigns=len(jobs), message=message)
