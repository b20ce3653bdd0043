"""Hours in which campaigns may be started, in every zone they are for."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from orchestrator.core.manifest import OpenHours

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def closed_in(hours: OpenHours, at: datetime) -> str | None:
    """The first zone in which `at` (an aware time) lies outside the hours; None where it is inside in all of them."""
    return next((zone for zone in hours.zones if not _is_open(hours, at.astimezone(ZoneInfo(zone)))), None)


def _is_open(hours: OpenHours, local: datetime) -> bool:
    opens, closes = hours.hours
    return _DAYS[local.weekday()] in hours.days and opens <= local.time().replace(tzinfo=None) < closes
