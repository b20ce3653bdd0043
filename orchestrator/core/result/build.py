"""A launch's journal -> the result of one of its runs. A pure function of the journaled records."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from orchestrator.core.journal import control
from orchestrator.core.journal.control import CONTROL, OPEN, ControlState, lifting_command
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
    wave_verdict,
)
from orchestrator.core.journal.states import KINDS, UNRESOLVED, CampaignState, fold_record
from orchestrator.core.journal.subruns import is_subrun, merged_budget, merged_held, merged_rows, subruns_of
from orchestrator.core.plan.plan import Action, Decision
from orchestrator.core.result.conclude import code_of, exit_code, outcome_of, under_way
from orchestrator.core.result.types import (
    BudgetResult,
    CampaignResult,
    RehearsalResult,
    Result,
    RunResult,
    StopResult,
    WaveResult,
)
from orchestrator.core.text import command_line, manifest_words, plural, timestamp
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
    journal = _Journal(run_id)
    for record in records:
        journal.read(record)
    if journal.header is None:
        raise NoRunError(run_id or "no run")
    # 2. The run, and where each of its campaigns ended up.
    run = _Run.of(journal.runs, journal.header, stop, live)
    # A state is dropped once it is used: beside their results, the states of a million campaigns would not fit.
    advice = None if run.is_live else _Advice.of(run.header, journal.control_state)
    take = lambda key: journal.states.pop(key, None)  # noqa: E731
    campaigns = tuple(run.campaigns(run.rows, take, advice))
    campaigns += tuple(run.campaigns(journal.out_of_sight(), take, advice))
    # 3. The figures over all campaigns.
    code = exit_code(campaigns, run.stop)
    counts = Counter(campaign.outcome for campaign in campaigns)
    return Result(
        run.facts(code, journal.success_before),
        {outcome: counts[outcome] for outcome in Outcome},
        run.budgets(),
        run.waves(),
        campaigns,
        [*header_of(run.header)["warnings"], *warnings],
    )


@dataclass(slots=True)
class _Journal:
    """A launch's journal, as far as it was read.

    `header` is that of the run with the id `wanted`, or of the newest run. `success_before` is when a run before it
    last ended with exit code 0, in POSIX seconds.
    """

    wanted: str | None
    runs: list[Record] = field(default_factory=list)  # of RUN_KINDS, in their order
    states: dict[CampaignKey, CampaignState] = field(default_factory=dict)
    control_state: ControlState = OPEN
    header: Record | None = None
    success_before: PosixSeconds | None = None
    _headers: dict[str, Record] = field(default_factory=dict)  # of the runs that people started, by `@RUN-ID`
    _ended: list[tuple[Record, int]] = field(default_factory=list)  # ends since a campaign last moved; and `runs` then
    _success: PosixSeconds | None = None

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
                self._find_success()
            fold_record(self.states, record)
        elif record.campaign == CONTROL:
            self.control_state = control.apply(self.control_state, record)

    def out_of_sight(self) -> list[PlanRow]:
        """The campaigns that are unknown among those whose states are left, as plans before this run have them.

        Once the states of the run's own campaigns are taken, these are those that it does not name.
        """
        left = {key for key, state in self.states.items() if state.state in UNRESOLVED}
        found: dict[CampaignKey, PlanRow] = {}
        before = itertools.takewhile(lambda record: record is not self.header, self.runs)
        # The newest plan first. Most launches leave nothing out, and then no plan is read.
        for plan in reversed([record for record in before if left and record.kind == PLAN]):
            found |= {row.key: row for row in plan_rows([plan]) if row.key in left and row.key not in found}
        return [_left_out(found[key]) for key in self.states if key in found]

    def _begin(self, header: Record) -> None:
        if header.run_id == self.wanted or (self.wanted is None and not is_subrun(header)):
            self._find_success()
            # Taken at the run's begin: what ends later is no success before it.
            self.header, self.success_before = header, self._success
        if not is_subrun(header):
            self._headers[header.campaign] = header

    def _end(self, end: Record) -> None:
        is_before = self.wanted is None or self.header is None
        if is_before and end.campaign in self._headers and ending_of(end).get("stop") is None:
            self._ended.append((end, len(self.runs)))

    def _find_success(self) -> None:
        """Look for a success among the runs that ended since a campaign last moved, the newest first."""
        while self._ended:
            end, count = self._ended.pop()
            run = _Run.of(self.runs[:count], self._headers[end.campaign])
            if not self._has_unknown() and code_of(run.outcomes(self.states.get), run.stop) == 0:
                # Only the newest success is reported, so the older ones need no look.
                self._success = end.at
                self._ended.clear()

    def _has_unknown(self) -> bool:
        return any(state.state in UNRESOLVED for state in self.states.values())


@dataclass(frozen=True, slots=True)
class _Run:
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
    def of(cls, runs: Sequence[Record], header: Record, stop: Stop | None = None, live: str | None = None) -> "_Run":
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

    def campaigns(
        self,
        rows: Iterable[PlanRow],
        state_of: Callable[[CampaignKey], CampaignState | None],
        advice: "_Advice | None",
    ) -> Iterator[CampaignResult]:
        """Campaigns by their rows, in the same order. No advice: there is nothing to type yet."""
        return (self._campaign(row, state_of(row.key), advice) for row in rows)

    def outcomes(self, state_of: Callable[[CampaignKey], CampaignState | None]) -> Iterator[tuple[Outcome, Reason]]:
        """The outcomes and reasons alone, at a third of the cost. Can be asked for once, too."""
        return (self._outcome(row, state_of(row.key))[:2] for row in self.rows)

    def _outcome(self, row: PlanRow, state: CampaignState | None) -> tuple[Outcome, Reason, str]:
        decision = _decision(row.action, row.outcome, row.reason, row.message)
        stop = self.lane_stops.get(row.account, self.stop_of_rest)
        held = self.held.get(row.key)
        found = outcome_of(decision, state, stop, held)
        if self.is_live and held is None and decision.action is not Action.SKIP:
            return under_way(*found)
        return found

    def _campaign(self, row: PlanRow, state: CampaignState | None, advice: "_Advice | None") -> CampaignResult:
        outcome, reason, message = self._outcome(row, state)
        state = state or _UNTOUCHED
        answer = state.last_data
        return CampaignResult(
            row.account, row.stream, row.campaign, row.name, row.wave, outcome, reason, message,
            attempts=state.attempt,
            intent_at=timestamp(state.intent_at),
            sent_at=timestamp(answer.get("sent_at")),
            finished_at=timestamp(state.finished_at),
            http_status=answer.get("http_status"),
            elapsed_ms=answer.get("elapsed_ms"),
            evidence=message if reason is Reason.EVIDENCE else None,
            updated_at=answer.get("updated_at"),
            next=advice.about(outcome, reason, row) if advice else None,
        )  # fmt: skip

    def facts(self, code: int, success_before: PosixSeconds | None) -> RunResult:
        """Which run it was, and how it ended."""
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
            "last_success_at": timestamp(end.at if end and code == 0 else success_before),
            "exit_code": code,
            "stop": None if self.stop is None else StopResult(reason=self.stop.reason, detail=self._stop_detail()),
            "rehearsal": cast("RehearsalResult | None", header.get("rehearsal")),
            "environment": header.get("environment"),
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


@dataclass(frozen=True, slots=True)
class _Advice:
    """The commands to type next: to look again (at the same part or at all), to try again what failed, and to resolve.

    They name the program as `core.text.PROGRAM` does, for every reader: a result depends on its journal alone.
    """

    again: str
    of_all: str
    retry: str
    launch: str
    ledger: str

    @classmethod
    def of(cls, header: Record, control_state: ControlState) -> "_Advice":
        """Advice about a run by its header."""
        data = header_of(header)
        # With the selection of this run: without it, campaigns would be started that nobody had asked for.
        words = manifest_words(data["manifest"], data.get("environment"))
        of_all = command_line("run", *words)
        again = command_line("run", *words, *data.get("options", ()))
        # A run of a launch that is paused or aborted starts nothing: that is lifted first.
        lifting = lifting_command(control_state, header.launch, data["ledger"])
        retry = f"{again} --retry-failed"
        return cls(lifting or again, lifting or of_all, lifting or retry, header.launch, data["ledger"])

    def about(self, outcome: Outcome, reason: Reason, row: PlanRow) -> str | None:
        """The command to type about a campaign, or two, a line each, for two answers; None where nothing is to do."""
        # No run looks for evidence of a start in a campaign that its manifest does not name, or disables.
        is_looked_at = reason is Reason.OPEN_INTENT and row.reason != Reason.DISABLED
        if outcome is Outcome.UNKNOWN and not is_looked_at:
            resolve = command_line("resolve", self.launch, row.key, ledger=self.ledger)
            return f"{resolve} --as started --reason\n{resolve} --as not-started --reason"
        if outcome is Outcome.FAILED:
            return self.retry
        if outcome is Outcome.UNKNOWN and row.reason == Reason.DESELECTED:
            return self.of_all  # the same selection would leave it out again
        return self.again if outcome in {Outcome.UNKNOWN, Outcome.HELD} else None


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
