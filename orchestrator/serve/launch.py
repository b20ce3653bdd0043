"""One launch as it is watched: its journal followed, and of its records what a page shows."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from orchestrator.core.journal.records import PLAN, RUN_KINDS
from orchestrator.core.journal.states import KINDS, Event
from orchestrator.core.journal.waits import Wait
from orchestrator.core.result import timeline
from orchestrator.core.result.followed import FollowedLaunch
from orchestrator.core.result.narrative import LaunchLine
from orchestrator.core.result.timeline import Timeline
from orchestrator.core.result.types import UNDER_WAY, CampaignResult, Campaigns, Result
from orchestrator.model import CampaignKey, Outcome, Reason, Record

_SHOWN_DATA: Final = ("event", "message", "http_status")
"""What a timeline shows of a campaign's record: the rest takes the larger part of the memory."""
_LIMITED: Final = "waits: the platform limited a call"


@dataclass(frozen=True, slots=True)
class LaneView:
    """One account: its campaigns by standing, and why it waits, in words; empty if it does not."""

    account: str
    standings: dict[str, int]
    waits: str


@dataclass(slots=True)
class WatchedLaunch:
    """A launch whose journal is in memory. `is_live`: its newest run is going on; `waits`: who waits for its time."""

    name: str
    followed: FollowedLaunch = field(default_factory=FollowedLaunch)
    is_live: bool = False
    waits: tuple[Wait, ...] = ()
    version: int = 0  # counts its changes
    _records: list[Record] = field(default_factory=list)
    _limited: dict[str, Record] = field(default_factory=dict)  # by lane that has sent nothing since it was limited

    @classmethod
    def of(cls, name: str, records: Iterable[Record]) -> "WatchedLaunch":
        """A launch by its journal. Raises IllegalMove if that contradicts itself."""
        launch = cls(name)
        for record in records:
            launch.read(record)
        return launch

    def read(self, record: Record) -> None:
        """Take in the next record. Raises IllegalMove if it cannot follow those before."""
        self.followed.read(record)
        self.version += 1
        if record.kind in KINDS:
            data = {key: record.data[key] for key in _SHOWN_DATA if record.data.get(key) is not None}
            self._records.append(replace(record, data=data))
            self._note_limit(record)
        elif record.kind in RUN_KINDS and record.kind != PLAN:
            self._records.append(record)

    def _note_limit(self, record: Record) -> None:
        limited = self._limited.get(record.lane)
        if record.data.get("event") == Event.LIMITED:
            self._limited[record.lane] = record
        # One that left within a second was on its way already.
        elif limited is not None and record.kind == Event.INTENT and record.at > limited.at + timeline.SHORTEST_PAUSE:
            del self._limited[record.lane]

    @property
    def run_id(self) -> str | None:
        """The id of the newest run; None if there is none."""
        return self.followed.run_id

    def result(self) -> Result | None:
        """The newest run's result so far; None if no run got as far as a plan."""
        return self.followed.result(self.run_id if self.is_live else None)

    def line(self) -> LaunchLine:
        """Where it stands, for the list of launches. Keeps no campaign in memory."""
        result = self.result()
        if result is not None:
            result = replace(result, campaigns=Campaigns(result.tally, _none))
        return LaunchLine(self.name, result, self.followed.control_state, is_live=self.is_live, waits=self.waits)

    def lanes(self, result: Result) -> list[LaneView]:
        """The accounts, those with most campaigns that need a person first."""
        counts: dict[str, Counter[str]] = {}
        for (account, outcome, reason), number in result.tally.items():
            standing = reason if self.is_live and reason in UNDER_WAY else outcome
            counts.setdefault(account, Counter())[str(standing)] += number
        limited = {self.followed.account_of(CampaignKey(one.campaign)) for one in self._limited.values()}
        lanes = [
            LaneView(account, dict(found), _LIMITED if account in limited and found[Reason.WAITING] else "")
            for account, found in counts.items()
        ]
        trouble = (Outcome.UNKNOWN, Outcome.FAILED, Outcome.HELD)
        return sorted(lanes, key=lambda lane: ([-lane.standings.get(word, 0) for word in trouble], lane.account))

    def story(self, result: Result) -> tuple[Result, Timeline]:
        """The result without what is still under way, of which there is nothing to tell yet; and the timeline."""
        drawn = timeline.build(result, self._records)
        settled = [one for one in result.campaigns if one.reason not in UNDER_WAY] if self.is_live else None
        return (result if settled is None else _only(result, settled)), drawn


def _only(result: Result, campaigns: list[CampaignResult]) -> Result:
    totals = Counter(one.outcome for one in campaigns)
    return replace(result, campaigns=campaigns, totals={outcome: totals[outcome] for outcome in Outcome})


def _none() -> Iterator[CampaignResult]:
    return iter(())
