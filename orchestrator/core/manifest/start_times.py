"""When a launch may start: an instant that is written as local time with its zone, or with an offset from UTC.

A local time that the clocks skip in spring, or show twice in autumn, names no instant. It is refused with the two
instants that can be meant: a guess would be an hour off, for texts to thousands of people.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from orchestrator.core.manifest.values import TextForm, fault
from orchestrator.core.manifest.zones import zone
from orchestrator.model import PosixSeconds

_LOCAL: Final = r"2[0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_OFFSET: Final = r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
_WRITTEN: Final = re.compile(rf"({_LOCAL})({_OFFSET})?", re.ASCII)
_FORMS: Final = 'write {at: "2026-12-01T09:00", zone: America/New_York}, or "2026-12-01T09:00:00-05:00"'
_DAY: Final = 86400.0
_LATE_SECONDS: Final = 60.0
"""A command that was given for a time may begin this much later: to load a long list takes a while."""

_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string", "pattern": f"^{_LOCAL}{_OFFSET}$", "examples": ["2026-12-01T09:00:00-05:00"]},
        {
            "type": "object",
            "properties": {
                "at": {"type": "string", "pattern": f"^{_LOCAL}$", "examples": ["2026-12-01T09:00"]},
                "zone": {"type": "string", "examples": ["America/New_York"]},
            },
            "required": ["at", "zone"],
            "additionalProperties": False,
        },
    ]
}


@dataclass(frozen=True, slots=True)
class StartTime:
    """An instant, `at` in POSIX seconds, and the `zone` in which it was written; UTC where it has an offset."""

    at: PosixSeconds
    zone: str = "UTC"

    def words(self, now: PosixSeconds | None = None) -> str:
        """`09:00 New York time (14:00 UTC)`; with its days unless it is within a day of `now`, in POSIX seconds."""
        there = datetime.fromtimestamp(self.at, ZoneInfo(self.zone))
        here = there.astimezone(UTC)
        clock = "%H:%M:%S" if there.second else "%H:%M"
        is_near = now is not None and abs(self.at - now) < _DAY
        local = there.strftime(clock if is_near else f"%a %Y-%m-%d {clock}")
        if self.zone == "UTC":
            return f"{local} UTC"
        utc = here.strftime(clock if is_near or here.date() == there.date() else f"%a %Y-%m-%d {clock}")
        return f"{local} {self.zone.rpartition('/')[2].replace('_', ' ')} time ({utc} UTC)"

    def is_late(self, now: PosixSeconds) -> bool:
        """Whether a run that begins `now` (POSIX seconds) was not meant for now: its hours may be over."""
        return now - self.at > _LATE_SECONDS

    @property
    def utc(self) -> str:
        """For machines: `2026-12-01T14:00:00Z`."""
        return datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def start_time(value: Any) -> StartTime:
    """The instant of `{at: LOCAL TIME, zone: NAME}`, or of a text with an offset. Raises PydanticCustomError."""
    if isinstance(value, StartTime):
        return value
    if isinstance(value, Mapping) and set(value) == {"at", "zone"}:
        return read_start(value["at"], value["zone"])
    if isinstance(value, str):
        return read_start(value, None)
    raise fault("must be a time with its zone", _FORMS)


def read_start(written: Any, zone_name: Any, forms: str = _FORMS) -> StartTime:
    """The instant of a time as it is written and, where that has no offset, its zone. Raises PydanticCustomError.

    `forms` says how it may be written, where a person writes it elsewhere than in a manifest.
    """
    # 1. The form first: datetime.fromisoformat() also reads 20261201T09 and 2026-W49-2.
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise fault("must be a time such as 2026-12-01T09:00", forms)
    local, offset = match.groups()
    name = zone(zone_name) if zone_name is not None else None
    # 2. Exactly one of the two says where the time counts.
    if offset and name:
        raise fault("has an offset and a zone, which may differ", "leave one of them out")
    if not offset and not name:
        raise fault("has no time zone", forms)
    # 3. Is it a time of the calendar, and of the zone's clock?
    try:
        found = datetime.fromisoformat(f"{local}{(offset or '').upper()}")
    except ValueError:
        found = None
    # Python 3.14 takes 24:00 for the next midnight; those before it do not.
    if found is None or local[11:13] == "24":
        raise fault("is not a valid date and time", forms)
    return StartTime(PosixSeconds(found.timestamp())) if name is None else _in_zone(found, name)


def _in_zone(local: datetime, name: str) -> StartTime:
    first, second = (local.replace(tzinfo=ZoneInfo(name), fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return StartTime(PosixSeconds(first.timestamp()), name)
    # At a change of the clocks: `fold` chooses the offset before it, or the one after it.
    real = [one.astimezone(UTC).astimezone(ZoneInfo(name)) for one in (first, second)]
    meant = " or ".join(f"{one.isoformat()} ({one.astimezone(UTC):%H:%M} UTC)" for one in sorted(real))
    what = "exists twice" if real[0].replace(tzinfo=None) == local else "does not exist"
    why = "the clocks are set back then" if what == "exists twice" else "the clocks are set forward past it"
    raise fault(f"{what} in {name}: {why}", f"write the one that you mean: {meant}")


START_TIME: Final = TextForm(start_time, _SCHEMA)
