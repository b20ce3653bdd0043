"""The shape of a result: what `result.json` holds, and what the other reports are written from."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, overload  # TypedDict below: typing's own says too little for pydantic before Python 3.12

from typing_extensions import TypedDict

from orchestrator.core.audience import Audience
from orchestrator.core.result.delivered import DeliveriesResult, DeliveryResult
from orchestrator.core.result.texted import RecipientsResult
from orchestrator.core.rules.waves import REST
from orchestrator.model import CampaignKey, Outcome, Reason, StopReason, WaveVerdict, key_of

SCHEMA_VERSION: Final = "1"


UNDER_WAY: Final[tuple[Reason, ...]] = (Reason.IN_FLIGHT, Reason.WAITING)
"""Reasons of campaigns of a run that is going on, which have no outcome yet."""


def standing_of(outcome: Outcome, reason: Reason) -> Outcome | Reason:
    """The outcome; in a run that is going on, `waiting` or `in_flight` of a campaign that has none."""
    return reason if reason in UNDER_WAY else outcome


@dataclass(slots=True)  # a value, though not frozen: that takes three times as long to make, and there may be a million
class CampaignResult:
    """Where one campaign ended up. Times are RFC 3339 in UTC; `next` is what to type."""

    account: str
    """The account's name in the manifest."""
    stream: str
    """The stream's id."""
    campaign: str
    """The campaign's id."""
    name: str
    """The campaign's name in the manifest."""
    wave: str
    """The wave it belongs to; `rest` where no wave names it."""
    outcome: Outcome
    """Where it ended up: exactly one."""
    reason: Reason
    """Why, in one stable word."""
    message: str
    """Why, for people: often the server's own words."""
    attempts: int
    """Attempts to start it, over all runs of the launch."""
    intent_at: str | None
    """When the last attempt's intent was on disk."""
    sent_at: str | None
    """When its first byte left."""
    finished_at: str | None
    """When its outcome was recorded."""
    http_status: int | None
    """The HTTP status of the last answer."""
    elapsed_ms: float | None
    """Milliseconds from the first byte to the answer."""
    evidence: str | None
    """What a probe found, where the answer was lost."""
    updated_at: str | None
    """The platform's `updatedAt`."""
    next: str | None
    """The command to type; of an unknown campaign two, a line each: one for each answer."""
    tags: str
    """Its tags in the manifest, with a space between."""
    recipients: int | None
    """The people on its contact lists when it was planned; null if their number is unknown."""
    delivery: DeliveryResult | None
    """What became of it since it was started, as of the newest reading; null if nobody followed it."""

    @property
    def standing(self) -> Outcome | Reason:
        """Its outcome; in a run that is going on, `waiting` or `in_flight` as long as it has none."""
        return standing_of(self.outcome, self.reason)

    @property
    def key(self) -> CampaignKey:
        """Stream and campaign in one."""
        return key_of(self.stream, self.campaign)


Tally = Mapping[tuple[str, Outcome, Reason], int]
"""Campaigns counted by account, outcome and reason."""


class Campaigns(Sequence[CampaignResult]):
    """The campaigns of a run: counted once, and concluded one by one, anew whenever they are read.

    A million of them at once would take more memory than the whole run. One by its place costs a walk to it.
    """

    def __init__(
        self, tally: Tally, conclude: Callable[[], Iterator[CampaignResult]], sent: tuple[str, str] | None = None
    ) -> None:
        self.tally = tally
        self.sent_between = sent
        """When the run's first and its last start left, in RFC 3339; None if none did."""
        self._conclude = conclude

    def totals(self) -> dict[Outcome, int]:
        """Campaigns by outcome; every outcome is there."""
        totals = dict.fromkeys(Outcome, 0)
        for (_, outcome, _), count in self.tally.items():
            totals[outcome] += count
        return totals

    def __iter__(self) -> Iterator[CampaignResult]:
        return self._conclude()

    def __len__(self) -> int:
        return sum(self.tally.values())

    @overload
    def __getitem__(self, place: int) -> CampaignResult: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[CampaignResult, ...]: ...
    def __getitem__(self, place: int | slice) -> CampaignResult | tuple[CampaignResult, ...]:
        return tuple(self)[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # as of any sequence that is compared by what it holds


FIELDS: Final = tuple(field.name for field in fields(CampaignResult))
"""What a report has of a campaign, in order."""

values: Final = attrgetter(*FIELDS)
"""A campaign's values, in the order of the fields."""


class StopResult(TypedDict):
    """Why a run ended early: the reason for machines, the detail for people."""

    reason: StopReason
    """Why, in one stable word."""
    detail: str
    """Why, for people."""


class RehearsalResult(TypedDict):
    """What a rehearsal's calls met: the same faults and seed give the same rehearsal."""

    faults: str
    """The name of the conditions: none, calm, realistic or nasty."""
    seed: int
    """The seed they were drawn from."""


class ApprovalResult(TypedDict):
    """One signature over the plan, which was checked before the run."""

    by: str
    """Who signed: a name of the file of signers."""
    key: str
    """The fingerprint of the key."""
    at: str
    """When the run checked it."""


class RunResult(TypedDict):
    """Which run it was, and how it ended. `finished_at` is null after a crash, or while it is going on."""

    run_id: str
    """The run's id."""
    launch: str
    """The launch."""
    manifest: str
    """The manifest's path, as it was given."""
    manifest_sha256: str
    """Of the manifest and the files it names."""
    plan_sha256: str
    """The hash of the plan that was carried out."""
    host: str
    """The host that was called."""
    ledger: str
    """The ledger's address."""
    started_at: str
    """When the run began."""
    finished_at: str | None
    """When it ended."""
    last_success_at: str | None
    """When a run of this launch last ended with exit code 0."""
    exit_code: int
    """The exit code."""
    stop: StopResult | None
    """Why it ended early."""
    rehearsal: RehearsalResult | None
    """What the calls of a rehearsal met, which sends nothing; null for a run."""
    environment: str | None
    """The environment that was chosen; null if the manifest has none."""
    by: str | None
    """Who ran it; null for a rehearsal, and in journals of earlier versions."""
    approved: str | None
    """How it was approved: a plan's hash, at a terminal, `--yes`; null if nobody was asked."""
    head: str | None
    """The hash of the journal's record that ends the run: `audit verify --head` knows a journal by it; null before that
    record, for a rehearsal, and in journals of earlier versions."""
    planned_by: str | None
    """Who made the plan that was approved; null if none was given."""
    approvals: list[ApprovalResult]
    """Whose signatures over the plan were checked, one for each person."""
    version: str | None
    """The version of this program that ran it; null as `by` is, and for a fleet's run, whose workers may differ."""


class BudgetResult(TypedDict):
    """What one account's calls took of its windows: a peak for each limit, in the same order.

    `suggested` is the rate that the platform left to this account, where it limited calls within the manifest's rate.
    """

    account: str
    """The account's name in the manifest."""
    limits: list[str]
    """The windows of its rate."""
    calls: int
    """Calls of every kind."""
    peak_in_window: list[int]
    """The fullest that each window was."""
    throttled: int
    """Calls that the platform limited."""
    suggested: str | None
    """A rate that would have avoided the waits."""


class WaveResult(TypedDict):
    """How one wave went; waves that were never opened are missing."""

    name: str
    """The wave's name."""
    campaigns: int
    """How many campaigns it has."""
    verdict: WaveVerdict
    """How it went, in one stable word."""
    passed: bool
    """Whether its verdict is `passed` or `no_rule`."""
    message: str
    """Why it did not pass, or what cut it short."""
    opened_at: str | None
    """When it opened."""
    closed_at: str | None
    """When all of it had an outcome."""


def wave_verdict(journaled: Mapping[str, Any]) -> WaveVerdict:
    """How a wave went, as the record of its run's end has it."""
    # A journal of an earlier version has `passed` alone, also for what was cut short.
    return WaveVerdict(journaled.get("verdict") or ("passed" if journaled["passed"] else "not_passed"))


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run. `budget` is by lane."""

    run: RunResult
    """The run itself."""
    totals: dict[Outcome, int]
    """Campaigns by outcome."""
    budget: dict[str, BudgetResult]
    """What each account's calls took, by lane."""
    waves: list[WaveResult]
    """The waves that were opened."""
    campaigns: Sequence[CampaignResult]
    """One entry for each campaign, in the plan's order, then those of earlier runs that are unknown and not in it."""
    warnings: list[str]
    """What the plan warned of."""
    recipients: RecipientsResult
    """The people of the campaigns that the launch started, in this run or an earlier one."""
    delivery: DeliveriesResult | None
    """What became of the campaigns that were followed; null if nobody followed any."""

    @property
    def people(self) -> dict[str, Audience]:
        """By account, the people of the campaigns that the launch started."""
        return {
            account: Audience(one["known"], one["unknown_campaigns"])
            for account, one in self.recipients["accounts"].items()
        }

    @property
    def exit_code(self) -> int:
        """The run's exit code (design section 6)."""
        return int(self.run["exit_code"])

    @property
    def standings(self) -> dict[Outcome | Reason, int]:
        """Campaigns by outcome, and those of a run that is going on by `in_flight` and `waiting`."""
        is_over = self.run["finished_at"] is not None
        counts: Counter[Outcome | Reason] = Counter()
        for (_, outcome, reason), count in self.tally.items():
            counts[outcome if is_over else standing_of(outcome, reason)] += count
        return {standing: counts.get(standing, 0) for standing in (*Outcome, *UNDER_WAY)}

    @property
    def tally(self) -> Tally:
        """Campaigns by account, outcome and reason, in the order of the first of each."""
        if isinstance(self.campaigns, Campaigns):
            return self.campaigns.tally
        return Counter((one.account, one.outcome, one.reason) for one in self.campaigns)

    @property
    def sent_between(self) -> tuple[str, str] | None:
        """When the run's first and its last start left, in RFC 3339; None if none did."""
        if isinstance(self.campaigns, Campaigns):
            return self.campaigns.sent_between
        sent = [one.sent_at for one in self.campaigns if one.sent_at and one.sent_at >= self.run["started_at"]]
        return (min(sent), max(sent)) if sent else None

    @property
    def named_waves(self) -> list[WaveResult]:
        """The waves that were opened; none for a manifest without waves, whose campaigns are all in `rest`."""
        return [] if [wave["name"] for wave in self.waves] == [REST] else self.waves

    @property
    def environment(self) -> str:
        """The environment that was chosen; empty if the manifest has none."""
        return self.run.get("environment") or ""

    @property
    def nature(self) -> str:
        """`Rehearsal`, or `Sandbox`; empty for a run on a real host."""
        if self.run.get("rehearsal"):
            return "Rehearsal"
        return "Sandbox" if self.run.get("host") == "sandbox" else ""

    @property
    def banner(self) -> str:
        """What every report says first of a run that sent nothing; empty for a run on a real host."""
        return f"{self.nature}: nothing was sent" if self.nature else ""

    @property
    def conditions(self) -> str:
        """What a rehearsal's calls met; empty if it is none."""
        rehearsal = self.run.get("rehearsal")
        return f"faults {rehearsal['faults']}, seed {rehearsal['seed']}" if rehearsal else ""

    def as_json(self) -> dict[str, Any]:
        """The contents of `result.json`."""
        rows = [dict(zip(FIELDS, values(campaign), strict=True)) for campaign in self.campaigns]
        # Not `asdict`, which copies every text: it took longer than the whole rest of a report.
        return {"schema_version": SCHEMA_VERSION, "run": self.run, "totals": self.totals, "budget": self.budget,
                "waves": self.waves, "recipients": self.recipients, "delivery": self.delivery, "campaigns": rows,
                "warnings": self.warnings}  # fmt: skip
