"""A launch's journal, followed record by record: what its newest run has come to so far, counted campaign by campaign.

The same result as `build` makes of all the records, at the cost of those that are new.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from orchestrator.core.audience import Audience
from orchestrator.core.delivery.readings import DELIVERY_KINDS
from orchestrator.core.journal.control import ControlState
from orchestrator.core.journal.records import END, RUN_KINDS, PlanRow
from orchestrator.core.journal.states import KINDS
from orchestrator.core.journal.subruns import is_open
from orchestrator.core.result.build import Journal, result_of
from orchestrator.core.result.delivered import DeliveriesResult
from orchestrator.core.result.one_run import Run
from orchestrator.core.result.texted import recipients_of, texts
from orchestrator.core.result.types import UNDER_WAY, CampaignResult, Result
from orchestrator.model import CampaignKey, Outcome, Reason, Record

_Place = tuple[str, Outcome, Reason]
"""Where a campaign is counted: account, outcome and reason."""


@dataclass(slots=True)
class FollowedLaunch:
    """One launch, as far as its records were read. Two threads may not share it."""

    _journal: Journal = field(default_factory=lambda: Journal(None))
    _run: Run | None = None
    _rows: dict[CampaignKey, PlanRow] = field(default_factory=dict)
    _strays: Collection[CampaignKey] = ()  # those of earlier runs, which the newest leaves out
    _of_run: Callable[[], Iterator[PlanRow]] = field(default=lambda: iter(()))
    _places: dict[CampaignKey, tuple[_Place, int | None]] = field(default_factory=dict)  # and its recipients
    _tally: Counter[_Place] = field(default_factory=Counter)
    _known: Counter[str] = field(default_factory=Counter)  # people of the campaigns that it started, by account
    _unknown: Counter[str] = field(default_factory=Counter)  # campaigns among these whose people are unknown
    _moved: set[CampaignKey] = field(default_factory=set)  # since they were counted
    _is_counted: bool = False
    _delivery: DeliveriesResult | None = None
    _is_delivery_old: bool = False  # something was read since
    _live: str | None = None

    def read(self, record: Record) -> None:
        """Take in the next record, in the journal's order. Raises IllegalMove if it cannot follow those before."""
        self._journal.read(record)
        if record.kind in RUN_KINDS:
            self._is_counted = False
        elif record.kind not in KINDS:  # no campaign's outcome depends on it
            self._is_delivery_old |= record.kind in DELIVERY_KINDS
        elif record.campaign in self._rows and record.campaign not in self._strays:
            self._moved.add(CampaignKey(record.campaign))
        else:
            self._is_counted = False  # of an earlier run: it may now be out of sight, or no longer

    @property
    def control_state(self) -> ControlState:
        """The command in force for the launch."""
        return self._journal.control_state

    @property
    def run_id(self) -> str | None:
        """The id of the newest run that a person started; None if there is none."""
        return self._journal.header.run_id if self._journal.header is not None else None

    @property
    def has_ended(self) -> bool:
        """Whether the newest run's end is journaled."""
        header = self._journal.header
        return header is not None and any(r.kind == END and r.campaign == header.campaign for r in self._journal.runs)

    @property
    def is_open(self) -> bool:
        """Whether workers may still be carrying out the newest run, a fleet's, whatever leases they hold."""
        return self.run_id is not None and is_open(self._journal.runs, self.run_id)

    def result(self, live: str | None) -> Result | None:
        """The newest run's result, None if no run got as far as a plan. `live` is as for `build`."""
        header = self._journal.header
        if header is None:
            return None
        if self._run is None or not self._is_counted or live != self._live:
            self._run = Run.of(self._journal.runs, header, None, live)
            self._count_all(self._run)
            self._is_counted, self._live = True, live
        else:
            self._count(self._run, self._moved)
        self._moved.clear()
        # Not with each start: it takes a look at all campaigns that were followed.
        if self._is_delivery_old:
            self._delivery, self._is_delivery_old = self._journal.delivered(self._rows.values), False
        return result_of(
            self._journal, self._run, dict(self._tally), self._people(), self._of_run, delivery=self._delivery
        )

    def account_of(self, key: CampaignKey) -> str | None:
        """The account of a campaign, as of the last `result`; None if the newest run does not have it."""
        row = self._rows.get(key)
        return row.account if row is not None else None

    def campaigns(self, outcome: Outcome, most: int) -> list[CampaignResult]:
        """The first `most` campaigns with an outcome, as of the last `result`; not those that are still under way."""
        if self._run is None:
            return []
        run, advice = self._run, self._run.advice(self._journal.control_state)
        places = ((key, place) for key, (place, _) in self._places.items())
        keys = [key for key, (_, found, why) in places if found is outcome and why not in UNDER_WAY]
        return [self._journal.campaign(run, self._rows[key], advice) for key in keys[:most]]

    def _count_all(self, run: Run) -> None:
        self._of_run = self._journal.rows(run)
        self._rows = {row.key: row for row in self._of_run()}
        self._strays = self._rows.keys() - {row.key for row in run.rows}
        self._places.clear()
        self._is_delivery_old = True
        for counts in (self._tally, self._known, self._unknown):
            counts.clear()
        self._count(run, self._rows)

    def _count(self, run: Run, keys: Collection[CampaignKey]) -> None:
        for key in keys:
            row, state = self._rows[key], self._journal.states.get(key)
            if (before := self._places.get(key)) is not None:
                self._add(*before, -1)
            place = (row.account, *run.outcome(row, state)[:2])
            self._places[key] = place, recipients_of(row, state)
            self._add(*self._places[key], 1)

    def _add(self, place: _Place, recipients: int | None, count: int) -> None:
        """Count a campaign, or with -1 no longer count it, where it is."""
        self._tally[place] += count
        if not self._tally[place]:
            del self._tally[place]
        if texts(*place[1:]):
            people = self._known if recipients is not None else self._unknown
            people[place[0]] += count * (1 if recipients is None else recipients)

    def _people(self) -> dict[str, Audience]:
        accounts = dict.fromkeys(account for account, outcome, reason in self._tally if texts(outcome, reason))
        return {account: Audience(self._known[account], self._unknown[account]) for account in accounts}
