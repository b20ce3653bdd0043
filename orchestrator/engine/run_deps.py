"""What the parts of one run share."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.delivery.delivery import Deliveries
from orchestrator.core.journal.records import RunRecords
from orchestrator.core.journal.states import CampaignState
from orchestrator.core.manifest.models import Manifest, Pass
from orchestrator.core.rules.windows import WindowCalendar
from orchestrator.core.text import manifest_words
from orchestrator.engine.control_watch import ControlWatch
from orchestrator.engine.door import Door
from orchestrator.engine.open_windows import OpenWindows
from orchestrator.engine.states import CampaignStates
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.model import CampaignKey
from orchestrator.ports import CampaignApi, Checks, Clock, Journal, Observer


class NoChecks:
    """For runs that cannot run commands: no command passes."""

    async def run(self, check: Pass, facts: Mapping[str, str]) -> str | None:  # noqa: ARG002
        """Refuse."""
        return "commands cannot be run here"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run comes from: the manifest's file name and hash, and the version of the tool.

    `subrun` is what its header says besides: of a fleet's lane, whose part it is; of a rehearsal, that it is one.
    `environment` is the one that was chosen, where the manifest has some. `by` is who runs it; nobody in a rehearsal.
    """

    source: str
    sha256: str
    tool: str = ""
    subrun: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = None
    by: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What names the manifest on a command line."""
        return manifest_words(self.source, self.environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDeps:
    """One run's identity, its ports, and what its lanes share. Made by `assemble`; nothing is set after that."""

    manifest: Manifest
    run_id: str
    origin: Origin
    api: CampaignApi
    clock: Clock
    observer: Observer
    checks: Checks
    journal: Journal
    records: RunRecords
    states: CampaignStates
    stop_signal: StopSignal
    control: ControlWatch
    windows: OpenWindows
    door: Door
    draw: Callable[[], float]  # from [0, 1), for the jitter of retries
    windows_wait: float  # seconds for which a closed window is waited for
    lists_wait: float  # seconds for which a contact list in use is waited for
    deliveries: Deliveries  # what is known of started campaigns, for waves that wait for their deliveries

    @classmethod
    def assemble(
        cls,
        manifest: Manifest,
        run_id: str,
        *,
        origin: Origin,
        api: CampaignApi,
        journal: Journal,
        clock: Clock,
        observer: Observer,
        known: dict[CampaignKey, CampaignState],
        stop_signal: StopSignal,
        checks: Checks | None = None,
        door: Door | None = None,
        draw: Callable[[], float] = random.random,
        no_wait: bool = False,
        deliveries: Deliveries | None = None,
    ) -> "RunDeps":
        """The parts of a run around its ports. `known` is the state of each campaign by its launch's journal.

        `door` is that of the process, where several runs share one; `draw` draws from [0, 1); with `no_wait`,
        campaigns whose window is closed, or whose contact list is in use, are held at once. `deliveries` are those
        that the launch's journal has.
        """
        return cls(
            manifest=manifest,
            run_id=run_id,
            origin=origin,
            api=api,
            clock=clock,
            observer=observer,
            checks=checks or NoChecks(),
            journal=journal,
            records=RunRecords(manifest.launch, run_id, clock.now),
            states=CampaignStates(journal, observer, known),
            stop_signal=stop_signal,
            control=ControlWatch(manifest.launch, journal.control_state, stop_signal, observer),
            windows=OpenWindows(WindowCalendar(manifest.windows, manifest.not_after), clock),
            door=door or Door(manifest.connections),
            draw=draw,
            windows_wait=0.0 if no_wait else manifest.windows_wait,
            lists_wait=0.0 if no_wait else manifest.same_list_wait,
            deliveries=Deliveries() if deliveries is None else deliveries,
        )

    @property
    def launch(self) -> str:
        """The launch's name."""
        return self.manifest.launch
