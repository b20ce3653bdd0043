"""What the journal proves about each campaign of a run, and the only place that writes a record about a campaign."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from orchestrator.core.attempt.permit import Permit
from orchestrator.core.journal.states import KINDS, CampaignState, State, apply
from orchestrator.errors import JournalWriteError
from orchestrator.model import CampaignKey, Outcome, PosixSeconds, Reason, Record, value
from orchestrator.ports import Journal, Observer

_OUTCOMES: Final = {State.STARTED: Outcome.STARTED, State.FAILED: Outcome.FAILED, State.UNKNOWN: Outcome.UNKNOWN}


def _zeros() -> dict[str, int]:
    return dict.fromkeys(map(str, _OUTCOMES.values()), 0)


@value
class Concluded:
    """A campaign has an outcome. The counts are campaigns by outcome at that moment, of the run and of the lane.

    They are copies: several campaigns may conclude in one commit, and the first one that breaks a stop rule must be
    found.
    """

    outcome: Outcome
    counts: Mapping[str, int]
    lane_counts: Mapping[str, int]


class CampaignStates(Mapping[CampaignKey, CampaignState]):
    """The campaigns' states by key. Only committed records change them.

    `known` has the states by the journal so far; it is taken over, not copied. Of a campaign that has started, only
    the time of its start is kept: a million whole states take 700 MB, and a campaign that was forgotten altogether
    would look new.
    """

    def __init__(self, journal: Journal, observer: Observer, known: dict[CampaignKey, CampaignState]) -> None:
        self.held: dict[CampaignKey, tuple[Reason, str]] = {}
        """Campaigns that are held, each for its own reason."""
        self.unrecorded: list[Record] = []
        """What the journal could not take."""
        self.may_have_sent = False
        """Whether a permit was requested: from then on it is not certain that no start left (P6)."""
        self._journal = journal
        self._observer = observer
        self._states = known
        self._counts = _zeros()  # campaigns of this run by outcome
        self._lane_counts: dict[str, dict[str, int]] = defaultdict(_zeros)
        self._started_at: dict[CampaignKey, PosixSeconds | None] = {
            key: state.finished_at for key, state in known.items() if state.state is State.STARTED
        }
        for key in self._started_at:
            del known[key]

    def __getitem__(self, key: CampaignKey) -> CampaignState:
        if key in self._started_at:
            return CampaignState(State.STARTED, finished_at=self._started_at[key])
        return self._states[key]

    def __iter__(self) -> Iterator[CampaignKey]:
        yield from self._states
        yield from self._started_at

    def __len__(self) -> int:
        return len(self._states) + len(self._started_at)

    def of(self, key: CampaignKey) -> CampaignState:
        """A campaign's state; a new one where the journal says nothing of it."""
        if key in self._started_at:
            return self[key]
        state = self._states.get(key)
        return state if state is not None else self._states.setdefault(key, CampaignState())

    async def permit(self, intent: Record) -> Permit:
        """Commit an intent and apply it. Raises LeaseLost, LaunchHeld, JournalWriteError; then nothing may be sent."""
        self.may_have_sent = True
        permit = await self._journal.permit(intent)
        self.apply(intent)
        return permit

    async def commit(self, record: Record) -> Concluded | None:
        """Journal a record; apply and count it if it is a campaign's. Returns the campaign's outcome, or None.

        A cancellation waits for the commit and is raised after it: the answer to a start that left must not be lost
        because nobody waits for it any longer. Raises JournalWriteError; a campaign's record is then in `unrecorded`.
        """
        committed = self._journal.record(record)
        try:
            await asyncio.shield(committed)
        except asyncio.CancelledError:
            # A callback, and not the lines below: a second cancellation ends this wait, but not the commit.
            committed.add_done_callback(partial(self._take_late, record))
            await asyncio.wait([committed])
            raise
        except JournalWriteError:
            self._keep_unrecorded(record)
            raise
        return self.apply(record) if record.kind in KINDS else None

    def _take_late(self, record: Record, committed: asyncio.Future[None]) -> None:
        if committed.cancelled():
            return
        if committed.exception() is not None:
            self._keep_unrecorded(record)
        elif record.kind in KINDS:
            self.apply(record)

    def _keep_unrecorded(self, record: Record) -> None:
        if record.kind in KINDS:
            self.unrecorded.append(record)

    def apply(self, record: Record) -> Concluded | None:
        """Follow a committed record. Raises IllegalMove for one that cannot follow the campaign's state."""
        key = CampaignKey(record.campaign)
        state = self.of(key)
        apply(state, record)
        outcome = _OUTCOMES.get(state.state)
        if outcome is None:
            return None
        self._counts[outcome] += 1
        self._lane_counts[record.lane][outcome] += 1
        # A started campaign keeps its time alone.
        if outcome is Outcome.STARTED:
            self._started_at[key] = record.at
            del self._states[key]
        message = state.answer.message
        self._observer.event("campaign_done", campaign=key, outcome=str(outcome), lane=record.lane, message=message)
        return Concluded(outcome, dict(self._counts), dict(self._lane_counts[record.lane]))

    def hold(self, campaigns: Mapping[CampaignKey, tuple[Reason, str]]) -> None:
        """Hold campaigns, each for its own reason."""
        self.held.update(campaigns)
