"""Plan + journal -> the result of a run, its totals and its exit code. A pure function of journaled records."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any, Final, cast, overload

from orchestrator.core.journal.records import unpacked_value
from orchestrator.core.journal.states import CampaignState, fold
from orchestrator.core.journal.subruns import PART_OF, headers, merged_budget, merged_held, merged_rows, parts_of
from orchestrator.core.plan.plan import Action, Decision
from orchestrator.core.result.conclude import UNASKED, OutcomeCounter, exit_code, outcome_of
from orchestrator.core.result.types import (
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
    "COLUMNS",
    "RUN_KINDS",
    "SCHEMA_VERSION",
    "UNASKED",
    "CampaignResult",
    "NoRunError",
    "Result",
    "Sources",
    "assemble",
    "build",
    "exit_code",
    "outcome_of",
    "timestamp",
]  # fmt: skip

RUN_KINDS: Final = ("run", "plan", "end")
"""The kinds of record that a result needs besides those of its campaigns."""

_CHUNK_SIZE: Final = 1000
_COMMAND: Final = "python -m orchestrator"


class NoRunError(LookupError):
    """The journal has no run of this launch."""


@dataclass(frozen=True, slots=True)
class Sources:
    """A launch's journal, as a result reads it: a million campaigns must not be in memory at once.

    `runs` are the records of RUN_KINDS, in order; `histories` tells what the journal says of some campaigns; `records`
    reads all of it, which is asked for only where an earlier run's success is looked for.
    """

    runs: Sequence[Record]
    histories: Callable[[Sequence[CampaignKey]], Mapping[CampaignKey, CampaignState]]
    records: Callable[[], Sequence[Record]]


def build(records: Sequence[Record], run_id: str | None = None) -> Result:
    """The result of a run, the last one where none is named. Raises NoRunError, and IllegalMove for a bad journal."""
    return assemble(_sources(records), run_id)


def _sources(records: Sequence[Record]) -> Sources:
    histories = fold(records)
    return Sources([r for r in records if r.kind in RUN_KINDS], lambda _: histories, lambda: records)


def assemble(
    sources: Sources,
    run_id: str | None = None,
    keep: Callable[[Iterator[CampaignResult]], Sequence[CampaignResult]] = tuple,
) -> Result:
    """The same from other sources; `keep` holds the campaigns. Each is concluded once, in the plan's order."""
    header = _header(sources.runs, run_id)
    run = _Run.of(sources, header)
    tally = OutcomeCounter()
    campaigns = keep(tally.counted(run.campaigns()))
    code, end = exit_code(tally.kinds.values(), run.stop), run.end
    said: RunResult = {
        "run_id": header.run_id,
        "launch": header.launch,
        "manifest": header.data["manifest"],
        "manifest_sha256": header.data["manifest_sha256"],
        "plan_sha256": header.data["plan_sha256"],
        "host": header.data["host"],
        "ledger": header.data["ledger"],
        "started_at": timestamp(header.at),
        "finished_at": timestamp(end.at) if end else None,
        "last_success_at": timestamp(end.at) if end and code == 0 else _last_success(sources, header),
        "exit_code": code,
        "stop": None if run.stop is None else {"reason": run.stop.reason, "detail": run.stop.detail},
    }
    ending = end.data if end else {}
    waves = [_wave(wave) for wave in ending.get("waves", [])]
    budget = ending.get("budget") or merged_budget(sources.runs, parts_of(sources.runs, header.run_id))
    return Result(said, tally.totals(), _budgets(budget), waves, campaigns, header.data["warnings"])


def _header(runs: Sequence[Record], run_id: str | None) -> Record:
    found = [r for r in headers(runs) if run_id in {None, r.run_id}]
    if run_id is not None and not found:
        found = [r for r in runs if r.kind == "run" and r.run_id == run_id]
    if not found:
        raise NoRunError(run_id or "no run")
    return found[-1]


@dataclass(frozen=True, slots=True)
class _Run:
    """One run within its launch's journal: what its campaigns are concluded from."""

    header: Record
    end: Record | None
    stop: Stop | None
    rows: Iterable[list[Any]]
    held: Mapping[str, Sequence[str]]
    sources: Sources

    @classmethod
    def of(cls, sources: Sources, header: Record) -> "_Run":
        own = [r for r in sources.runs if r.campaign == header.campaign]
        end = next((r for r in own if r.kind == "end"), None)
        parts = parts_of(sources.runs, header.run_id)
        held = unpacked_value(end.data["held"]) if end and "held" in end.data else merged_held(sources.runs, parts)
        return cls(header, end, _stop_of(end), merged_rows(sources.runs, own, parts), held, sources)

    def campaigns(self) -> Iterator[CampaignResult]:
        """Its campaigns, concluded some at a time."""
        rows = iter(self.rows)
        while some := list(islice(rows, _CHUNK_SIZE)):
            histories = self.sources.histories([CampaignKey(f"{row[1]}/{row[2]}") for row in some])
            yield from (_campaign(row, histories, self.stop, self.held, self.header) for row in some)


def _last_success(sources: Sources, header: Record) -> str | None:
    """When the last run before `header` ended that left nothing to do, by what was known when it ended."""
    earlier = list(takewhile(lambda record: record is not header, sources.runs))
    begun = {r.campaign: r for r in earlier if r.kind == "run" and PART_OF not in r.data}
    ends = [r for r in earlier if r.kind == "end" and r.campaign in begun and r.data.get("stop") is None]
    records = sources.records() if ends else ()
    for end in reversed(ends):
        until = _sources(records[: records.index(end) + 1])
        campaigns = _Run.of(until, begun[end.campaign]).campaigns()
        if exit_code(campaigns, _stop_of(end)) == 0:
            return timestamp(end.at)
    return None


@overload
def timestamp(at: float) -> str: ...
@overload
def timestamp(at: None) -> None: ...
def timestamp(at: float | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if at is None:
        return None
    second, microsecond = divmod(round(at * 1e6), 1_000_000)
    return f"{_second(second)}.{microsecond // 1000:03d}Z"


@lru_cache(maxsize=1024)
def _second(at: int) -> str:
    # Thousands of records share one, and to write a date takes longer than all the rest of a report's line.
    return datetime.fromtimestamp(at, UTC).isoformat()[:-6]


@lru_cache(maxsize=1024)
def _decision(action: str, outcome: str | None, reason: str | None, message: str) -> Decision:
    return Decision(Action(action), Outcome(outcome) if outcome else None, Reason(reason) if reason else None, message)


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
    histories: Mapping[CampaignKey, CampaignState],
    stop: Stop | None,
    held: Mapping[str, Sequence[str]],
    header: Record,
) -> CampaignResult:
    account, stream, campaign, name, wave, action, planned, reason, words = row
    decision = _decision(action, planned, reason, words)
    history = histories.get(CampaignKey(f"{stream}/{campaign}"))
    outcome, why, message = outcome_of(decision, history, stop, held.get(f"{stream}/{campaign}"))
    last: Mapping[str, Any] = history.last if history else {}
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
