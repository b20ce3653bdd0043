"""Plan + journal -> the result of a run, its totals and its exit code. A pure function of journaled records."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast, overload

from orchestrator.core.outcome import Event, History, State, fold
from orchestrator.core.packing import unpacked_value
from orchestrator.core.parts import PART_OF, headers, merged_budget, merged_held, merged_rows, parts_of
from orchestrator.core.plan import Action, Decision
from orchestrator.core.result_shapes import (
    COLUMNS,
    SCHEMA_VERSION,
    BudgetResult,
    CampaignResult,
    Result,
    RunResult,
    WaveResult,
)
from orchestrator.model import CampaignKey, Outcome, Reason, Record, Stop, StopReason

__all__ = [
    "COLUMNS", "SCHEMA_VERSION", "UNASKED", "CampaignResult", "NoRunError", "Result", "build", "conclude",
    "exit_code", "timestamp", "totals",
]  # fmt: skip

_SIGNAL_CODES: Final = {StopReason.SIGINT: 130, StopReason.SIGTERM: 143, StopReason.SIGHUP: 129}
UNASKED: Final = frozenset({Reason.DISABLED, Reason.DESELECTED})
"""Reasons to skip a campaign that its owner gave: they leave a run successful."""
_HOW_STARTED: Final = {
    Event.ACCEPTED: Reason.ACCEPTED,
    Event.EVIDENCE: Reason.EVIDENCE,
    Event.RESOLVED_STARTED: Reason.RESOLVED,
}
_SEEN_SINCE: Final = frozenset({Reason.LIVE_STATE, Reason.NOT_FOUND})
_COMMAND: Final = "python -m orchestrator"


class NoRunError(LookupError):
    """The journal has no run of this launch."""


def conclude(
    decision: Decision, history: History | None, stop: Stop | None, held: Sequence[str] | None = None
) -> tuple[Outcome, Reason, str]:
    """The one outcome of a campaign, why, and in words. `held`: the reason and the words why it alone was kept back."""
    if decision.outcome is Outcome.SKIPPED and decision.reason is not None:
        return decision.outcome, decision.reason, decision.message
    proven = _proven(decision, history) if history else None
    if proven is not None:
        return proven
    if decision.outcome is not None and decision.reason is not None:
        return decision.outcome, decision.reason, decision.message
    if held is not None:
        return Outcome.HELD, Reason(held[0]), held[1]
    if stop is None:
        return Outcome.HELD, Reason.WINDOW, "its window is closed"
    return Outcome.HELD, Reason.STOPPED, f"not started: {stop.detail}"


def _proven(decision: Decision, history: History) -> tuple[Outcome, Reason, str] | None:
    """What the journal alone says; None where it says nothing of an outcome."""
    message = str(history.last.get("message", ""))
    if history.state is State.STARTED:
        return _started(decision, history, message)
    if history.state is State.CLEARED:
        return Outcome.HELD, Reason.RESOLVED, f"a person said that it was not started ({message}); run again to start"
    if history.state is State.FAILED and decision.reason not in _SEEN_SINCE:
        return Outcome.FAILED, _why_failed(decision, history), message
    if history.state is State.UNKNOWN:
        return Outcome.UNKNOWN, Reason.NO_EVIDENCE, message
    if history.state in {State.INTENDED, State.SUSPECT}:
        return Outcome.UNKNOWN, Reason.OPEN_INTENT, message or "the run ended before the answer was known"
    return None


def _started(decision: Decision, history: History, message: str) -> tuple[Outcome, Reason, str]:
    if decision.action is Action.SKIP:
        return Outcome.ALREADY_STARTED, Reason.JOURNAL, "started by an earlier run of this launch"
    return Outcome.STARTED, _HOW_STARTED[history.by or Event.ACCEPTED], message


def _why_failed(decision: Decision, history: History) -> Reason:
    if decision.action is Action.SKIP:
        return Reason.FAILED_BEFORE
    return Reason.GAVE_UP if history.by is Event.GAVE_UP else Reason.REJECTED


def exit_code(campaigns: Iterable[CampaignResult], stop: Stop | None) -> int:
    """13 > 11 > 130, 143, 129 > 12 > 10 > 0 (design section 6)."""
    outcomes = [(c.outcome, c.reason) for c in campaigns]
    if stop is not None and stop.reason is StopReason.JOURNAL:
        return 13
    if any(outcome is Outcome.UNKNOWN for outcome, _ in outcomes):
        return 11
    if stop is not None and stop.reason in _SIGNAL_CODES:
        return _SIGNAL_CODES[stop.reason]
    if stop is not None or any(outcome is Outcome.HELD for outcome, _ in outcomes):
        return 12
    if any(o is Outcome.FAILED or (o is Outcome.SKIPPED and r not in UNASKED) for o, r in outcomes):
        return 10
    return 0


def build(records: Sequence[Record], run_id: str | None = None) -> Result:
    """The result of a run, the last one where none is named. Raises NoRunError, and IllegalMove for a bad journal."""
    found = [r for r in headers(records) if run_id in {None, r.run_id}]
    if run_id is not None and not found:
        found = [r for r in records if r.kind == "run" and r.run_id == run_id]
    if not found:
        raise NoRunError(run_id or "no run")
    header = found[-1]
    campaigns, stop, end = _outcomes(records, header)
    code, ending = exit_code(campaigns, stop), end.data if end else {}
    run: RunResult = {
        "run_id": header.run_id,
        "launch": header.launch,
        "manifest": header.data["manifest"],
        "manifest_sha256": header.data["manifest_sha256"],
        "plan_sha256": header.data["plan_sha256"],
        "host": header.data["host"],
        "ledger": header.data["ledger"],
        "started_at": timestamp(header.at),
        "finished_at": timestamp(end.at) if end else None,
        "last_success_at": timestamp(end.at) if end and code == 0 else _last_success(records, header),
        "exit_code": code,
        "stop": None if stop is None else {"reason": stop.reason, "detail": stop.detail},
    }
    waves = [_wave(wave) for wave in ending.get("waves", [])]
    budget = ending.get("budget") or merged_budget(records, parts_of(records, header.run_id))
    return Result(run, totals(campaigns), _budgets(budget), waves, campaigns, header.data["warnings"])


def _outcomes(
    records: Sequence[Record], header: Record
) -> tuple[tuple[CampaignResult, ...], Stop | None, Record | None]:
    own = [r for r in records if r.campaign == header.campaign]
    end = next((r for r in own if r.kind == "end"), None)
    histories, stop = fold(records), _stop_of(end)
    parts = parts_of(records, header.run_id)
    rows = merged_rows(records, own, parts)
    held = unpacked_value(end.data["held"]) if end and "held" in end.data else merged_held(records, parts)
    return tuple(_campaign(row, histories, stop, held, header) for row in rows), stop, end


def _last_success(records: Sequence[Record], header: Record) -> str | None:
    """When the last run before `header` ended that left nothing to do, by what was known when it ended."""
    begun: dict[str, Record] = {}
    ends: list[int] = []
    for place, record in enumerate(records):
        if record is header:
            break
        if record.kind == "run" and PART_OF not in record.data:
            begun[record.campaign] = record
        elif record.kind == "end" and record.campaign in begun and record.data.get("stop") is None:
            ends.append(place)
    for place in reversed(ends):
        end = records[place]
        campaigns, stop, _ = _outcomes(records[: place + 1], begun[end.campaign])
        if exit_code(campaigns, stop) == 0:
            return timestamp(end.at)
    return None


def totals(campaigns: Iterable[CampaignResult]) -> dict[Outcome, int]:
    """Campaigns by outcome; every outcome is there, and the sum is the plan's length."""
    counted = Counter(c.outcome for c in campaigns)
    return {outcome: counted[outcome] for outcome in Outcome}


@overload
def timestamp(at: float) -> str: ...
@overload
def timestamp(at: None) -> None: ...
def timestamp(at: float | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _stop_of(end: Record | None) -> Stop | None:
    if end is None:
        return Stop(StopReason.CRASHED, "the run was ended before it could say why")
    stop = end.data.get("stop")
    return Stop(StopReason(stop["reason"]), stop["detail"]) if stop else None


def _budgets(budget: Mapping[str, Any]) -> dict[str, BudgetResult]:
    """As journaled; a journal of an earlier version suggests nothing."""
    return {lane: cast("BudgetResult", {"suggested": None, **seen}) for lane, seen in budget.items()}


def _wave(journaled: Mapping[str, Any]) -> WaveResult:
    return WaveResult(
        name=journaled["name"], campaigns=journaled["campaigns"], passed=journaled["passed"],
        message=journaled["message"], opened_at=timestamp(journaled.get("opened_at")),
        closed_at=timestamp(journaled.get("closed_at")),
    )  # fmt: skip


def _campaign(
    row: list[Any],
    histories: Mapping[CampaignKey, History],
    stop: Stop | None,
    held: Mapping[str, Sequence[str]],
    header: Record,
) -> CampaignResult:
    account, stream, campaign, name, wave, action, planned, reason, words = row
    decision = Decision(
        Action(action), Outcome(planned) if planned else None, Reason(reason) if reason else None, words
    )
    history = histories.get(CampaignKey(f"{stream}/{campaign}"))
    outcome, why, message = conclude(decision, history, stop, held.get(f"{stream}/{campaign}"))
    last = history.last if history else {}
    return CampaignResult(
        account, stream, campaign, name, wave, outcome, why, message,
        attempts=history.attempt if history else 0,
        intent_at=timestamp(history.intent_at) if history else None,
        sent_at=timestamp(last.get("sent_at")),
        finished_at=timestamp(history.finished_at) if history else None,
        http_status=last.get("http_status"),
        elapsed_ms=last.get("elapsed_ms"),
        evidence=message if why is Reason.EVIDENCE else None,
        updated_at=last.get("updated_at"),
        next=_next(outcome, why, f"{stream}/{campaign}", header),
    )  # fmt: skip


def _next(outcome: Outcome, reason: Reason, key: str, header: Record) -> str | None:
    if outcome is Outcome.UNKNOWN and reason is Reason.OPEN_INTENT:
        return f"{_COMMAND} run {header.data['manifest']}"
    if outcome is Outcome.UNKNOWN:
        return f"{_COMMAND} resolve {header.launch} {key} --as started|not-started --reason TEXT"
    if outcome is Outcome.FAILED:
        return f"{_COMMAND} run {header.data['manifest']} --retry-failed"
    if outcome is Outcome.HELD:
        return f"{_COMMAND} run {header.data['manifest']}"
    return None
