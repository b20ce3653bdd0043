"""Campaigns whose contact lists are in use: they wait for them, or are held (`same_list`)."""

from dataclasses import dataclass
from typing import Final

from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Entry
from orchestrator.core.plan.recipients import lists_needed
from orchestrator.core.rules.shared_lists import Conflict, held_message
from orchestrator.core.text import duration, timestamp
from orchestrator.engine.control_watch import ControlWatch
from orchestrator.engine.list_watch import ListWatch
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.engine.run_deps import RunDeps
from orchestrator.model import PosixSeconds, Reason

_LOOK_EVERY: Final = 60.0
_NEVER: Final = PosixSeconds(float("inf"))
_SHARE: Final = 4
"""After a slow read, the pause is this many times as long as the read: starts need the rate, too."""
_LONGEST_REST: Final = 900.0
"""Without this limit, an account with one call a minute would leave a free list unused for an hour."""


@dataclass(slots=True)
class Job:
    """A campaign that is being started: what this run has tried so far."""

    entry: Entry
    place: int = 0  # in the lane's part of the plan
    begun: PosixSeconds | None = None  # when its first turn came: waiting for the rate or a window is no failure
    sends: int = 0  # attempts that count against retry.attempts
    refused_tokens: int = 0
    withheld: bool = False  # we ourselves did not send the last attempt
    read_under: int = 0  # the number of the control state in which its live state was read

    def is_outdated(self, control: ControlWatch) -> bool:
        """Whether the launch was paused since its live state was read. During a pause, no read stays valid."""
        is_start = self.entry.decision.action is Action.START
        return is_start and not control.is_paused and self.read_under != control.state.number

    @property
    def window(self) -> str | None:
        """Its window; a start left open by an earlier run is only probed, and needs none."""
        return self.entry.window if self.entry.decision.action is Action.START else None


class ListQueue:
    """The campaigns of one lane and wave that wait for their contact lists, in the plan's order.

    `looks_at` is when it looks again whether lists are free.
    """

    def __init__(self, deps: RunDeps, reader: Reader, lists: ListWatch) -> None:
        self._deps = deps
        self._reader = reader
        self._lists = lists
        self._waiting: dict[int, tuple[Job, PosixSeconds]] = {}  # by place; until when each waits at most
        self._asks = deps.manifest.preflight.check == "list"
        self.looks_at = _NEVER

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def admit(self, job: Job) -> bool:
        """Whether a campaign may start now; then it has its lists to itself. If not, it waits here, or is held."""
        conflict = self._lists.conflict(job.entry)
        if conflict is None:
            self._lists.take(job.entry)
            return True
        until = PosixSeconds(self._deps.clock.now() + self._deps.lists_wait)
        if not self._is_held(job, conflict, until):
            self._waiting[job.place] = job, until
            self.looks_at = min(self.looks_at, until, PosixSeconds(self._deps.clock.now() + _LOOK_EVERY))
            self._tell(conflict)
        return False

    def give_back(self, job: Job) -> None:
        """The campaign does not start now, although its turn had come."""
        self._lists.let_go(job.entry.key)

    def drain(self) -> list[Job]:
        """All that wait, in order; none waits any longer."""
        waited = [job for _, (job, _) in sorted(self._waiting.items())]
        self._waiting.clear()
        self.looks_at = _NEVER
        if waited:
            self._tell(None)
        return waited

    async def look(self) -> list[Job]:
        """Read what others wait for. Those whose lists are free now, in order. Raises StopRequested, LeaseLost.

        They keep nothing to themselves until `admit`: one that is held then, or runs already, must keep nobody waiting.
        """
        # 1. Read those that use the lists.
        begun = self._deps.clock.now()
        met = [self._lists.conflict(job.entry) for job, _ in self._waiting.values()]
        await self._lists.refresh(self._reader, {one.user.key for one in met if one is not None})
        # 2. Has a campaign that no read has shown begun to use a list that looks free?
        await self._look_for_users()
        # 3. In the plan's order: whose lists are free now, and who has waited for long enough?
        freed: list[Job] = []
        last: Conflict | None = None
        for place, (job, until) in sorted(self._waiting.items()):
            conflict = self._lists.conflict(job.entry)
            if conflict is None:
                self._lists.take(job.entry)
                freed.append(job)
            elif not self._is_held(job, conflict, until):
                last = conflict
                continue
            del self._waiting[place]
        for job in freed:
            self.give_back(job)
        # 4. Report what is still waited for, and pause.
        if met:
            self._tell(last)
        now = self._deps.clock.now()
        rest = PosixSeconds(now + max(_LOOK_EVERY, min(_SHARE * (now - begun), _LONGEST_REST)))
        # No longer than the first of them waits.
        self.looks_at = min((min(rest, until) for _, until in self._waiting.values()), default=_NEVER)
        return freed

    async def _look_for_users(self) -> None:
        free = [job.entry for job, _ in self._waiting.values() if self._lists.conflict(job.entry) is None]
        for target, names in lists_needed(free).values() if self._asks else ():
            try:
                lists = await self._reader.contact_lists(target)
            except ReadFailed:
                self._asks = False  # an old host has no such call, and a scope may forbid it
                return
            await self._lists.look_for(self._reader, target, names, lists)

    def _is_held(self, job: Job, conflict: Conflict, until: PosixSeconds) -> bool:
        """Hold a campaign that does not wait, or has waited for long enough."""
        deps = self._deps
        if deps.manifest.same_list == "hold":
            message = held_message(conflict)
        elif self._lists.is_unknown(conflict.user.key):
            message = f"{conflict.words}; resolve that one, and run again"
        elif until <= deps.clock.now():
            message = f"{conflict.words}; a run waits {duration(deps.lists_wait)} at most (same_list_wait)"
        else:
            return False
        deps.observer.event("campaign_held", campaign=job.entry.key, lane=job.entry.lane, message=message)
        deps.states.hold({job.entry.key: (Reason.SHARED_LIST, message)})
        return True

    def _tell(self, conflict: Conflict | None) -> None:
        """Say how many wait, and for what; None: nobody waits any longer."""
        # Who began to wait last gives up last.
        until = next((until for _, until in reversed(self._waiting.values())), self._deps.clock.now())
        self._deps.observer.event(
            "list_waiting", lane=self._reader.lane, campaigns=len(self._waiting),
            message=conflict.words if conflict else "", until=timestamp(until),
        )  # fmt: skip
