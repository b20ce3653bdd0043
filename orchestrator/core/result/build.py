"""A launch's journal -> the result of one of its runs. A pure function of the journaled records."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from orchestrator.core.audience import Audience
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
    held_of,
    lane_stops_of,
    plan_rows,
)
from orchestrator.core.journal.states import KINDS, UNRESOLVED, CampaignState, fold_record
from orchestrator.core.journal.subruns import is_subrun, merged_budget, merged_held, merged_rows, subruns_of
from orchestrator.core.notice import NOTICE, not_told
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.result.advice import Advice
from orchestrator.core.result.conclude import code_of, exit_code, outcome_of, under_way
from orchestrator.core.result.texted import counted, recipients_json, recipients_of
from orchestrator.core.result.types import (
    ApprovalResult,
    BudgetResult,
    CampaignResult,
    Campaigns,
    RehearsalResult,
    Result,
    RunResult,
    StopResult,
    Tally,
    WaveResult,
    wave_verdict,
)
from orchestrator.core.text import plural, timestamp
from orchestrator.model import CampaignKey, Outcome, PosixSeconds, Reason, Record, Stop, StopReason

__all__ = ["CampaignResult", "NoRunError", "Result", "build", "exit_code", "outcome_of", "timestamp"]

_CRASHED = Stop(StopReason.CRASHED, "the run was ended before it could say why")
_UNTOUCHED = CampaignState()
_MOST_DETAILS = 3
"""Lanes whose stops are told one by one."""


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
    # 2. The run, and what its campaigns came to. They are counted here, and concluded when somebody reads them.
    run = Run.of(journal.runs, journal.header, stop, live)
    rows = journal.rows(run)
    found = ((row, state := journal.states.get(row.key), *run.outcome(row, state)[:2]) for row in rows())
    tally, people = counted(found)
    return result_of(journal, run, tally, people, rows, warnings=warnings)


def result_of(
    journal: "Journal",
    run: "Run",
    tally: Tally,
    people: Mapping[str, Audience],
    rows: Callable[[], Iterator[PlanRow]],
    *,
    warnings: Sequence[str] = (),
) -> Result:
    """The result of a run whose campaigns, in `rows`, are counted, and by account the people it texts."""
    advice = run.advice(journal.control_state)
    # By what left since the run began: an earlier run's starts are in the same states.
    times = (state.answer.sent_at for state in journal.states.values())
    sent = [at for at in times if at is not None and at >= run.header.at]
    campaigns = Campaigns(
        tally,
        lambda: (run.campaign(row, journal.states.get(row.key), advice) for row in rows()),
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
    )


@dataclass(slots=True)
class Journal:
    """A launch's journal, as far as it was read. `header` is that of the run with the id `wanted`, or of the newest."""

    wanted: str | None
    runs: list[Record] = field(default_factory=list)  # of RUN_KINDS, in their order
    states: dict[CampaignKey, CampaignState] = field(default_factory=dict)
    notices: list[Record] = field(default_factory=list)
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
            # Whether a run was a success depends on what was known at its end, and this record changes that.
            if self._ended:
                self._find_successes()
            fold_record(self.states, record)
        elif record.kind == NOTICE:
            self.notices.append(record)
        elif record.campaign == CONTROL:
            self.control_state = control.apply(self.control_state, record)

    def rows(self, run: "Run") -> Callable[[], Iterator[PlanRow]]:
        """The campaigns of a run, and those of earlier runs that it leaves out and nobody knows about."""
        left_out = self._out_of_sight(run)
        return lambda: itertools.chain(run.rows, left_out)

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
            # Taken at the run's begin: what ends later is no success before it.
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


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a launch: all that decides the outcomes of its campaigns, apart from their states.

    `stop` is why it ended early. What it held was held by the stop of the account's lane, in `lane_stops`, or else by
    `stop_of_rest`: one lane's stop is the reason why a run ended early, but it holds no other lane.
    """

    header: Record
    end: Record | None
    stop: Stop | None
    lane_stops: Mapping[str, Stop]
    stop_of_rest: Stop | None
    rows: Iterable[PlanRow]
    held: Mapping[CampaignKey, tuple[str, str]]
    budget: Mapping[str, Any]
    is_live: bool

    @classmethod
    def of(cls, runs: Sequence[Record], header: Record, stop: Stop | None = None, live: str | None = None) -> "Run":
        """A run by its header; `runs` are the launch's records of RUN_KINDS, and `stop` and `live` as for `build`."""
        end = next((r for r in runs if r.kind == END and r.campaign == header.campaign), None)
        # 1. How it ended. A run without an end crashed, unless it is live, or its own process asks, which knows better.
        ended, is_live = ending_of(end) if end else None, end is None and header.run_id == live
        if stop is None and not is_live:
            stop = Stop.of(ended.get("stop")) if ended else _CRASHED
        lane_stops = lane_stops_of(end) if end else {}
        stop_of_rest = None if stop in lane_stops.values() else stop
        # 2. What it was about. A fleet's run has campaigns and calls in its subruns alone.
        subruns = subruns_of(runs, header.run_id)
        rows = merged_rows(runs, header.campaign, subruns)
        held = held_of(end) if end and "held" in ending_of(end) else merged_held(runs, subruns)
        budget = (ended.get("budget") if ended else None) or merged_budget(runs, subruns)
        return cls(header, end, stop, lane_stops, stop_of_rest, rows, held, budget, is_live)

    def outcome(self, row: PlanRow, state: CampaignState | None) -> tuple[Outcome, Reason, str]:
        """A campaign's outcome, its reason, and the reason in words: a third of the cost of `campaign`."""
        decision = _decision(row.action, row.outcome, row.reason, row.message)
        stop = self.lane_stops.get(row.account, self.stop_of_rest)
        held = self.held.get(row.key)
        found = outcome_of(decision, state, stop, held)
        if self.is_live and held is None and decision.action is not Action.SKIP:
            return under_way(*found)
        return found

    def campaign(self, row: PlanRow, state: CampaignState | None, advice: Advice | None) -> CampaignResult:
        """A campaign's result. No advice: there is nothing to type yet."""
        outcome, reason, message = self.outcome(row, state)
        state = state or _UNTOUCHED
        answer = state.answer
        return CampaignResult(
            row.account, row.stream, row.campaign, row.name, row.wave, outcome, reason, message,
            attempts=state.attempt,
            intent_at=timestamp(state.intent_at),
            sent_at=timestamp(answer.sent_at),
            finished_at=timestamp(state.finished_at),
            http_status=answer.http_status,
            elapsed_ms=answer.elapsed_ms,
            evidence=message if reason is Reason.EVIDENCE else None,
            updated_at=answer.updated_at,
            next=advice.about(outcome, reason, row) if advice else None,
            tags=row.tags,
            recipients=recipients_of(row, state),
        )  # fmt: skip

    def advice(self, control_state: ControlState) -> Advice | None:
        """What there is to type; None while it is going on."""
        return None if self.is_live else Advice.of(self.header, control_state)

    def facts(self, code: int, success: PosixSeconds | None) -> RunResult:
        """Which run it was, and how it ended. `success` is when the launch last had one, in POSIX seconds."""
        header, end = header_of(self.header), self.end
        return {
            "run_id": self.header.run_id,
            "launch": self.header.launch,
            "manifest": header["manifest"],
            "manifest_sha256": header["manifest_sha256"],
            "plan_sha256": header["plan_sha256"],
            "host": header["host"],
            "ledger": header["ledger"],
            "started_at": timestamp(self.header.at),
            "finished_at": timestamp(end.at) if end else None,
            "last_success_at": timestamp(success),
            "exit_code": code,
            "stop": None if self.stop is None else StopResult(reason=self.stop.reason, detail=self._stop_detail()),
            "rehearsal": cast("RehearsalResult | None", header.get("rehearsal")),
            "environment": header.get("environment"),
            "by": header.get("by"),
            "approved": header.get("approved"),
            "head": None,
            "planned_by": header.get("planned_by"),
            "approvals": [
                ApprovalResult(by=one["by"], key=one["key"], at=timestamp(one["at"]))
                for one in header.get("approvals", ())
            ],
            "version": header.get("version"),
        }

    def _stop_detail(self) -> str:
        """Why it ended early, in words: of every lane, where lanes stopped and not the run."""
        if self.stop is None or self.stop_of_rest is not None:
            return self.stop.detail if self.stop else ""
        details = [stop.detail for stop in self.lane_stops.values()]
        more = f"; and {plural(len(details) - _MOST_DETAILS, 'more account')}" if len(details) > _MOST_DETAILS else ""
        return "; ".join(details[:_MOST_DETAILS]) + more

    def budgets(self) -> dict[str, BudgetResult]:
        """As journaled; a journal of an earlier version suggests no rate."""
        return {lane: cast("BudgetResult", {"suggested": None, **used}) for lane, used in self.budget.items()}

    def waves(self) -> list[WaveResult]:
        """As journaled: those that were opened."""
        return [_wave(wave) for wave in (ending_of(self.end).get("waves", []) if self.end else [])]


def _left_out(row: PlanRow) -> PlanRow:
    """The row of a campaign for a run whose manifest does not name it."""
    return row._replace(
        action=Action.SKIP, outcome=Outcome.SKIPPED, reason=Reason.DISABLED, message="its manifest does not name it"
    )


@lru_cache(maxsize=1024)  # thousands of campaigns share a decision, and each of its enums is a look-up
def _decision(action: str, outcome: str | None, reason: str | None, message: str) -> Decision:
    return Decision(Action(action), Outcome(outcome) if outcome else None, Reason(reason) if reason else None, message)


def _wave(journaled: Mapping[str, Any]) -> WaveResult:
    return WaveResult(
        name=journaled["name"], campaigns=journaled["campaigns"],
        verdict=wave_verdict(journaled), passed=journaled["passed"],
        message=journaled["message"], opened_at=timestamp(journaled.get("opened_at")),
        closed_at=timestamp(journaled.get("closed_at")),
    )  # fmt: skip
