"""The shape of a result: what `result.json` holds, and what the other reports are written from."""

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final

from typing_extensions import TypedDict  # typing's own says too little for pydantic before Python 3.12

from orchestrator.model import Outcome, Reason, StopReason

SCHEMA_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """Where one campaign ended up. Times are RFC 3339 in UTC; `next` is the one command to type."""

    account: str
    stream: str
    campaign: str
    name: str
    wave: str
    outcome: Outcome
    reason: Reason
    message: str
    attempts: int
    intent_at: str | None
    sent_at: str | None
    finished_at: str | None
    http_status: int | None
    elapsed_ms: float | None
    evidence: str | None
    updated_at: str | None
    next: str | None


COLUMNS: Final = tuple(field.name for field in fields(CampaignResult))
"""The columns of a report, in order."""

values: Final = attrgetter(*COLUMNS)
"""A campaign's values, in the order of the columns."""


class StopResult(TypedDict):
    """Why a run ended early: the reason for machines, the detail for people."""

    reason: StopReason
    detail: str


class RunResult(TypedDict):
    """Which run it was, and how it ended. `finished_at` is None after a crash, or while it is going on."""

    run_id: str
    launch: str
    manifest: str
    manifest_sha256: str
    plan_sha256: str
    host: str
    ledger: str
    started_at: str
    finished_at: str | None
    last_success_at: str | None
    exit_code: int
    stop: StopResult | None


class BudgetResult(TypedDict):
    """What one account's calls took of its windows: a peak for each limit, in the same order.

    `suggested` is the rate that the platform left to this account, where it limited calls within the manifest's rate.
    """

    account: str
    limits: list[str]
    calls: int
    peak_in_window: list[int]
    throttled: int
    suggested: str | None


class WaveResult(TypedDict):
    """How one wave went; waves that were never opened are missing."""

    name: str
    campaigns: int
    passed: bool
    message: str
    opened_at: str | None
    closed_at: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. `budget` is by lane."""

    run: RunResult
    totals: dict[Outcome, int]
    budget: dict[str, BudgetResult]
    waves: list[WaveResult]
    campaigns: tuple[CampaignResult, ...]
    warnings: list[str]

    @property
    def exit_code(self) -> int:
        """The run's exit code (design section 6)."""
        return int(self.run["exit_code"])

    def as_json(self) -> dict[str, Any]:
        """The contents of `result.json`."""
        rows = [dict(zip(COLUMNS, values(campaign), strict=True)) for campaign in self.campaigns]
        # Not `asdict`, which copies every text: it took longer than the whole rest of a report.
        return {"schema_version": SCHEMA_VERSION, "run": self.run, "totals": self.totals, "budget": self.budget,
                "waves": self.waves, "campaigns": rows, "warnings": self.warnings}  # fmt: skip
