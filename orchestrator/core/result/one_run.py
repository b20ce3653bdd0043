"""One run of a launch by its journaled records: what decides the outcomes of its campaigns, and how it ended."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from orchestrator.core.journal.control import ControlState
from orchestrator.core.journal.records import END, PlanRow, ending_of, header_of, held_of, lane_stops_of
from orchestrator.core.journal.states import CampaignState
from orchestrator.core.journal.subruns import merged_budget, merged_held, merged_rows, subruns_of
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.result.advice import Advice
from orchestrator.core.result.conclude import outcome_of, under_way
from orchestrator.core.result.texted import recipients_of
from orchestrator.core.result.types import (
    ApprovalResult,
    BudgetResult,
    CampaignResult,
    RunResult,
    StopResult,
    WaveResult,
    wave_verdict,
)
from orchestrator.core.text import plural, timestamp
from orchestrator.model import CampaignKey, Outcome, PosixSeconds, Reason, Record, Stop, StopReason

_CRASHED = Stop(StopReason.CRASHED, "the run ended before it could record why")
_UNTOUCHED = CampaignState()
_MOST_DETAILS = 3
"""Lanes whose stops are told one by one."""


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
        # 1. How it ended. A run without an end crashed, unless it is live, or its own process asks, which knows the
        # stop.
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
            delivery=None,
        )  # fmt: skip

    def advice(self, control_state: ControlState) -> Advice | None:
        """What there is to type; None while it is going on."""
        return None if self.is_live else Advice.of(self.header, control_state, self.stop)

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
            "rehearsal": header.get("rehearsal"),
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
