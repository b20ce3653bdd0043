"""A launch's journal -> the result of one of its runs. A pure function of the journaled records."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.audience import Audience
from orchestrator.core.delivery.delivery import Deliveries, Delivery
from orchestrator.core.delivery.readings import DELIVERY_KINDS
from orchestrator.core.exit_codes import ExitCode
from orchestrator.core.journal import control
from orchestrator.core.journal.control import CONTROL, OPEN, ControlState
from orchestrator.core.journal.records import (
    END,
    PLAN,
    RUN,
    RUN_KINDS,
    PlanRow,
    ending_of,
    header_of,
    plan_rows,
)
from orchestrator.core.journal.states import KINDS, UNRESOLVED, CampaignState, fold_record
from orchestrator.core.journal.subruns import is_subrun
from orchestrator.core.notice import NOTICE, not_told
from orchestrator.core.plan.decision import Action
from orchestrator.core.result.advice import Advice
from orchestrator.core.result.conclude import code_of, exit_code, outcome_of
from orchestrator.core.result.delivered import DeliveriesResult, deliveries_json, delivery_json
from orchestrator.core.result.one_run import Run
from orchestrator.core.result.texted import counted, recipients_json, recipients_of
from orchestrator.core.result.types import (
    CampaignResult,
    Campaigns,
    Result,
    Tally,
)
from orchestrator.core.text import timestamp
from orchestrator.model import CampaignKey, Outcome, PosixSeconds, Reason, Record, Stop

__all__ = ["CampaignResult", "NoRunError", "Result", "build", "exit_code", "outcome_of", "timestamp"]


class NoRunError(LookupError):
    """The journal has no run of this launch, or none with the id that is asked for."""


def build(
    records: Iterable[Record],
    run_id: str | None = None,
    *,
    stop: Stop | None = None,
    warnings: Sequence[str] = (),
    live: str | None = None,
) -> Result:
    """The result of a run, by default the last one that a person started. The records are read once, in their order.

    `stop` is what the caller knows of why the run ended early; it replaces what the journal has, where a journal that
    failed cannot have it. `warnings` are added to those of the plan. `live` is the id of a run that is going on: while
    its end is not in the journal, what it has not done yet is neither held nor lost.

    Raises NoRunError, and IllegalMove for a journal whose records contradict each other.
    """
    # 1. Read the journal once, and keep what the run's result needs.
    journal = Journal(run_id)
    for record in records:
        journal.read(record)
    if journal.header is None:
        raise NoRunError(run_id or "no run")
    # 2. The run, and its campaigns. They are counted here, and their results are made when somebody reads them.
    run = Run.of(journal.runs, journal.header, stop, live)
    rows = journal.rows(run)
    found = ((row, state := journal.states.get(row.key), *run.outcome(row, state)[:2]) for row in rows())
    tally, people = counted(found)
    return result_of(journal, run, tally, people, rows, delivery=journal.delivered(rows), warnings=warnings)


def result_of(
    journal: "Journal",
    run: "Run",
    tally: Tally,
    people: Mapping[str, Audience],
    rows: Callable[[], Iterator[PlanRow]],
    *,
    delivery: DeliveriesResult | None,
    warnings: Sequence[str] = (),
) -> Result:
    """The result of a run whose campaigns, in `rows`, are counted, and by account the people it texts.

    `delivery` is what became of these campaigns.
    """
    advice = run.advice(journal.control_state)
    # Count only what left since the run began: an earlier run's starts are in the same states.
    times = (state.answer.sent_at for state in journal.states.values())
    sent = [at for at in times if at is not None and at >= run.header.at]
    campaigns = Campaigns(
        tally,
        lambda: (journal.campaign(run, row, advice) for row in rows()),
        (timestamp(min(sent)), timestamp(max(sent))) if sent else None,
    )
    code = code_of(((outcome, reason) for _, outcome, reason in campaigns.tally), run.stop)
    is_success = run.end is not None and code == ExitCode.OK
    return Result(
        run.facts(code, run.end.at if run.end and is_success else journal.success_before),
        campaigns.totals(),
        run.budgets(),
        run.waves(),
        campaigns,
        [*header_of(run.header)["warnings"], *sorted(not_told(journal.notices, run.header.run_id)), *warnings],
        recipients_json(people),
        delivery,
    )


@dataclass(slots=True)
class Journal:
    """A launch's journal, as far as it was read. `header` is that of the run with the id `wanted`, or of the newest."""

    wanted: str | None
    runs: list[Record] = field(default_factory=list)  # of RUN_KINDS, in their order
    states: dict[CampaignKey, CampaignState] = field(default_factory=dict)
    notices: list[Record] = field(default_factory=list)
    deliveries: Deliveries = field(default_factory=Deliveries)
    control_state: ControlState = OPEN
    header: Record | None = None
    _headers: dict[str, Record] = field(default_factory=dict)  # of the runs that people started, by `@RUN-ID`
    _ended: list[tuple[Record, int]] = field(default_factory=list)  # ends since a campaign last moved; and `runs` then
    _before: int = 0  # how many of these ends came before the header
    _success: PosixSeconds | None = None  # the newest, as far as was looked
    _success_before: PosixSeconds | None = None  # of the header's run

    def read(self, record: Record) -> None:
        """Take in the next record."""
        if record.kind in RUN_KINDS:
            self.runs.append(record)
            if record.kind == RUN:
                self._begin(record)
            elif record.kind == END:
                self._end(record)
        elif record.kind in KINDS:
            # Whether a run was a success depends on what was known at its end, which this record changes.
            if self._ended:
                self._find_successes()
            fold_record(self.states, record)
        elif record.kind == NOTICE:
            self.notices.append(record)
        elif record.kind in DELIVERY_KINDS:
            self.deliveries.read(record)
        elif record.campaign == CONTROL:
            self.control_state = control.apply(self.control_state, record)

    def rows(self, run: "Run") -> Callable[[], Iterator[PlanRow]]:
        """The campaigns of a run, and those of earlier runs that it leaves out and nobody knows about."""
        left_out = self._out_of_sight(run)
        return lambda: itertools.chain(run.rows, left_out)

    def campaign(self, run: "Run", row: PlanRow, advice: Advice | None) -> CampaignResult:
        """A campaign's result. No advice: there is nothing to type yet."""
        found = run.campaign(row, self.states.get(row.key), advice)
        if self.deliveries and (delivery := self._delivery_of(row)) is not None:
            found.delivery = delivery_json(delivery)
        return found

    def delivered(self, rows: Callable[[], Iterable[PlanRow]]) -> DeliveriesResult | None:
        """What became of these campaigns, those that were followed."""
        if not self.deliveries:
            return None
        found = ((row.account, self._delivery_of(row)) for row in rows())
        return deliveries_json((account, delivery) for account, delivery in found if delivery is not None)

    def _delivery_of(self, row: PlanRow) -> Delivery | None:
        return self.deliveries.of(row.key, recipients_of(row, self.states.get(row.key)))

    def _out_of_sight(self, run: "Run") -> list[PlanRow]:
        """The campaigns that are unknown and that the run does not name, as plans before it have them."""
        left = {key for key, state in self.states.items() if state.state in UNRESOLVED}
        if left:
            left.difference_update(row.key for row in run.rows)
        found: dict[CampaignKey, PlanRow] = {}
        before = itertools.takewhile(lambda record: record is not self.header, self.runs)
        # The newest plan first. Most launches leave nothing out, and then no plan is read.
        for plan in reversed([record for record in before if left and record.kind == PLAN]):
            found |= {row.key: row for row in plan_rows([plan]) if row.key in left and row.key not in found}
        return [_left_out(found[key]) for key in self.states if key in found]

    def _begin(self, header: Record) -> None:
        if header.run_id == self.wanted or (self.wanted is None and not is_subrun(header)):
            # Taken when the run begins: a run that ends later is not a success before it.
            self.header, self._before, self._success_before = header, len(self._ended), self._success
        if not is_subrun(header):
            self._headers[header.campaign] = header

    def _end(self, end: Record) -> None:
        is_before = self.wanted is None or self.header is None
        if is_before and end.campaign in self._headers and ending_of(end).get("stop") is None:
            self._ended.append((end, len(self.runs)))

    @property
    def success_before(self) -> PosixSeconds | None:
        """When a run before the header's last ended with exit code 0, in POSIX seconds."""
        self._find_successes()
        return self._success_before

    def _find_successes(self) -> None:
        """Look for the newest success among the runs that ended since a campaign last moved.

        Not at each end: it takes a look at all campaigns, and most results never ask.
        """
        before, after = self._ended[: self._before], self._ended[self._before :]
        self._success_before = self._success = self._newest_success(before) or self._success
        self._success = self._newest_success(after) or self._success
        self._before = 0
        self._ended.clear()

    def _newest_success(self, ended: Sequence[tuple[Record, int]]) -> PosixSeconds | None:
        return next((end.at for end, count in reversed(ended) if self._is_success(end, count)), None)

    def _is_success(self, end: Record, count: int) -> bool:
        run = Run.of(self.runs[:count], self._headers[end.campaign])
        outcomes = (run.outcome(row, self.states.get(row.key))[:2] for row in run.rows)
        return not self._has_unknown() and code_of(outcomes, run.stop) == ExitCode.OK

    def _has_unknown(self) -> bool:
        return any(state.state in UNRESOLVED for state in self.states.values())


def _left_out(row: PlanRow) -> PlanRow:
    """The row of a campaign for a run whose manifest does not name it."""
    return row._replace(
        action=Action.SKIP, outcome=Outcome.SKIPPED, reason=Reason.DISABLED, message="its manifest does not name it"
    )
