"""What a launch starts while it is followed: a run may go on, or a person may decide what became of a start."""

import asyncio
from collections.abc import Collection

from orchestrator.core.journal.states import KINDS, STARTING, IllegalMove, event_of
from orchestrator.errors import LedgerError
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey, Lane


class StartedLater:
    """Looks at what is new in a launch's journal, for campaigns that its followers do not know."""

    def __init__(self, store: Store, launch: str) -> None:
        self._store = store
        self._launch = launch
        self._after = 0  # the last row of the journal that was looked at
        self._new: dict[CampaignKey, str] = {}  # by campaign, its lane; empty where its record names none
        self._known: Collection[CampaignKey] = ()
        self._lanes: Collection[Lane] = ()

    def know(self, campaigns: Collection[CampaignKey], lanes: Collection[Lane]) -> None:
        """These are followed, or cannot be, and these lanes are read."""
        self._known, self._lanes = campaigns, lanes
        self._new = {key: lane for key, lane in self._new.items() if key not in campaigns}

    async def has_more(self, lane: Lane) -> bool:
        """Whether more was started, in this lane or in one that nobody reads.

        In another lane a run may go on for hours, and would end the rounds each time; it is asked for when it is read.
        """
        try:
            for number, record in await asyncio.to_thread(self._store.tail, self._launch, self._after):
                self._after = max(self._after, number)
                if record.kind in KINDS and event_of(record) in STARTING and record.campaign not in self._known:
                    self._new[CampaignKey(record.campaign)] = record.lane
        except (LedgerError, IllegalMove):
            return False  # the next read of the whole journal says so
        return any(not one or one == lane or one not in self._lanes for one in self._new.values())
