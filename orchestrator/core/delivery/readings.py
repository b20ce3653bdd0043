"""What `follow` reads of an account in one round, and the record that keeps it: only what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, NamedTuple

from orchestrator.core.journal.packing import packed_value, unpacked_value
from orchestrator.core.journal.records import STOP_KINDS
from orchestrator.core.json_shape import COLUMNS, Count, Number
from orchestrator.model import CallingHours, CampaignKey, LiveState, PosixSeconds, Record

FOLLOW: Final = "follow"
"""The kind of a record of one round of one account. Its `campaign` is the run that read it, `@RUN-ID`."""

DELIVERY_KINDS: Final = frozenset({FOLLOW, *STOP_KINDS})
"""The kinds of record that tell what became of a started campaign."""

DEFAULT_STALLED_AFTER: Final = 600.0
"""Seconds without a message, within its calling hours, after which an Active campaign counts as stalled."""


class Reading(NamedTuple):
    """What one list said of a campaign. `at` is in POSIX seconds; `status` is None if it is no longer listed."""

    key: CampaignKey
    at: PosixSeconds
    status: str | None
    sent: int | None = None
    instance: str | None = None

    @classmethod
    def of(cls, key: CampaignKey, at: PosixSeconds, live: LiveState) -> "Reading":
        """What a list that came at `at` says of a campaign."""
        return cls(key, at, live.status, live.messages_sent, live.instance_id)


class _Row(NamedTuple):
    """A reading as it is packed: `after` is in seconds since the round began."""

    key: str
    after: Number
    status: str | None
    sent: Count | None = None
    instance: str | None = None


class _Day(NamedTuple):
    day: str
    opens: str
    closes: str


class _Hours(NamedTuple):
    zone: str
    days: list[Annotated[_Day, COLUMNS]]


_HOURS: Final = dict[str, Annotated[_Hours, COLUMNS] | None]
"""Calling hours by campaign, as they are packed."""


@dataclass(slots=True)
class Round:
    """One round of an account, which began at `began` (POSIX seconds).

    `readings` are of campaigns whose state or count changed; all others that are followed were read and are the same,
    except the `unread` ones. `hours` are the calling hours that were asked for; None: the platform names none.
    """

    account: str
    began: PosixSeconds
    stalled_after: float = DEFAULT_STALLED_AFTER
    readings: list[Reading] = field(default_factory=list)
    unread: frozenset[CampaignKey] = frozenset()
    hours: dict[CampaignKey, CallingHours | None] = field(default_factory=dict)


def record_of(done: Round, launch: str, run_id: str, number: int, now: PosixSeconds) -> Record:
    """The record of a round, the `number`-th of the run that read it."""
    data: dict[str, Any] = {"account": done.account, "began": done.began, "stalled_after": done.stalled_after}
    if done.readings:
        data["rows"] = packed_value(
            [[one.key, round(one.at - done.began, 3), one.status, one.sent, one.instance] for one in done.readings]
        )
    if done.unread:
        data["unread"] = packed_value(sorted(done.unread))
    if done.hours:
        data["hours"] = packed_value({key: _hours_json(hours) for key, hours in done.hours.items()})
    # It belongs to no lane: what was read stays true, no matter who has the account by now.
    return Record(launch, f"@{run_id}", number, FOLLOW, run_id, now, "", data)


def round_of(record: Record) -> Round:
    """The round in a record of kind FOLLOW. Raises RecordDamaged if it cannot be understood."""
    data = record.data
    began = PosixSeconds(data["began"])
    rows: list[list[Any]] = unpacked_value(record, "rows", list[Annotated[_Row, COLUMNS]]) if "rows" in data else []
    hours: Mapping[str, Any] = unpacked_value(record, "hours", _HOURS) if "hours" in data else {}
    unread: list[str] = unpacked_value(record, "unread", list[str]) if "unread" in data else []
    return Round(
        data["account"], began, data["stalled_after"],
        [Reading(CampaignKey(key), PosixSeconds(began + after), *rest[:3]) for key, after, *rest in rows],
        frozenset(map(CampaignKey, unread)),
        {CampaignKey(key): _hours_of(value) for key, value in hours.items()},
    )  # fmt: skip


def _hours_json(hours: CallingHours | None) -> list[Any] | None:
    return None if hours is None else [hours.zone, hours.days]


def _hours_of(value: Sequence[Any] | None) -> CallingHours | None:
    if value is None:
        return None
    zone, days, *_ = value
    return CallingHours(zone, tuple((day, opens, closes) for day, opens, closes, *_ in days))
