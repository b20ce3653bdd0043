"""Journal -> what happened when: every start of a run, the pauses of its lanes and its waves. A pure function.

Reads (preflight and probes) are not journaled, so a curve of `window_use` may be lower than the budget's true use.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from orchestrator.core.journal.record_data import Ending, Header
from orchestrator.core.journal.records import END, RUN, VERDICT, ending_of, header_of
from orchestrator.core.journal.states import KINDS, Event, event_of
from orchestrator.core.journal.subruns import subruns_of
from orchestrator.core.result.types import Result, wave_verdict
from orchestrator.model import CampaignKey, Outcome, PosixSeconds, Record, WaveVerdict, Window

SHORTEST_PAUSE: Final = 1.0
"""Seconds. A limited verdict is dated before its commit, and its lane pauses after it: a start that left within that
gap does not end the pause. No lane pauses for less than this."""


class AttemptOutcome(StrEnum):
    """The result of one attempt, as far as it is known today."""

    STARTED = "started"
    FAILED = "failed"
    UNKNOWN = "unknown"
    LIMITED = "limited"
    UNDONE = "undone"  # certainly not carried out, and not for good


_OUTCOMES: Final[Mapping[Event, AttemptOutcome]] = {
    Event.INTENT: AttemptOutcome.UNKNOWN,
    Event.ACCEPTED: AttemptOutcome.STARTED,
    Event.REJECTED: AttemptOutcome.FAILED,
    Event.NOT_SENT: AttemptOutcome.UNDONE,
    Event.LIMITED: AttemptOutcome.LIMITED,
    Event.UNAUTHORIZED: AttemptOutcome.UNDONE,
    Event.INDETERMINATE: AttemptOutcome.UNKNOWN,
    Event.EVIDENCE: AttemptOutcome.STARTED,
    Event.NO_EVIDENCE: AttemptOutcome.UNKNOWN,
    Event.RESOLVED_STARTED: AttemptOutcome.STARTED,
    Event.RESOLVED_NOT_STARTED: AttemptOutcome.UNDONE,
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start: when its permit was asked for, and when its verdict came. Times are POSIX seconds."""

    key: CampaignKey
    number: int
    at: PosixSeconds
    outcome: AttemptOutcome = AttemptOutcome.UNKNOWN
    ended: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time."""

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class WaveSpan:
    """When a wave was open. `closed` and `verdict` are None if no record says so."""

    name: str
    opened: PosixSeconds
    closed: PosixSeconds | None = None
    verdict: WaveVerdict | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """One record of a campaign's story. `what` is its event; `at` is in POSIX seconds."""

    at: PosixSeconds
    what: str
    attempt: int
    message: str
    http_status: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One account's part in a run. `limits` are empty if it has none or no record names them."""

    name: str
    limits: tuple[Window, ...]
    attempts: tuple[Attempt, ...]
    pauses: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run from its first record to its last, in POSIX seconds. `stories` has each unknown campaign's records.

    `zones` are those of the manifest's windows; `consoles` has each account's address of `Links.console_of`.
    """

    begin: float
    end: float
    accounts: tuple[Account, ...]
    waves: tuple[WaveSpan, ...]
    stories: Mapping[CampaignKey, tuple[StoryEntry, ...]] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    consoles: Mapping[str, str] = field(default_factory=dict)


def build(result: Result, records: Sequence[Record]) -> Timeline:
    """The timeline of the result's run. `records` are those the result was built from."""
    # 1. The records of the run and, of a fleet's, of its subruns.
    run_id = result.run["run_id"]
    runs = {run_id, *(name.removeprefix("@") for name in subruns_of(records, run_id))}
    own = [r for r in records if r.run_id in runs]
    header = next(r for r in own if r.kind == RUN and r.run_id == run_id)
    ending = next((ending_of(r) for r in own if r.kind == END and r.run_id == run_id), None)
    # Not the END record's time: a crashed run has no such record.
    end = max(r.at for r in own)
    # 2. Its attempts by account, and the pauses between them.
    accounts = {c.key: c.account for c in result.campaigns}
    attempts: dict[str, list[Attempt]] = {name: [] for name in accounts.values()}
    for attempt in _attempts(records, runs):
        if attempt.key in accounts:  # else it is of a journal that lost a part of its plan
            attempts[accounts[attempt.key]].append(attempt)
    limits = _limits(header_of(header), ending)
    lanes = tuple(
        Account(name, limits.get(name, ()), tuple(made), _pauses(made, end)) for name, made in attempts.items()
    )
    data = header_of(header)
    return Timeline(
        header.at, end, lanes, _waves(ending, result, lanes), _stories(result, records),
        tuple(data.get("zones", ())), data.get("consoles", {}),
    )  # fmt: skip


def window_use(attempts: Sequence[Attempt], window: Window, end: float) -> list[tuple[float, int]]:
    """How many of a window's slots the starts took, as steps (since when in POSIX seconds, how many).

    A start takes a slot from when it leaves until its reply + the window's length (design section 7).
    """
    changes: dict[float, int] = defaultdict(int)
    for attempt in attempts:
        changes[attempt.at] += 1
        if attempt.ended is not None and attempt.ended + window.seconds <= end:
            changes[attempt.ended + window.seconds] -= 1
    # A slot that is still held at `end` has no second change: the curve does not fall there.
    steps, count = [], 0
    for at in sorted(changes):
        count += changes[at]
        steps.append((at, count))
    return steps


def waited_for_rate(account: Account) -> float:
    """Seconds in which the account had more to start and its rate had no room, or the platform had limited it."""
    last = max((attempt.at for attempt in account.attempts), default=0.0)
    waits = [(pause.begin, pause.end) for pause in account.pauses]
    for window in account.limits:
        steps = window_use(account.attempts, window, last)
        waits += [(at, then) for (at, taken), (then, _) in pairwise(steps) if taken >= window.limit]
    # Overlapping stretches count once.
    waited, until = 0.0, 0.0
    for begin, end in sorted(waits):
        waited += max(0.0, end - max(begin, until))
        until = max(until, end)
    return waited


def _attempts(records: Sequence[Record], runs: Collection[str]) -> list[Attempt]:
    """The run's attempts in the order they were made, with what later runs and people found out about them."""
    made: dict[tuple[str, int], Attempt] = {}
    for record in records:
        key = (record.campaign, record.attempt)
        if record.kind == Event.INTENT and record.run_id in runs:
            made[key] = Attempt(CampaignKey(record.campaign), record.attempt, record.at)
        elif record.kind in KINDS and key in made:
            made[key] = _updated(made[key], record)
    return sorted(made.values(), key=lambda attempt: attempt.at)


def _updated(attempt: Attempt, record: Record) -> Attempt:
    outcome = _OUTCOMES.get(event_of(record), attempt.outcome)
    ended = record.at if record.kind == VERDICT else attempt.ended
    return replace(attempt, outcome=outcome, ended=ended, message=str(record.data.get("message", "")))


def _limits(header: Header, ending: Ending | None) -> dict[str, tuple[Window, ...]]:
    used = {lane["account"]: lane["limits"] for lane in ending["budget"].values()} if ending else {}
    planned = header.get("limits", {})
    return {account: tuple(map(_window, texts)) for account, texts in {**planned, **used}.items()}


def _window(text: str) -> Window:
    limit, _, seconds = text.partition("/")
    return Window(int(limit), float(seconds.removesuffix("s")))


def _pauses(attempts: Sequence[Attempt], end: float) -> tuple[Span, ...]:
    """From each limited verdict to the lane's next start; what overlaps is one pause."""
    pauses: list[Span] = []
    left = [a.at for a in attempts]
    limited = sorted(a.ended for a in attempts if a.outcome is AttemptOutcome.LIMITED and a.ended is not None)
    for begin in limited:
        later = bisect_left(left, begin + SHORTEST_PAUSE)
        over = left[later] if later < len(left) else end
        # Calls that are in flight together are limited one after the other, all within one pause.
        if pauses and begin <= pauses[-1].end:
            pauses[-1] = Span(pauses[-1].begin, max(over, pauses[-1].end))
        else:
            pauses.append(Span(begin, over))
    return tuple(pauses)


def _waves(ending: Ending | None, result: Result, accounts: Sequence[Account]) -> tuple[WaveSpan, ...]:
    """As the run's end has them; for a run without one, a wave opened with its first start."""
    of = {c.key: c.wave for c in result.campaigns}
    first: dict[str, float] = {}
    for attempt in (a for account in accounts for a in account.attempts):
        name = of[attempt.key]
        first[name] = min(attempt.at, first.get(name, attempt.at))
    journaled: dict[str, Mapping[str, Any]] = {wave["name"]: wave for wave in (ending["waves"] if ending else [])}
    spans = []
    # A crashed run has no journaled waves: its attempts show those that opened.
    for name in dict.fromkeys([*journaled, *first]):
        wave = journaled.get(name, {})
        opened = wave.get("opened_at", first.get(name))
        if opened is not None:
            verdict = wave_verdict(wave) if wave else None
            spans.append(WaveSpan(name, opened, wave.get("closed_at"), verdict, wave.get("message", "")))
    return tuple(sorted(spans, key=lambda span: span.opened))


def _stories(result: Result, records: Sequence[Record]) -> dict[CampaignKey, tuple[StoryEntry, ...]]:
    wanted = {c.key for c in result.campaigns if c.outcome is Outcome.UNKNOWN}
    stories: dict[CampaignKey, list[StoryEntry]] = defaultdict(list)
    for record in records:
        if record.campaign in wanted and record.kind in KINDS:
            data = record.data
            stories[CampaignKey(record.campaign)].append(
                StoryEntry(
                    record.at, event_of(record), record.attempt, data.get("message", ""), data.get("http_status")
                )
            )
    return {key: tuple(entries) for key, entries in stories.items()}
