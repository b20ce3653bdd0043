import asyncio
from typing import Any

import pytest

from orchestrator.core.journal.states import State, fold
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan import plan as plans
from orchestrator.core.plan.approvers import NOT_ASKED
from orchestrator.core.plan.selection import Selection
from orchestrator.core.result import build as result
from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.run_deps import Origin, RunDeps
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.engine.waves import PlanExecution
from orchestrator.model import CampaignKey, LiveState, Record, Stop, StopReason
from orchestrator.rehearsal.virtual_loop import VirtualClock, VirtualLoop
from tests.fakes import BASE, MemoryJournal, RecordingObserver, ScriptedApi, ScriptedChecks


def pytest_asyncio_loop_factories(config, item):
    return {"virtual": VirtualLoop}


class Rig:
    """One run of a launch over fakes. `earlier` are the journal's records of earlier runs."""

    def __init__(
        self, campaigns: Any = 1, *, earlier: tuple[Record, ...] = (), latency: float = 0.1, no_wait: bool = False,
        checks: Any = None,
        **changes: Any,
    ):  # fmt: skip
        account = {"account_id": "a1", "rate": "unlimited", **changes.pop("account", {})}
        if isinstance(campaigns, int):
            campaigns = [f"c{i}" for i in range(campaigns)]
        raw = {
            "version": 1,
            "launch": "spring",
            "host": "sandbox",
            "accounts": {"acme": account},
            "defaults": {"account": "acme"},
            "campaigns": [{"stream": "s", "campaign": c} if isinstance(c, str) else c for c in campaigns],
            **changes,
        }
        manifest, issues = parse(raw)
        assert manifest is not None, issues
        self.manifest = manifest
        self.clock = VirtualClock(BASE, asyncio.get_running_loop())
        self.api = ScriptedApi(self.clock, latency=latency)
        self.api.live = {c.key: LiveState("Ready", instance_id="i0") for c in manifest.campaigns}
        self.journal = MemoryJournal(earlier)
        self.observer = RecordingObserver()
        self.selection = Selection()
        self.nonce = ""
        self.checks = checks or ScriptedChecks()
        self.stop_signal = StopSignal()
        self.deps = RunDeps.assemble(
            manifest, "r-2", origin=Origin("launch.yaml", "0" * 64), api=self.api, journal=self.journal,
            clock=self.clock, observer=self.observer, known=fold(earlier), stop_signal=self.stop_signal,
            checks=self.checks, draw=lambda: 1.0, no_wait=no_wait,
        )  # fmt: skip
        self.lanes = {
            plans.lane_of(manifest, name): LaneRunner(
                self.deps, plans.lane_of(manifest, name), name, Pacer(account.rate)
            )
            for name, account in manifest.accounts.items()
        }

    @property
    def lane(self) -> LaneRunner:
        return next(iter(self.lanes.values()))

    @property
    def readers(self):
        return {lane: runner.reader for lane, runner in self.lanes.items()}

    @property
    def targets(self):
        return [plans.target_of(self.manifest, campaign) for campaign in self.manifest.campaigns]

    def plan(self) -> plans.Plan:
        live = {} if self.manifest.preflight.check == "off" else dict(self.api.live)
        return plans.build(
            self.manifest, self.deps.states, live, self.selection, manifest_sha256="0" * 64, nonce=self.nonce
        )

    async def run(self) -> Stop | None:
        return await PlanExecution(self.deps, self.plan(), self.lanes, NOT_ASKED).run()

    def state(self, key: str = "s/c0") -> State:
        """What the engine holds true, checked against what the journal proves."""
        folded = fold(r for r in self.journal.records if r.launch == "spring")
        held = self.deps.states.of(CampaignKey(key)).state
        assert held is folded[CampaignKey(key)].state if CampaignKey(key) in folded else held is State.NEW
        return held

    def outcomes(self) -> dict[str, tuple[str, str]]:
        """Outcome and reason by campaign, as the reports say."""
        built = result.build(self.journal.records, "r-2")
        return {c.campaign: (str(c.outcome), str(c.reason)) for c in built.campaigns}

    def messages(self) -> dict[str, str]:
        """Messages by campaign, as the reports say."""
        return {c.campaign: c.message for c in result.build(self.journal.records, "r-2").campaigns}

    def exit_code(self) -> int:
        return result.build(self.journal.records, "r-2").exit_code


@pytest.fixture
def rig():
    return Rig


@pytest.fixture
def elapsed():
    """Virtual seconds since the test began."""
    return lambda: asyncio.get_running_loop().time()


@pytest.fixture
def stop_at():
    """Stop a run at a virtual time, as the first signal does. Returns the stop."""

    def schedule(rig: Rig, at: float) -> Stop:
        stop = Stop(StopReason.SIGINT, "SIGINT received")
        asyncio.get_running_loop().call_at(at, rig.stop_signal.set, stop)
        return stop

    return schedule
