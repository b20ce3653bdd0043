"""What all parts of one run share."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.journal.states import CampaignState, Event, State, apply
from orchestrator.core.manifest.models import Manifest, Pass
from orchestrator.core.rules.stop_rules import tripped
from orchestrator.engine.control_watch import ControlWatch
from orchestrator.engine.open_windows import Hours
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import JournalWriteError
from orchestrator.model import CampaignKey, Lane, Reason, Record, Stop, StopReason
from orchestrator.ports import CampaignApi, Checks, Clock, Journal, Observer

_DONE = {
    State.STARTED: "started",
    State.FAILED: "failed",
    State.UNKNOWN: "unknown",
}


def _nobody() -> dict[str, int]:
    return dict.fromkeys(_DONE.values(), 0)


class NoChecks:
    """Where no command can be run, no command has passed."""

    async def run(self, check: Pass, facts: Mapping[str, str]) -> str | None:  # noqa: ARG002
        """Refuse."""
        return "commands cannot be run here"


@dataclass(slots=True)
class Context:
    """One run: its identity, its ports, and the state of its campaigns as far as journaled."""

    manifest: Manifest
    run_id: str
    api: CampaignApi
    journal: Journal
    clock: Clock
    observer: Observer
    histories: dict[CampaignKey, CampaignState]
    stop_signal: StopSignal = field(default_factory=StopSignal)
    random: Callable[[], float] = random.random
    counts: dict[str, int] = field(default_factory=_nobody)
    lane_counts: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(_nobody))
    stoppers: dict[str, Callable[[StopReason, str], None]] = field(default_factory=dict)  # by lane
    checks: Checks = field(default_factory=NoChecks)
    no_wait: bool = False
    forgets: bool = False  # what has started is forgotten: only waves look back, and a million histories take 700 MB
    hours: Hours = field(init=False)
    held: dict[CampaignKey, tuple[Reason, str]] = field(default_factory=dict)  # each for a reason of its own
    unrecorded: list[Record] = field(default_factory=list)  # what the journal could not take any more
    listener: ControlWatch = field(init=False)

    def __post_init__(self) -> None:
        self.listener = ControlWatch(self.manifest.launch, self.journal.control_state, self.stop_signal, self.observer)
        self.hours = Hours(self.manifest.windows, self.clock)

    @property
    def patience(self) -> float:
        """How long a closed window is waited for, in seconds."""
        return 0.0 if self.no_wait else self.manifest.windows_wait

    @property
    def launch(self) -> str:
        return self.manifest.launch

    def history(self, key: CampaignKey) -> CampaignState:
        """What the journal says of a campaign."""
        history = self.histories.get(key)
        return history if history is not None else self.histories.setdefault(key, CampaignState())

    def line(self, campaign: str, attempt: int, kind: str, lane: Lane, data: dict[str, Any]) -> Record:
        """A record of this run, dated now."""
        return Record(self.launch, campaign, attempt, kind, self.run_id, self.clock.now(), lane, data)

    async def write(self, record: Record) -> None:
        """Commit a record, then move the campaign's history by it, then let the stop rules look."""
        try:
            await self.journal.record(record)
        except JournalWriteError:
            self.unrecorded.append(record)
            raise
        self.moved(record)

    def moved(self, record: Record) -> None:
        """The record is committed: follow it. Raises IllegalMove for a record that cannot follow."""
        key = CampaignKey(record.campaign)
        history = self.history(key)
        apply(history, record)
        word = _DONE.get(history.state)
        if word is None:
            return
        self.counts[word] += 1
        self.lane_counts[record.lane][word] += 1
        if self.forgets and history.state is State.STARTED:
            del self.histories[key]
        message = str(history.last_data.get("message", ""))
        self.observer.event("campaign_done", campaign=key, outcome=word, lane=record.lane, message=message)
        if record.kind != Event.INTENT:
            self._look(record.lane)

    def _look(self, lane: str) -> None:
        rules = self.manifest.stop_when
        broken = tripped(rules, self.counts)
        if broken is not None:
            self.stop_signal.set(Stop(StopReason.RULE, broken))
        broken = tripped(rules.per_account if rules else None, self.lane_counts[lane])
        if broken is not None and lane in self.stoppers:
            self.stoppers[lane](StopReason.RULE, broken)
