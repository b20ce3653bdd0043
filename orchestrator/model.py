"""Frozen values that every module may know. No I/O, no clock, no rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType, TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(kind: type[_T]) -> type[_T]:
    """Make a class of values that are frozen for the type checker alone.

    For those that are made several times a start: what checks each field at run time makes a value take 0.8 instead of
    0.2 us.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)


CampaignKey = NewType("CampaignKey", str)
"""`stream/campaign`: names a campaign within a launch, whatever the manifest calls its account."""

PosixSeconds = NewType("PosixSeconds", float)
"""An instant that hosts agree on: seconds since 1970 in UTC."""

MonotonicSeconds = NewType("MonotonicSeconds", float)
"""An instant by a clock that is never set, of one boot or one event loop: comparable only within it."""


def key_of(stream: str, campaign: str) -> CampaignKey:
    """The key of a campaign."""
    return CampaignKey(f"{stream}/{campaign}")


Lane = NewType("Lane", str)
"""`host account_id`: whose rate limit a call counts against. Each has one lease, one pacer and one queue of starts."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a launch belongs: its host, and the environment where the manifest has some."""

    host: str
    environment: str | None = None

    def __str__(self) -> str:
        # Kept in the ledger like this, which a launch without environments must not change.
        return f"{self.host} in environment {self.environment}" if self.environment else self.host


class CampaignType(StrEnum):
    """The two kinds with a public trigger API (kore-api.md section 2)."""

    SMS = "sms"
    VOICE = "voice"

    @classmethod
    def _missing_(cls, value: object) -> "CampaignType | None":
        # Read in any case, as people write it: SMS.
        lower = value.lower() if isinstance(value, str) else None
        return next((one for one in cls if one.value == lower), None)


class Outcome(StrEnum):
    """Where a campaign ends up. Each campaign of a run has exactly one."""

    STARTED = "started"  # the platform answered Active, or there is other evidence
    ALREADY_STARTED = "already_started"  # the journal or the live state shows it; nothing was sent
    FAILED = "failed"  # definitely not started
    UNKNOWN = "unknown"  # may have started; a person must look
    HELD = "held"  # not attempted: guard, window, pause, interrupt
    SKIPPED = "skipped"  # deselected, disabled, or not startable


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` calls in any `seconds` seconds."""

    limit: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.limit}/{self.seconds:g}s"


@value
class CallTarget:
    """What a call to the remote API is about: headers and path of kore-api.md section 1.0."""

    lane: Lane
    account_id: str
    stream: str
    iid: str
    type: CampaignType
    campaign: str = ""

    @property
    def key(self) -> CampaignKey:
        """Stream and campaign in one."""
        return key_of(self.stream, self.campaign)


@dataclass(frozen=True, slots=True)
class CallingHours:
    """When the platform lets a campaign's messages out (kore-api.md section 1.6).

    `days` are (`mon`, `09:00`, `18:00`) in `zone`; empty if the answer could not be read.
    """

    zone: str
    days: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class LiveState:
    """The remote API's view of one campaign (kore-api.md section 1.7).

    `names_instance`: the reply was of a kind that names the last instance, so that None means "never ran".
    """

    status: str
    name: str = ""
    instance_id: str | None = None
    instance_updated_at: str | None = None  # moves with every edit at the console: no evidence of a start
    scheduled: bool = False
    contact_lists: tuple[str, ...] = ()
    dnc_lists: tuple[str, ...] = ()
    calling_hours: CallingHours | None = None  # known only where it was read by id
    names_instance: bool = True
    updated_at: str | None = None  # moves with every edit, too; named by a list and where it was read by id
    content: bytes = field(default=b"", repr=False, compare=False)  # of what it would send: see `core.content`
    messages_sent: int | None = None  # by its last instance; only a list names it, and of texts alone

    @property
    def names_dnc(self) -> bool:
        """Whether no DNC list means that it has none: the sample of a get-by-id reply (v1) leaves them out."""
        return self.names_instance or bool(self.dnc_lists)

    def as_json(self) -> dict[str, Any]:
        """The part a later probe compares with: kept in the intent's record."""
        # No instance is something else than one that was not asked for: a later list would call the old one new.
        return {"status": self.status, **({"instance": self.instance_id} if self.names_instance else {})}


@dataclass(frozen=True, slots=True)
class ContactList:
    """The people whom a campaign texts, as the remote API lists them (kore-api.md section 1.7b).

    `records` is None if their number is unknown: a list that an API feeds shows 0 of them, whatever it holds.
    `used_by` are the ids of the campaigns that name it.
    """

    id: str
    name: str
    records: int | None
    status: str
    in_use: bool = False
    used_by: tuple[str, ...] = ()
    source: str = ""
    updated_at: str | None = None


class Progress(StrEnum):
    """How far the bytes of a request got before a fault ended it."""

    UNSENT = "unsent"  # no connection, or cancelled before the first byte: it cannot have been delivered
    SENDING = "sending"  # from the first byte on: it may have been delivered
    ANSWERED = "answered"  # the reply's headers came, its body did not


@value
class Reply:
    """A whole HTTP reply. `payload` is its JSON value, or None if the body is not JSON."""

    http_status: int
    payload: Any
    text: str  # the first 500 characters, secrets taken out
    sent_at: PosixSeconds  # POSIX seconds
    elapsed: float  # seconds
    retry_after: str | None = None
    date: str | None = None


@value
class Fault:
    """A call without a whole reply. `text` says in plain words what happened; times as in Reply."""

    progress: Progress
    text: str
    sent_at: PosixSeconds | None
    elapsed: float
    http_status: int | None = None
    withheld: bool = False  # we ourselves did not send it: the last look forbade it, and `text` says why
    fix: str = ""  # what a person can do about it, where that is known
    lacks: str = ""  # what this machine had too little of to connect: no sign of the platform, and no attempt


@value
class Read:
    """A read's answer and what could be read in it. `more` says that a list has another page.

    `lists` are the contact lists of a stream; None if the answer names none that can be understood.
    """

    answer: Reply | Fault
    live: dict[str, LiveState] = field(default_factory=dict)  # by campaign id
    more: bool = False
    left: int | None = None  # pages of a list after this one; None: unknown
    lists: tuple[ContactList, ...] | None = None


@value
class Record:
    """One line of the journal. `campaign` is `@run` for records about a run, `@launch` for pause, unpause and abort."""

    launch: str
    campaign: str
    attempt: int
    kind: str
    run_id: str
    at: PosixSeconds  # POSIX seconds
    lane: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Reason(StrEnum):
    """Why an outcome is what it is: one stable word each, for machines; the message beside it is for people."""

    # Started, in this run or before it.
    ACCEPTED = "accepted"  # the platform answered Active
    EVIDENCE = "evidence"  # the answer was lost; a probe found the start
    RESOLVED = "resolved"  # a person resolved it
    JOURNAL = "journal"  # an earlier run started it
    LIVE_STATE = "live_state"  # it is already Active, and not by this launch
    # Failed: certainly not started.
    REJECTED = "rejected"  # the platform refused the call
    GAVE_UP = "gave_up"  # attempts or time used up, and certainly not started
    NOT_FOUND = "not_found"  # the platform does not list it
    FAILED_BEFORE = "failed_before"  # in an earlier run; --retry-failed tries again
    # Unknown: it may have started.
    NO_EVIDENCE = "no_evidence"  # the answer was lost, and no probe found a start
    OPEN_INTENT = "open_intent"  # the run ended before it could check the answer
    # Skipped: the plan leaves it alone.
    NOT_STARTABLE = "not_startable"  # its state is not in `preflight.startable`
    RERUN = "rerun"  # it would text the whole list again, and its `rerun` does not allow it
    REPEAT = "repeat"  # another launch started it within `repeat_guard`
    SCHEDULED = "scheduled"  # it starts by itself
    NO_DNC_LIST = "no_dnc_list"  # it has none, and `preflight.require_dnc` is set
    DISABLED = "disabled"  # `enabled: false`
    DESELECTED = "deselected"  # `--select` or `--exclude` left it out
    # Held: its turn did not come.
    WINDOW = "window"  # its window is closed for longer than the run waits
    CHANGED = "changed"  # it was changed on the platform while it waited
    SHARED_LIST = "shared_list"  # another campaign runs on its contact list
    STOPPED = "stopped"  # the run stopped before its turn
    # Not at its end: the run is going on.
    WAITING = "waiting"  # its turn has not come
    IN_FLIGHT = "in_flight"  # its start is on its way, or evidence of it is looked for


class WaveVerdict(StrEnum):
    """How a wave went."""

    PASSED = "passed"  # it met its pass rule
    NOT_PASSED = "not_passed"  # it did not meet its pass rule, and what was held could not have changed that
    CUT_SHORT = "cut_short"  # campaigns were held, or the run stopped before the check
    NO_RULE = "no_rule"  # all of it was attempted, and nothing more was asked of it

    @property
    def words(self) -> str:
        """For people: `cut short`."""
        return self.replace("_", " ")


class StopReason(StrEnum):
    """Why a run ended before its plan did."""

    # Rules of the manifest.
    RULE = "rule"  # `stop_when`
    WAVE = "wave"  # a wave did not pass
    # An account that cannot go on.
    CREDENTIAL = "credential"  # a token was refused twice, or could not be made
    PREFLIGHT = "preflight"  # a worker could not look at the live state of its lane
    LIMITED = "limited"  # the platform went on limiting calls
    BREAKER = "breaker"  # starts got lost, and no read worked for `breaker.gives_up_after`
    LEASE_LOST = "lease_lost"  # another run has the account now
    # A person, or a program that embeds the run.
    ABORTED = "aborted"  # a person aborted the launch
    CANCELLED = "cancelled"  # the program that called run_launch cancelled it
    # The tool itself.
    JOURNAL = "journal"  # the journal could not be written
    INTERNAL = "internal"  # an error of the tool itself
    # Signals.
    SIGINT = "SIGINT"  # Ctrl-C
    SIGTERM = "SIGTERM"  # the process was asked to end
    SIGHUP = "SIGHUP"  # the terminal went away
    CRASHED = "crashed"  # no record shows how the run ended


@dataclass(frozen=True, slots=True)
class Stop:
    """A run's or a lane's early end: the reason for machines, the detail for people."""

    reason: StopReason
    detail: str

    def as_json(self) -> dict[str, str]:
        """As the journal and the reports keep it."""
        return {"reason": str(self.reason), "detail": self.detail}

    @classmethod
    def of(cls, data: Mapping[str, Any] | None) -> "Stop | None":
        """The stop in a text of `as_json`; None if there was none."""
        return cls(StopReason(data["reason"]), data["detail"]) if data else None
