"""The life of one campaign within a launch, as a table; and the fold of a journal into it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from orchestrator.model import CampaignKey, Record


class State(StrEnum):
    """What the journal proves about a campaign."""

    __hash__ = str.__hash__  # an enum's own is in Python, and a fold of a million records looks each up twice

    NEW = "new"  # never attempted
    INTENDED = "intended"  # a permit was given, nothing is known of its use
    RETRYABLE = "retryable"  # the last attempt was certainly not carried out
    SUSPECT = "suspect"  # the last attempt may have been carried out; not judged yet
    STARTED = "started"
    FAILED = "failed"  # certainly not started
    UNKNOWN = "unknown"  # judged, without evidence: a person must look
    CLEARED = "cleared"  # a person said: not started


class Event(StrEnum):
    """What a record says happened."""

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
        (_S.NEW, _E.INTENT): _S.INTENDED,
        (_S.RETRYABLE, _E.INTENT): _S.INTENDED,
        (_S.FAILED, _E.INTENT): _S.INTENDED,  # run --retry-failed
        (_S.CLEARED, _E.INTENT): _S.INTENDED,
        (_S.INTENDED, _E.ACCEPTED): _S.STARTED,
        (_S.INTENDED, _E.REJECTED): _S.FAILED,
        (_S.INTENDED, _E.NOT_SENT): _S.RETRYABLE,
        (_S.INTENDED, _E.LIMITED): _S.RETRYABLE,
        (_S.INTENDED, _E.UNAUTHORIZED): _S.RETRYABLE,
        (_S.INTENDED, _E.INDETERMINATE): _S.SUSPECT,
        (_S.INTENDED, _E.EVIDENCE): _S.STARTED,  # recovery after a crash
        (_S.INTENDED, _E.NO_EVIDENCE): _S.UNKNOWN,
        (_S.RETRYABLE, _E.GAVE_UP): _S.FAILED,
        (_S.SUSPECT, _E.EVIDENCE): _S.STARTED,
        (_S.SUSPECT, _E.NO_EVIDENCE): _S.UNKNOWN,
        (_S.UNKNOWN, _E.EVIDENCE): _S.STARTED,
        (_S.UNKNOWN, _E.RESOLVED_STARTED): _S.STARTED,
        (_S.UNKNOWN, _E.RESOLVED_NOT_STARTED): _S.CLEARED,
    }
)

SENDABLE: Final = frozenset(state for state, event in TRANSITIONS if event is Event.INTENT)


class IllegalMove(Exception):  # noqa: N818 - the journal's contents are at fault, not a call
    """The event cannot follow the state. Nothing was changed."""


def step(state: State, event: Event) -> State:
    """The state after `event`. Raises IllegalMove for every pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalMove(f"{event} cannot follow {state}") from None


KINDS: Final = frozenset({"intent", "verdict", "gave_up", "evidence", "no_evidence", "resolve"})
"""The kinds of record that move a campaign; `verdict` and `resolve` name their event in `data["event"]`."""


_NOTHING: Final[Mapping[str, Any]] = {}  # one for all that have nothing; never changed


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


_EVENTS: Final = {str(event): event for event in Event}


@dataclass(slots=True)
class CampaignState:
    """What a launch's journal says of one campaign."""

    state: State = State.NEW
    attempt: int = 0
    lane: str = ""
    by: Event | None = None  # what moved it last
    intent_at: float | None = None
    finished_at: float | None = None
    intent: Mapping[str, Any] = field(default_factory=_nothing)  # the last one's data, until it has started
    last: Mapping[str, Any] = field(default_factory=_nothing)  # the data of the last record after an intent


def event_of(record: Record) -> Event:
    """The event a campaign's record stands for. Raises IllegalMove where it stands for none."""
    name = record.data.get("event", record.kind) if record.kind in {"verdict", "resolve"} else record.kind
    try:
        return _EVENTS[name]
    except (KeyError, TypeError):
        raise IllegalMove(f"a record of kind {record.kind!r} with event {name!r}") from None


def apply(history: CampaignState, record: Record) -> None:
    """Move `history` by one record. Raises IllegalMove, and changes nothing, where the table has no such move."""
    event = event_of(record)
    expected = history.attempt + 1 if event is Event.INTENT else history.attempt
    if record.attempt != expected:
        raise IllegalMove(f"{event} of attempt {record.attempt} cannot follow attempt {history.attempt}")
    history.state = step(history.state, event)
    history.attempt = record.attempt
    history.by = event
    if event is Event.INTENT:
        history.lane, history.intent_at, history.intent = record.lane, record.at, record.data
        history.last, history.finished_at = _NOTHING, None
    else:
        history.last = {**history.last, **record.data} if history.last else record.data
        history.finished_at = record.at
        if history.state is State.STARTED:
            history.intent = _NOTHING  # nobody probes it any more


def fold(records: Iterable[Record]) -> dict[CampaignKey, CampaignState]:
    """Today's state of every campaign in the records, which come in journal order. Raises IllegalMove."""
    histories: dict[CampaignKey, CampaignState] = {}
    for record in records:
        if record.kind in KINDS:
            key = CampaignKey(record.campaign)
            history = histories.get(key)
            if history is None:
                history = histories[key] = CampaignState()
            try:
                apply(history, record)
            except IllegalMove as error:
                raise IllegalMove(f"{record.campaign}: {error}") from None
    return histories
