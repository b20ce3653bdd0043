"""The data of the journal's records: what each kind has to have, and what it may have.

Keys that a type does not name are those of a later version, and are left alone. What is not required is missing in
records of earlier versions, or read as empty.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # typing's own says too little for pydantic before Python 3.12

from orchestrator.core.attempt.verdict import VerdictKind
from orchestrator.core.json_shape import Count, Number, Seconds, one_of
from orchestrator.model import StopReason, WaveVerdict

RateLimit = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}/[0-9]{1,18}(\.[0-9]{1,18})?(e[+-][0-9][0-9])?s$")]
"""A text of `Window`, such as `50/60s`."""


class StopData(TypedDict):
    """Why a run or a lane ended early, as `Stop.as_json` has it."""

    reason: Annotated[str, one_of(StopReason)]
    detail: str


class ApprovalData(TypedDict):
    """A signature over a plan that was checked at a time in POSIX seconds: who made it, and the key's fingerprint."""

    by: str
    key: str
    at: Seconds


class RehearsalData(TypedDict):
    """What a rehearsal's calls met."""

    faults: str
    seed: int


class FleetData(TypedDict):
    """What a fleet's run was asked to do; it is compared as a whole with what is asked for later."""

    retry_failed: bool
    no_wait: bool


class BudgetData(TypedDict):
    """What one account's calls took of its limits, each with its peak."""

    account: str
    limits: list[RateLimit]
    calls: Count
    peak_in_window: list[Count]
    throttled: Count
    suggested: NotRequired[str | None]  # missing in journals of earlier versions


class WaveData(TypedDict):
    """How a wave went; in journals of earlier versions, `passed` alone says so."""

    name: str
    campaigns: Count
    passed: bool
    message: str
    verdict: NotRequired[Annotated[str, one_of(WaveVerdict)]]
    opened_at: NotRequired[Seconds | None]
    closed_at: NotRequired[Seconds | None]


class Header(TypedDict):
    """The data of a run's header. `manifest` is the file's name, the hashes are hexadecimal SHA-256."""

    manifest: str
    manifest_sha256: str
    plan_sha256: str
    host: str
    ledger: str
    warnings: list[str]
    environment: NotRequired[str]  # the one that was chosen, where the manifest has some
    by: NotRequired[str]  # who ran it; a rehearsal has none of this and the next two, nor has a journal before 0.2
    approved: NotRequired[str]  # how it was approved, in words
    planned_by: NotRequired[str]  # who made the plan, where a plan was given
    approval: NotRequired[str]  # what its manifest asks for, where it does: `plan` or `signers`
    approvals: NotRequired[list[ApprovalData]]  # whose signatures over it were checked, with their keys, and when
    version: NotRequired[str]  # of this program
    zones: NotRequired[list[str]]  # the time zones of its windows
    consoles: NotRequired[dict[str, str]]  # by account: an address with `{stream}` and `{campaign}` to be filled in
    rehearsal: NotRequired[RehearsalData]
    options: NotRequired[list[str]]  # those of the command that chose the campaigns; journals before 0.2 have none
    limits: NotRequired[dict[str, list[RateLimit]]]  # by account
    fleet: NotRequired[FleetData]
    part_of: NotRequired[str]  # in a subrun: the id of the fleet's run


class Ending(TypedDict):
    """The data of a run's end. `budget` is by lane; `held` is packed, and missing in a fleet's run.

    `stop` is why the run ended early: its own stop, else the first of `lane_stops`, which are by account.
    """

    stop: StopData | None
    lane_stops: NotRequired[dict[str, StopData]]  # missing in journals of earlier versions
    budget: dict[str, BudgetData]
    waves: list[WaveData]
    held: NotRequired[str]


class Rows(TypedDict):
    """Of a plan, or of a fleet's manifest: a packed list."""

    rows: str


class Planned(TypedDict):
    """A plan was made: its hash, and packed what it covers."""

    plan_sha256: str
    identity: str
    by: NotRequired[str]
    planned_by: NotRequired[list[str]]  # all names of who made it


class ApprovedPlan(TypedDict):
    """The plan of a fleet's order; `shown` are packed recipients by campaign."""

    plan_sha256: str
    identity: str
    shown: str


class LaneDone(TypedDict):
    """A fleet's lane of one wave is done. `alone`: what stopped it is about its account only."""

    wave: str
    account: str
    stop: StopData | None
    alone: bool


class Halt(TypedDict):
    """Why every lane of a fleet must stop."""

    stop: StopData


class Baseline(TypedDict):
    """The live state before a start, as `LiveState.as_json` has it. No `instance`: it was not asked for."""

    status: NotRequired[str]
    instance: NotRequired[str | None]


class Intent(TypedDict):
    """A start is about to be sent, before a deadline."""

    deadline: Seconds
    baseline: NotRequired[Baseline | None]
    recipients: NotRequired[Count | None]


class VerdictData(TypedDict):
    """What came of an attempt."""

    event: Annotated[str, one_of(VerdictKind)]
    message: NotRequired[str]
    http_status: NotRequired[Count | None]
    sent_at: NotRequired[Seconds | None]
    elapsed_ms: NotRequired[Number | None]
    updated_at: NotRequired[str | None]


class Found(TypedDict):
    """What was found out about an attempt without an answer."""

    message: NotRequired[str]


class Resolution(TypedDict):
    """What a person found out about an attempt."""

    event: Literal["resolved_started", "resolved_not_started"]
    message: NotRequired[str]
    by: NotRequired[str]


class Asked(TypedDict):
    """What a person asked for, such as a pause or a stop."""

    by: NotRequired[str]
    reason: NotRequired[str]


class StopReply(TypedDict):
    """What came of a stop."""

    event: str
    message: str


class HolderData(TypedDict):
    """The run that held a lane."""

    run_id: str
    machine: str
    pid: Count


class Release(Asked):
    """A person released a lane."""

    holder: HolderData


class FollowedRound(TypedDict):
    """What `follow` read of an account in one round: packed, and only what changed."""

    account: str
    began: Seconds
    stalled_after: Number
    rows: NotRequired[str]
    unread: NotRequired[str]
    hours: NotRequired[str]


class NoticeData(TypedDict):
    """A notice was sent, or given up. `not_told` has a sentence for each who could not be told."""

    event: str
    about: str
    not_told: list[str]
