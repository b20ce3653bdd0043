"""The journal in plain sentences: what happened to a launch, and to one of its campaigns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from orchestrator.core.delivery.readings import FOLLOW, Reading, round_of
from orchestrator.core.journal.control import OPEN, ControlCommand, ControlState
from orchestrator.core.journal.lease import account_of
from orchestrator.core.journal.records import (
    END,
    PLAN,
    PLANNED,
    RELEASE,
    RESOLVE,
    RUN,
    STOP_INTENT,
    STOP_REPLY,
    STOPPED,
    VERDICT,
    ending_of,
    header_of,
    held_of,
    plan_rows,
)
from orchestrator.core.journal.states import Event
from orchestrator.core.journal.subruns import PART_OF
from orchestrator.core.journal.waits import Wait
from orchestrator.core.plan.decision import Action
from orchestrator.core.result.types import CampaignResult, Result
from orchestrator.core.text import plural, timestamp
from orchestrator.model import CampaignKey, Home, Lane, PosixSeconds, Record, Stop

HISTORY_KINDS: Final = (RUN, END, PLANNED, RESOLVE, RELEASE, STOP_INTENT, FOLLOW, *map(str, ControlCommand))
"""The kinds of record that a launch's history is told from."""


DECISION_KINDS: Final = (RUN, PLAN, END)
"""The kinds of record that say what runs decided about a campaign."""

_HASH: Final = 12  # digits of a plan's hash, as `plan` prints them
_COMMANDS: Final = {
    ControlCommand.PAUSE: "the launch was paused",
    ControlCommand.UNPAUSE: "the launch was allowed to go on",
    ControlCommand.ABORT: "the launch was aborted",
}
_MEANT: Final[Mapping[str, str]] = {
    Action.START: "is to start it",
    Action.JUDGE: "will check whether it was started",
}
_ANSWERS: Final = {
    Event.ACCEPTED: "the platform started it",
    Event.REJECTED: "the platform refused it",
    Event.NOT_SENT: "the call was not sent",
    Event.LIMITED: "the platform limited the call: not started, to be tried again",
    Event.UNAUTHORIZED: "the platform did not accept the token: not started, to be tried again",
    Event.INDETERMINATE: "no answer that shows whether it started",
    Event.RESOLVED_STARTED: "a person recorded that it was started",
    Event.RESOLVED_NOT_STARTED: "a person recorded that it was not started",
}


class Happening(NamedTuple):
    """One thing that happened, at a time in POSIX seconds. `by` and `why` are empty if the journal has neither."""

    at: PosixSeconds
    what: str
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class LaunchLine:
    """Where one launch of a ledger stands. `result` is None while it has no run with a plan.

    `stopped` counts the campaigns that were stopped since they were started, `waits` are the runs that wait for their
    time. `unread` is why nothing is known of it, in words; empty where it was read.
    """

    launch: str
    result: Result | None = None
    control_state: ControlState = OPEN
    is_live: bool = False
    stopped: int = 0
    waits: tuple[Wait, ...] = ()
    unread: str = ""


@dataclass(frozen=True, slots=True)
class CampaignStory:
    """What happened to one campaign, in the order of time, and where it stands; None if no plan ever named it."""

    key: CampaignKey
    happenings: Sequence[Happening]
    now: CampaignResult | None


def history(records: Iterable[Record]) -> Iterator[Happening]:
    """What happened to a launch, in the journal's order. The records are those of HISTORY_KINDS; others are left out.

    The lanes of a fleet's run, each a run of its own in the journal, are left out as well.
    """
    lanes: set[str] = set()
    # The stops of one `stop-started` follow each other: they are one thing that happened.
    for (kind, run), group in groupby(records, key=lambda record: (record.kind, record.run_id)):
        found = list(group)
        if kind == RUN and PART_OF in header_of(found[0]):
            lanes.add(run)
        elif run in lanes and kind in DECISION_KINDS:
            continue
        elif kind == STOP_INTENT:
            data = found[0].data
            what = f"stop-started asked for {plural(len(found), 'campaign')} to stop"
            yield Happening(found[0].at, what, str(data.get("by", "")), str(data.get("reason", "")))
        elif kind == FOLLOW:
            rounds = f"{plural(len(found), 'round')} until {timestamp(found[-1].at)[11:19]}"
            yield Happening(found[0].at, f"run {run} read what had been sent ({rounds})")
        elif kind in HISTORY_KINDS:
            yield from map(_of_launch, found)


def _of_launch(record: Record) -> Happening:
    data, kind = record.data, record.kind
    by, why = str(data.get("by", "")), str(data.get("reason", ""))
    if kind == RUN:
        header = header_of(record)
        home = Home(header["host"], header.get("environment"))
        plan = f"plan {header['plan_sha256'][:_HASH]}, manifest {header['manifest']}, host {home}"
        approved = f", approved: {header['approved']}" if header.get("approved") else ""
        planned_by = f", planned by {header['planned_by']}" if header.get("planned_by") else ""
        return Happening(record.at, f"run {record.run_id} began: {plan}{planned_by}{approved}", by)
    if kind == END:
        stop = Stop.of(ending_of(record)["stop"])
        return Happening(record.at, f"run {record.run_id} {f'stopped early: {stop.detail}' if stop else 'ended'}")
    if kind == PLANNED:
        return Happening(record.at, f"plan {data['plan_sha256'][:_HASH]} was made, and may be approved", by)
    if kind == RESOLVE:
        name, _, words = str(data.get("message", "")).partition(": ")
        return Happening(record.at, f"{record.campaign}: {_ANSWERS[Event(data['event'])]}", by or name, words)
    if kind == RELEASE:
        holder = data["holder"]
        whose = f"run {holder['run_id']} on {holder['machine']} (process {holder['pid']})"
        return Happening(record.at, f"account {account_of(Lane(record.lane))} was released from {whose}", by, why)
    return Happening(record.at, _COMMANDS[ControlCommand(kind)], by, why)


def decisions(records: Iterable[Record], campaign: CampaignKey) -> Iterator[Happening]:
    """What runs decided about a campaign before they started it: records of DECISION_KINDS, in the journal's order."""
    for record in records:
        if record.kind == PLAN:
            for row in plan_rows([record]):
                if row.key == campaign:
                    meant = _MEANT.get(row.action) or f"leaves it out: {row.message}"
                    yield Happening(record.at, f"the plan of run {record.run_id} {meant}")
        elif record.kind == END and campaign in (held := held_of(record)):
            yield Happening(record.at, f"run {record.run_id} held it back: {held[campaign][1]}")


def sent(records: Iterable[Record], campaign: CampaignKey) -> Iterator[Happening]:
    """What was read of a campaign after it was started, whenever its state changed; and the last reading."""
    rows = (one for record in records if record.kind == FOLLOW for one in round_of(record).readings)
    before: Reading | None = None
    told: Reading | None = None
    for one in (row for row in rows if row.key == campaign):
        if before is None or one.status != before.status:
            yield _read(one)
            told = one
        before = one
    if before is not None and before is not told:
        yield _read(before)


def _read(reading: Reading) -> Happening:
    if reading.status is None:
        return Happening(reading.at, "the platform no longer lists it")
    count = "" if reading.sent is None else f", with {plural(reading.sent, 'message')} sent"
    return Happening(reading.at, f"the platform lists it as {reading.status}{count}")


def story(records: Iterable[Record]) -> Iterator[Happening]:
    """What happened to a campaign, by the records that stand under its name."""
    return map(_of_campaign, records)


def _of_campaign(record: Record) -> Happening:
    data, kind, message = record.data, record.kind.removeprefix("late_"), str(record.data.get("message", ""))
    late = " (recorded late: the run had lost the account)" if kind != record.kind else ""
    if kind == Event.INTENT:
        until = _clock(data["deadline"])
        return Happening(record.at, f"attempt {record.attempt} of run {record.run_id} may be sent until {until}{late}")
    if kind == VERDICT:
        told = "; ".join([_ANSWERS.get(Event(data["event"]), str(data["event"])), *_measured(record)])
        return Happening(record.at, f"attempt {record.attempt}: {told}{late}", why=message)
    if kind == RESOLVE:
        return _of_launch(record)
    if kind == STOP_INTENT:
        what = f"stop {record.attempt} was about to be sent{late}"
        return Happening(record.at, what, str(data.get("by", "")), str(data.get("reason", "")))
    if kind == STOP_REPLY:
        verb = "stopped it" if data["event"] == STOPPED else "is not known to have stopped it"
        return Happening(record.at, f"stop {record.attempt} {verb}{late}", why=message)
    return Happening(record.at, f"attempt {record.attempt}: {message}{late}")


def _clock(at: float) -> str:
    """The time of day, UTC: it is said beside a moment with its date."""
    return timestamp(PosixSeconds(at))[11:23]


def _measured(record: Record) -> Iterator[str]:
    data = record.data
    if data.get("http_status") is not None:
        yield f"HTTP {data['http_status']}"
    if data.get("sent_at") is not None:
        yield f"sent {_clock(data['sent_at'])}"
    if data.get("sent_at") is not None and data.get("elapsed_ms") is not None:
        yield f"took {data['elapsed_ms']:.0f} ms"
