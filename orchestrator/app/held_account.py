"""An account that is held for one turn of a follower: its lease, the calls of the last holder, and a reader."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from orchestrator.app.lanes import held_lanes
from orchestrator.core.journal.lease import FOLLOWER
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.plan import lane_of
from orchestrator.engine.follower import HeldAccount
from orchestrator.engine.run import Run
from orchestrator.engine.run_deps import Origin, RunDeps
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.ledger.store import Store
from orchestrator.ledger.writer import Writer
from orchestrator.model import Lane
from orchestrator.ports import CampaignApi, Clock, Observer


def new_run_id() -> str:
    """The id of a follower."""
    return f"{FOLLOWER}{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True, slots=True)
class Accounts:
    """What a follower, the run `run_id`, needs of the world; takes accounts of the manifest for a turn."""

    manifest: Manifest
    store: Store
    api: CampaignApi
    clock: Clock
    observer: Observer
    stop_signal: StopSignal
    run_id: str = field(default_factory=new_run_id)

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[Writer]:
        """A journal for what is read. It is of no lane, so it needs none to be held."""
        writer = Writer(self.store, self.run_id, (), self.clock)
        writer.start()
        try:
            yield writer
        finally:
            await writer.close()

    @asynccontextmanager
    async def hold(self, lane: Lane) -> AsyncIterator[HeldAccount]:
        """Hold one account. Raises LaneLeased while a run holds it, StopRequested and LedgerError."""
        # The lease of this account alone: another one may be busy.
        only = self._only(lane)
        async with held_lanes(
            self.store, only, self.run_id, self.clock, observer=self.observer, stop_signal=self.stop_signal
        ) as held:
            # The calls of the last holder count, and ours for the next one.
            deps = RunDeps.assemble(
                only, self.run_id, origin=Origin("", ""), api=self.api, journal=held.journal, clock=self.clock,
                observer=self.observer, known={}, stop_signal=self.stop_signal,
            )  # fmt: skip
            held.run = Run(deps, held.leases)
            runner = held.run.lanes[lane]
            yield HeldAccount(runner.reader, runner.limiter.pacer)

    def _only(self, lane: Lane) -> Manifest:
        """The manifest with this account alone, and no campaigns: a run of it needs no other lease."""
        used = {name: one for name, one in self.manifest.accounts.items() if lane_of(self.manifest, name) == lane}
        return self.manifest.model_copy(update={"accounts": used, "campaigns": ()})
