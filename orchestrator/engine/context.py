"""What all parts of one run share."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.manifest import Manifest
from orchestrator.core.outcome import Event, History, State, apply
from orchestrator.core.stop_rules import tripped
from orchestrator.engine.halt import Halt
from orchestrator.engine.listener import Listener
from orchestrator.errors import JournalWriteError
from orchestrator.model import CampaignKey, Lane, Record, Stop, StopReason
from orchestrator.ports import CampaignApi, Clock, Journal, Observer

_DONE = {
    State.STARTED: "started",
    State.FAILED: "failed",
    State.UNKNOWN: "unknown",
}


@dataclass(slots=True)
class Context:
    """One run: its identity, its ports, and the state of its campaigns as far as journaled."""

    manifest: Manifest
    run_id: str
    api: CampaignApi
    journal: Journal
    clock: Clock
    observer: Observer
    histories: dict[CampaignKey, History]
    halt: Halt = field(default_factory=Halt)
    random: Callable[[], float] = random.random
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("started", "failed", "unknown"), 0))

    unrecorded: list[Record] = field(default_factory=list)  # what the journal could not take any more
    listener: Listener = field(init=False)

    def __post_init__(self) -> None:
        self.listener = Listener(self.manifest.launch, self.journal, self.halt, self.observer)

    @property
    def launch(self) -> str:
        return self.manifest.launch

    def history(self, key: CampaignKey) -> History:
        """What the journal says of a campaign."""
        return self.histories.setdefault(key, History())

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
        message = str(history.last.get("message", ""))
        self.observer.event("campaign_done", campaign=key, outcome=word, lane=record.lane, message=message)
        self._look(record.kind)

    def _look(self, kind: str) -> None:
        if kind == Event.INTENT:
            return
        failed, unknown = self.counts["failed"], self.counts["unknown"]
        broken = tripped(self.manifest.stop_when, failed=failed, unknown=unknown, attempted=sum(self.counts.values()))
        if broken is not None:
            self.halt.set(Stop(StopReason.RULE, broken))
