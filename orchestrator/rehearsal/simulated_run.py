"""One run as a process makes it, from its leases to its result, over parts that are passed in."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.core.delivery.delivery import Deliveries
from orchestrator.core.journal.control import ControlState
from orchestrator.core.journal.lease import AcquiredLease, Holder
from orchestrator.core.journal.states import fold
from orchestrator.core.manifest.models import Manifest, Pass
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan.approval import check_not_too_late
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.selection import Choice
from orchestrator.core.result.build import Result, build
from orchestrator.engine.follower import after_followers
from orchestrator.engine.preflight import held_if_changed
from orchestrator.engine.run import Run, inherited_calls, lanes_in_use
from orchestrator.engine.run_deps import Origin, RunDeps
from orchestrator.engine.start_wait import StartWait
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.ledger.memory import MemoryStore
from orchestrator.model import Lane, PosixSeconds, Record
from orchestrator.ports import CampaignApi, Clock, Journal, Observer


class Closable(Journal, Protocol):
    """A journal that ends with its run."""

    def close(self) -> None:
        """Commit what has gathered; nothing is accepted after it."""
        ...


class NoObserver:
    """An observer that ignores all events."""

    def event(self, name: str, **fields: object) -> None:
        """Nothing."""


class PassingChecks:
    """Checks of a rehearsal: no command is run, and all are taken to pass."""

    async def run(self, check: Pass, facts: Mapping[str, str]) -> str | None:  # noqa: ARG002 - nothing is asked
        """It passes."""
        return None


@dataclass(slots=True)
class SimulatedRun:
    """A run that has not begun. `make_journal` makes its journal from the lanes that it has taken.

    `mark` goes into its header.
    """

    manifest: Manifest
    holder: Holder
    store: MemoryStore
    api: CampaignApi
    clock: Clock
    make_journal: Callable[[list[AcquiredLease]], Closable]
    source: str = "manifest"
    environment: str | None = None
    mark: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    choice: Choice = field(default_factory=Choice)
    is_new_host: bool = False
    no_wait: bool = False
    random: Callable[[], float] = random.random
    observer: Observer = field(default_factory=NoObserver)
    stop_signal: StopSignal = field(default_factory=StopSignal)
    permit: Callable[[Plan], None] = lambda _: None
    unrecorded: list[Record] = field(default_factory=list)

    async def run(self) -> Result:
        """Carry the manifest out. Raises OrchestratorError if nothing was sent, StopRequested for an early stop."""
        # As `app.start_time`: the plan is made now, the leases are given back, and it is made again in time.
        agreed: Plan | None = None
        while not isinstance(done := await self._once(agreed), Result):
            agreed = agreed or done
            if self.manifest.not_before is not None:
                await StartWait(
                    self.manifest, self._read_state, self._read_time, self.stop_signal, self.observer, show=_unseen
                ).until(self.manifest.not_before)
        return done

    async def _read_state(self, launch: str) -> ControlState:
        return self.store.control_state(launch)

    async def _read_time(self) -> PosixSeconds:
        return self.clock.now()

    async def _once(self, agreed: Plan | None) -> Result | Plan:
        """The result; before its time, the plan that would be carried out. `agreed` is that of before a wait."""
        start, now = self.manifest.not_before, self.clock.now()
        check_not_too_late(self.manifest, max(now, start.at) if start is not None else now)
        # The steps of `app.open_run` and `app.run`, over parts that need no thread and no socket.
        leases = await after_followers(self._acquired, self.clock, self.stop_signal)
        recent: dict[Lane, list[PosixSeconds]] = inherited_calls(self.manifest, leases, self.clock.now())
        journal = self.make_journal(leases)
        try:
            records = self.store.read(self.manifest.launch)
            known, deliveries = fold(records), Deliveries()
            for record in records:
                deliveries.read(record)
            origin = Origin(self.source, self.sha256, subrun=self.mark, environment=self.environment)
            deps = RunDeps.assemble(
                self.manifest, self.holder.run_id, origin=origin,
                api=self.api, journal=journal, clock=self.clock, observer=self.observer, known=known,
                stop_signal=self.stop_signal, checks=PassingChecks(), draw=self.random, no_wait=self.no_wait,
                deliveries=deliveries,
            )  # fmt: skip
            # Shared, and not copied at the end: a run that is killed in a test does not get that far.
            self.unrecorded = deps.states.unrecorded
            run = Run(deps, leases, is_new_host=self.is_new_host)
            try:
                plan = await run.plan(self.choice)
                self.permit(plan)
                if start is not None and self.clock.now() < start.at:
                    return plan
                await run.execute(held_if_changed(agreed, plan) if agreed is not None else plan)
            finally:
                recent |= run.recent_calls()
        finally:
            journal.close()
            self.store.release(self.holder.run_id, recent, self.clock.now())
        return build(self.store.read(self.manifest.launch), self.holder.run_id)

    async def _acquired(self) -> list[AcquiredLease]:
        return self.store.acquire(lanes_in_use(self.manifest), self.holder, self.clock.now())


async def _unseen(_: StartTime, __: PosixSeconds) -> None:
    """Nobody looks at a rehearsal that waits."""
