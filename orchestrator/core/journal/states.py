"""The life of one campaign within a launch, as a table of transitions; and a journal's records applied to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from sys import intern
from types import MappingProxyType
from typing import Any, Final

from orchestrator.model import CampaignKey, PosixSeconds, Record


class State(StrEnum):
    """What the journal proves about a campaign."""

    # An enum's own hash is slow Python code, and reading a million records looks up each record's state twice.
    __hash__ = str.__hash__

    NEW = "new"  # never attempted
    INTENDED = "intended"  # a permit was given, nothing is known of its use
    RETRYABLE = "retryable"  # the last attempt was certainly not carried out
    SUSPECT = "suspect"  # the last attempt may have been carried out; not judged yet
    STARTED = "started"
    FAILED = "failed"  # certainly not started
    UNKNOWN = "unknown"  # judged, without evidence: a person must look
    CLEARED = "cleared"  # a person said: not started


class Event(StrEnum):
    """What a record reports about a campaign."""

    __hash__ = str.__hash__

    INTENT = "intent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    LIMITED = "limited"
    UNAUTHORIZED = "unauthorized"
    INDETERMINATE = "indeterminate"
    GAVE_UP = "gave_up"
    EVIDENCE = "evidence"
    NO_EVIDENCE = "no_evidence"
    RESOLVED_STARTED = "resolved_started"
    RESOLVED_NOT_STARTED = "resolved_not_started"


_S, _E = State, Event

TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = MappingProxyType(
    {
        # A permit. Only where the attempt before was certainly not carried out.
        (_S.NEW, _E.INTENT): _S.INTENDED,
        (_S.RETRYABLE, _E.INTENT): _S.INTENDED,
        (_S.FAILED, _E.INTENT): _S.INTENDED,  # run --retry-failed
        (_S.CLEARED, _E.INTENT): _S.INTENDED,
        # The answer to the attempt.
        (_S.INTENDED, _E.ACCEPTED): _S.STARTED,
        (_S.INTENDED, _E.REJECTED): _S.FAILED,
        (_S.INTENDED, _E.NOT_SENT): _S.RETRYABLE,
        (_S.INTENDED, _E.LIMITED): _S.RETRYABLE,
        (_S.INTENDED, _E.UNAUTHORIZED): _S.RETRYABLE,
        (_S.INTENDED, _E.INDETERMINATE): _S.SUSPECT,
        # No answer: what the search for evidence found.
        (_S.INTENDED, _E.EVIDENCE): _S.STARTED,  # recovery after a crash
        (_S.INTENDED, _E.NO_EVIDENCE): _S.UNKNOWN,
        (_S.RETRYABLE, _E.GAVE_UP): _S.FAILED,
        (_S.SUSPECT, _E.EVIDENCE): _S.STARTED,
        (_S.SUSPECT, _E.NO_EVIDENCE): _S.UNKNOWN,
        # Found out later, by a probe or by a person.
        (_S.UNKNOWN, _E.EVIDENCE): _S.STARTED,
        (_S.UNKNOWN, _E.RESOLVED_STARTED): _S.STARTED,
        (_S.UNKNOWN, _E.RESOLVED_NOT_STARTED): _S.CLEARED,
        # After a crash, for a campaign that no later run read because it was removed from the manifest.
        (_S.INTENDED, _E.RESOLVED_STARTED): _S.STARTED,
        (_S.INTENDED, _E.RESOLVED_NOT_STARTED): _S.CLEARED,
        (_S.SUSPECT, _E.RESOLVED_STARTED): _S.STARTED,
        (_S.SUSPECT, _E.RESOLVED_NOT_STARTED): _S.CLEARED,
    }
)

STARTING: Final = frozenset(event for (_, event), state in TRANSITIONS.items() if state is State.STARTED)
"""Events after which a campaign is started, whatever it was before."""

SENDABLE: Final = frozenset(state for state, event in TRANSITIONS if event is Event.INTENT)

UNRESOLVED: Final = frozenset({State.INTENDED, State.SUSPECT, State.UNKNOWN})
"""States in which a start may have been carried out, and nobody knows."""


class IllegalMove(Exception):  # noqa: N818 - the journal's contents are at fault, not a call
    """A record's event cannot follow the campaign's state. Nothing was changed."""


def step(state: State, event: Event) -> State:
    """The state after `event`. Raises IllegalMove for every pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalMove(f"{event} cannot follow {state}") from None


KINDS: Final = frozenset({"intent", "verdict", "gave_up", "evidence", "no_evidence", "resolve"})
"""The kinds of record that move a campaign; `verdict` and `resolve` name their event in `data["event"]`."""


_NOTHING: Final[Mapping[str, Any]] = {}
"""The data of every campaign that has none: one shared mapping, never changed, because a million would cost memory."""


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


_EVENTS: Final = {str(event): event for event in Event}


@dataclass(slots=True)  # not a mapping: that takes four times the memory, and there may be a million
class Answer:
    """What is known about the last attempt's answer, also from later searches and people."""

    message: str = ""
    http_status: int | None = None
    sent_at: PosixSeconds | None = None
    elapsed_ms: float | None = None
    updated_at: str | None = None


_NO_ANSWER: Final = Answer()
"""Of every campaign that has none: one value for all, never changed."""


def _no_answer() -> Answer:
    return _NO_ANSWER


@dataclass(slots=True)
class CampaignState:
    """What a launch's journal proves about one campaign. Times are POSIX seconds."""

    state: State = State.NEW
    attempt: int = 0
    lane: str = ""
    last_event: Event | None = None
    intent_at: PosixSeconds | None = None
    finished_at: PosixSeconds | None = None
    intent: Mapping[str, Any] = field(default_factory=_nothing)  # the last intent's data, until the campaign started
    answer: Answer = field(default_factory=_no_answer)  # from the records after the last intent
    recipients: int | None = None  # people on its contact lists at the last intent; None: unknown


def event_of(record: Record) -> Event:
    """The event in a campaign's record. Raises IllegalMove for a record that is not of KINDS, or names no event."""
    name = record.data.get("event", record.kind) if record.kind in {"verdict", "resolve"} else record.kind
    try:
        return _EVENTS[name]
    except (KeyError, TypeError):
        raise IllegalMove(f"a record of kind {record.kind!r} with event {name!r}") from None


def apply(campaign: CampaignState, record: Record) -> None:
    """Move a campaign by one record. Raises IllegalMove, and changes nothing, if the table has no such move."""
    event = event_of(record)
    # 1. Check, before anything changes.
    expected = campaign.attempt + 1 if event is Event.INTENT else campaign.attempt
    if record.attempt != expected:
        raise IllegalMove(f"{event} of attempt {record.attempt} cannot follow attempt {campaign.attempt}")
    # 2. Move. `step` comes first, as it may refuse.
    campaign.state = step(campaign.state, event)
    campaign.attempt = record.attempt
    campaign.last_event = event
    if event is Event.INTENT:
        campaign.lane, campaign.intent_at, campaign.intent = record.lane, record.at, record.data
        campaign.answer, campaign.finished_at = _NO_ANSWER, None
        campaign.recipients = record.data.get("recipients")
    else:
        campaign.answer = _added(campaign.answer, record.data, event)
        campaign.finished_at = record.at
        if campaign.state is State.STARTED:
            campaign.intent = _NOTHING  # only a probe needs it, and what has started is not probed again


def _added(answer: Answer, data: Mapping[str, Any], event: Event) -> Answer:
    """What is known of an attempt's answer after one more record, whose values replace earlier ones.

    What the record does not name stays: a probe's evidence must not erase the HTTP status of the attempt it is about.
    """
    find = data.get
    message = str(find("message", answer.message))
    if event is Event.NO_EVIDENCE and answer.message:
        # A search that found nothing explains nothing: keep the platform's own words before it.
        message = f"{answer.message}; {message}"
    return Answer(
        # What the platform reports of a start is the same a million times.
        intern(message) if event is Event.ACCEPTED else message,
        find("http_status", answer.http_status), find("sent_at", answer.sent_at),
        find("elapsed_ms", answer.elapsed_ms), find("updated_at", answer.updated_at),
    )  # fmt: skip


def fold_record(states: dict[CampaignKey, CampaignState], record: Record) -> None:
    """Move the campaign that a record of KINDS is about. Raises IllegalMove, which names the campaign."""
    key = CampaignKey(record.campaign)
    campaign = states.get(key)
    if campaign is None:
        campaign = states[key] = CampaignState()
    try:
        apply(campaign, record)
    except IllegalMove as error:
        raise IllegalMove(f"{record.campaign}: {error}") from None


def fold(records: Iterable[Record]) -> dict[CampaignKey, CampaignState]:
    """Today's state of every campaign in the records, which come in journal order. Raises IllegalMove."""
    states: dict[CampaignKey, CampaignState] = {}
    for record in records:
        if record.kind in KINDS:
            fold_record(states, record)
    return states
