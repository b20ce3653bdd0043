"""What became of each started campaign: readings folded into state, sent messages, rate, stall and ETA."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from orchestrator.core.delivery.readings import DEFAULT_STALLED_AFTER, FOLLOW, Reading, Round, round_of
from orchestrator.core.journal.records import PLAN, STOP_KINDS, STOPPED, plan_rows
from orchestrator.core.journal.states import Event
from orchestrator.core.rules.calling_hours import open_seconds
from orchestrator.core.text import timestamp
from orchestrator.model import CallingHours, CampaignKey, PosixSeconds, Record

RATE_SECONDS: Final = 600.0
"""Seconds over which the rate is measured, where that much is known."""


class DeliveryState(StrEnum):
    """The state of a started campaign on the platform."""

    ACTIVE = "active"  # it is sending, or waits for its calling hours
    COMPLETED = "completed"  # everybody on its lists was handled
    STOPPED = "stopped"
    PAUSED = "paused"  # somebody has to resume it
    GONE = "gone"  # no longer listed
    OTHER = "other"  # any other state, such as Preparing


ENDED: Final = frozenset({DeliveryState.COMPLETED, DeliveryState.STOPPED, DeliveryState.PAUSED, DeliveryState.GONE})
"""States in which nothing is sent until somebody acts, so that nobody waits for more."""

_STATES: Final[Mapping[str, DeliveryState]] = MappingProxyType(
    {str(state): state for state in DeliveryState if state not in {DeliveryState.GONE, DeliveryState.OTHER}}
)
_MINUTE: Final = 60.0
_FORESEEN: Final = 366 * 86400.0
_NOBODY: Final[Mapping[CampaignKey, int | None]] = MappingProxyType({})


def state_of(status: str | None) -> DeliveryState:
    """The state by the platform's word for it, in any case; None: it is not listed."""
    return DeliveryState.GONE if status is None else _STATES.get(status.lower(), DeliveryState.OTHER)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a started campaign, by its last reading at `read_at`. Times are POSIX seconds; None is unknown.

    `status` is the platform's own word. `sent` counts messages of the newest instance, `recipients` people.
    `stalled_for` is for how many seconds of its calling hours an Active campaign has sent nothing; `is_stalled`: for
    too long. `ran_again`: it was run again while it was followed, so its figures began anew.
    """

    account: str
    state: DeliveryState
    status: str
    sent: int | None
    recipients: int | None
    per_minute: float | None
    stalled_for: float | None
    is_stalled: bool
    eta: PosixSeconds | None
    read_at: PosixSeconds
    instance_id: str | None = None
    ran_again: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is sent until somebody acts."""
        return self.state in ENDED

    @property
    def share(self) -> float | None:
        """The part of its recipients that was sent to, from 0 to 1 and above; None if either is unknown."""
        if self.sent is None or self.recipients is None:
            return None
        return self.sent / self.recipients if self.recipients else 1.0

    @property
    def as_json(self) -> dict[str, Any]:
        """As reports and `--json` have it: times in RFC 3339, numbers that are unknown as null."""
        return {
            "state": str(self.state),
            "status": self.status,
            "sent": self.sent,
            "recipients": self.recipients,
            "per_minute": None if self.per_minute is None else round(self.per_minute, 1),
            "stalled_for": None if self.stalled_for is None else round(self.stalled_for),
            "is_stalled": self.is_stalled,
            "eta": timestamp(self.eta),
            "read_at": timestamp(self.read_at),
            "instance_id": self.instance_id,
            "ran_again": self.ran_again,
        }


def deliveries(
    records: Iterable[Record], recipients: Mapping[CampaignKey, int | None] = _NOBODY
) -> dict[CampaignKey, Delivery]:
    """By campaign, what became of it as far as a launch's records tell; empty if nobody followed it.

    `recipients` are how many people each one is for, where the records do not say it; None, or left out: unknown.
    """
    read = Deliveries(dict(recipients))
    for record in records:
        read.read(record)
    return read.all()


@dataclass(slots=True)
class _Track:
    """What is known of one campaign. `points` are times and counts of its newest instance, in order of time."""

    account: str
    last: Reading  # with what the platform has forgotten since
    raw: Reading  # as it was read
    rounds: dict[str, int] = field(default_factory=dict)  # by who reads it: the round in which it was journaled last
    points: list[tuple[PosixSeconds, int]] = field(default_factory=list)
    progress_at: PosixSeconds = PosixSeconds(0.0)
    ran_again: bool = False

    @property
    def state(self) -> DeliveryState:
        return state_of(self.last.status)

    def take(self, new: Reading, seen_at: PosixSeconds) -> None:
        """Take in a reading. `seen_at` is when the campaign was last read, and was still as `last` says."""
        before, state = self.last, state_of(new.status)
        self.raw = new
        if self._is_new_instance(new):
            self.points, self.ran_again, self.progress_at = [], True, new.at
        else:
            new = _remembered(new, before)
        is_resumed = state is DeliveryState.ACTIVE and self.state is not DeliveryState.ACTIVE
        if new.sent != before.sent or is_resumed:  # a pause is not a stall
            self.progress_at = new.at
        self._add(new, seen_at)
        self.last = new

    def take_again(self, new: Reading) -> None:
        """Take in a reading that comes before the last one: the clock of who read that was ahead."""
        self.points, self.rounds = [], {}
        self.take(new, new.at)
        self.progress_at = new.at

    def _is_new_instance(self, new: Reading) -> bool:
        before = self.last
        if new.instance is not None and before.instance is not None:
            return new.instance != before.instance
        fell = new.sent is not None and before.sent is not None and new.sent < before.sent
        return fell and state_of(new.status) is DeliveryState.ACTIVE

    def _add(self, new: Reading, seen_at: PosixSeconds) -> None:
        if new.sent is None:
            return
        # It had sent nothing new until then. Without this point, the messages since would be spread over all that time.
        if self.points and seen_at > self.points[-1][0]:
            self.points.append((seen_at, self.points[-1][1]))
        self.points.append((new.at, new.sent))
        while len(self.points) > 2 and self.points[1][0] <= new.at - RATE_SECONDS:
            del self.points[0]

    def per_minute(self, read_at: PosixSeconds) -> float | None:
        """Messages a minute over the last readings until `read_at`; None before there are two."""
        if not self.points or self.last.sent is None:
            return None
        since = max(self.points[0][0], PosixSeconds(read_at - RATE_SECONDS))
        if read_at <= since:
            return None
        return (self.last.sent - self._sent_by(since)) * _MINUTE / (read_at - since)

    def _sent_by(self, at: PosixSeconds) -> float:
        """How many messages were sent by then; between two readings, as if at an even pace."""
        for (earlier, before), (later, after) in pairwise(self.points):
            if earlier <= at < later:
                return before + (after - before) * (at - earlier) / (later - earlier)
        return self.points[-1][1]


def _remembered(new: Reading, before: Reading) -> Reading:
    """A reading of the same instance, with what the platform forgets: the count of what is stopped or gone."""
    is_forgotten = new.sent is None or (before.sent is not None and new.sent < before.sent)
    return new._replace(sent=before.sent if is_forgotten else new.sent, instance=new.instance or before.instance)


@dataclass(slots=True)
class Deliveries:
    """The deliveries of a launch, record by record. `recipients` as for `deliveries`."""

    recipients: dict[CampaignKey, int | None] = field(default_factory=dict)
    _tracks: dict[CampaignKey, _Track] = field(default_factory=dict)
    _before: dict[CampaignKey, tuple[str, str]] = field(default_factory=dict)  # status and instance before the start
    _hours: dict[CampaignKey, CallingHours | None] = field(default_factory=dict)
    _rounds: dict[tuple[str, str], list[Round]] = field(default_factory=dict)  # by who read, and account
    _stalled_after: float = DEFAULT_STALLED_AFTER

    def read(self, record: Record) -> None:
        """Take in the next record, in the journal's order; those of other kinds are passed over."""
        if record.kind == FOLLOW:
            self.add(round_of(record), record.run_id, record.at)
        elif record.kind in STOP_KINDS and record.data.get("event") == STOPPED:
            self._stop(CampaignKey(record.campaign), record.at)
        elif record.kind == Event.INTENT:
            key = CampaignKey(record.campaign)
            self.begins(key, record.data.get("baseline"))
            if record.data.get("recipients") is not None:
                self.recipients[key] = record.data["recipients"]
        elif record.kind == PLAN:
            known = ((row.key, row.recipients) for row in plan_rows([record]))
            self.recipients |= {key: people for key, people in known if people is not None}

    def begins(self, key: CampaignKey, baseline: Mapping[str, Any] | None) -> None:
        """The campaign is started. `baseline` is what `LiveState.as_json` said of it before; None: it was not read."""
        if baseline is not None and baseline.get("instance") is not None:
            self._before[key] = str(baseline.get("status")), baseline["instance"]

    def news(self, readings: Iterable[Reading]) -> list[Reading]:
        """The readings without those that still show a campaign as it was before its start.

        A list may lag behind: the Completed of a campaign that runs again may be that of its last run.
        """
        return [one for one in readings if not self._is_from_before(one)]

    def _is_from_before(self, one: Reading) -> bool:
        if self._before.get(one.key) != (one.status, one.instance):
            return False
        # A paused campaign goes on with its instance: it may have been paused again since it was seen to.
        track = self._tracks.get(one.key)
        return track is None or track.last.instance != one.instance

    def _stop(self, key: CampaignKey, at: PosixSeconds) -> None:
        """`stop-started` stopped it, and that is no news to be read."""
        track = self._tracks.get(key)
        if track is not None and track.state not in ENDED:
            track.take(Reading(key, at, "Stopped"), self._seen_at(track))

    def add(self, done: Round, reader: str, now: PosixSeconds) -> None:
        """Take in what a round has read. `reader` is the id of the run that read it; `now` is by its clock."""
        rounds, self._stalled_after = self._rounds.setdefault((reader, done.account), []), done.stalled_after
        self._hours |= done.hours
        for one in done.readings:
            track = self._tracks.get(one.key)
            if track is None:
                track = self._tracks[one.key] = _Track(done.account, one, one, progress_at=one.at)
                track.take(one, one.at)
            elif one.at > track.last.at:  # two may follow a launch at once: ignore the older reading
                track.take(one, self._seen_at(track))
            elif track.last.at > now:
                track.take_again(one)
            track.rounds[reader] = len(rounds)
        rounds.append(replace(done, readings=[], hours={}))

    def _seen_at(self, track: _Track) -> PosixSeconds:
        """When a campaign was last read, whether or not it had changed."""
        # What has ended is not asked for any longer.
        if track.state in ENDED:
            return track.last.at
        return max(track.last.at, *(self._unchanged_at(track, reader) for reader in track.rounds))

    def _unchanged_at(self, track: _Track, reader: str) -> PosixSeconds:
        rounds = self._rounds.get((reader, track.account), [])
        for number in range(len(rounds) - 1, track.rounds[reader], -1):
            if track.last.key not in rounds[number].unread:
                return rounds[number].began
        return track.last.at

    def is_same(self, new: Reading, reader: str) -> bool:
        """Whether `reader` has journaled the same, so that this reading need not be journaled."""
        track = self._tracks.get(new.key)
        return track is not None and reader in track.rounds and track.raw[2:] == new[2:]

    def suspects(self, account: str) -> list[CampaignKey]:
        """Campaigns of an account that seem to be stalled, and whose calling hours were not asked for yet."""
        return [
            key for key, track in self._tracks.items()
            if track.account == account and key not in self._hours and self._idle(track) >= self._stalled_after
        ]  # fmt: skip

    def _idle(self, track: _Track) -> float:
        """Seconds for which an Active campaign has sent nothing, whatever its calling hours."""
        if track.state is not DeliveryState.ACTIVE or track.last.sent is None:
            return 0.0
        return max(0.0, self._seen_at(track) - track.progress_at)

    def __len__(self) -> int:
        """How many campaigns were ever read."""
        return len(self._tracks)

    def of(self, key: CampaignKey, recipients: int | None = None) -> Delivery | None:
        """What became of one campaign; None if it was never read. `recipients` where the caller knows them."""
        track = self._tracks.get(key)
        return None if track is None else self._delivery(key, track, recipients)

    def all(self) -> dict[CampaignKey, Delivery]:
        """What became of every campaign that was ever read."""
        return {key: self._delivery(key, track) for key, track in self._tracks.items()}

    def _delivery(self, key: CampaignKey, track: _Track, recipients: int | None = None) -> Delivery:
        read_at, last = self._seen_at(track), track.last
        recipients = self.recipients.get(key) if recipients is None else recipients
        rate = track.per_minute(read_at) if track.state is DeliveryState.ACTIVE else None
        stalled_for = self._stalled_for(key, track, read_at)
        # Only when its hours are known, or are known to be missing: a campaign that pauses at night is not stalled.
        is_stalled = stalled_for is not None and stalled_for >= self._stalled_after and key in self._hours
        return Delivery(
            track.account, track.state, last.status or "", last.sent, recipients, rate, stalled_for, is_stalled,
            eta=None if is_stalled else _eta(last.sent, recipients, rate, read_at),
            read_at=read_at, instance_id=last.instance, ran_again=track.ran_again,
        )  # fmt: skip

    def _stalled_for(self, key: CampaignKey, track: _Track, read_at: PosixSeconds) -> float | None:
        if track.last.sent is None:
            return None
        idle, hours = self._idle(track), self._hours.get(key)
        if not idle or hours is None:
            return idle
        try:
            return open_seconds(hours, track.progress_at, read_at)
        except ValueError:
            return idle  # if the hours cannot be understood, it still counts as stalled


def _eta(sent: int | None, recipients: int | None, rate: float | None, read_at: PosixSeconds) -> PosixSeconds | None:
    """When the rest is sent at this rate, in POSIX seconds; None if that cannot be told."""
    if sent is None or recipients is None or not rate:
        return None
    left = max(0, recipients - sent) * _MINUTE / rate
    # Of a message in an hour, nothing follows for millions of people; and there are no dates after the year 9999.
    return PosixSeconds(read_at + left) if left <= _FORESEEN else None
