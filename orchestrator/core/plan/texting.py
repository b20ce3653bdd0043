"""When texting ends: an account's campaigns share its messages per minute (`accounts.NAME.messages_per_minute`).

A campaign whose number of recipients is unknown cannot be forecast. It is counted, and never taken for an empty one.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Entry, Plan
from orchestrator.core.rules.calling_hours import closing
from orchestrator.core.rules.windows import opening
from orchestrator.core.text import clock_time, plural, timestamp
from orchestrator.model import CampaignKey, PosixSeconds

_UTC: Final = "UTC"
_LATEST: Final = 250_000_000_000.0
"""In POSIX seconds, the year 9892: no date comes much later, and of what would end then nobody asks when."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one campaign that is to be started at `starts` (POSIX seconds). `recipients` None: unknown.

    `closes` is when its hours end on the platform or in its window, in POSIX seconds; None: no hours are known.
    """

    key: CampaignKey
    account: str
    starts: PosixSeconds
    recipients: int | None
    zone: str | None = None
    closes: PosixSeconds | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """When each campaign has sent all, in POSIX seconds. `unknown` campaigns are not in it; `late` end after hours.

    `begins` is when the first one starts.
    """

    ends: Mapping[CampaignKey, PosixSeconds]
    unknown: int
    late: tuple[Batch, ...]
    zone: str
    begins: PosixSeconds

    @property
    def end(self) -> PosixSeconds | None:
        """When the last one has; None if none can be forecast."""
        return max(self.ends.values(), default=None)

    def sentences(self) -> tuple[str, ...]:
        """`texting ends about 19:40 New York time; 2 campaigns run past 20:00`; none where nothing can be forecast."""
        if self.end is None:
            return ()
        words = f"texting ends about {clock_time(self.end, self.zone, since=self.begins)} {_zone_words(self.zone)}"
        late: dict[str, int] = defaultdict(int)
        for one in self.late:
            late[_past(one, self.zone, self.begins)] += 1
        parts = [
            words,
            *(f"{plural(count, 'campaign')} {_run(count)} past {closing}" for closing, count in late.items()),
        ]
        if self.unknown:
            parts.append(f"not counted: {plural(self.unknown, 'campaign')} with an unknown number of recipients")
        return ("; ".join(parts),)

    def as_json(self) -> dict[str, Any]:
        """For a plan's document."""
        return {
            "ends_at": timestamp(self.end),
            "late": [one.key for one in self.late],
            "unknown": self.unknown,
            "campaigns": {key: timestamp(end) for key, end in self.ends.items()},
        }


NO_FORECAST: Final = Forecast({}, 0, (), _UTC, PosixSeconds(0.0))
"""Where no account has a rate."""


def forecast(batches: Iterable[Batch], per_minute: Mapping[str, int]) -> Forecast:
    """When the campaigns of accounts with a rate (`per_minute`: messages a minute, by account) have sent all."""
    own: dict[str, list[Batch]] = defaultdict(list)
    for one in batches:
        if one.account in per_minute:
            own[one.account].append(one)
    ends: dict[CampaignKey, PosixSeconds] = {}
    for account, group in own.items():
        known = sorted((one for one in group if one.recipients is not None), key=lambda one: one.starts)
        pairs = [(one.starts, one.recipients or 0) for one in known]
        found = (min(end, PosixSeconds(_LATEST)) for end in shared_ends(pairs, per_minute[account] / 60))
        ends |= dict(zip((one.key for one in known), found, strict=True))
    everyone = [one for group in own.values() for one in group]
    late = tuple(one for one in everyone if one.closes is not None and ends.get(one.key, one.closes) > one.closes)
    zones = [one.zone for one in (*late, *everyone) if one.zone]
    begins = min((one.starts for one in everyone), default=PosixSeconds(0.0))
    return Forecast(ends, len(everyone) - len(ends), late, zones[0] if zones else _UTC, begins)


def plan_forecast(manifest: Manifest, plan: Plan, starting: Mapping[CampaignKey, PosixSeconds]) -> Forecast:
    """When a plan's texting ends, in the accounts whose messages per minute the manifest has; `starting` as below."""
    rates = {name: one.messages_per_minute for name, one in manifest.accounts.items()}
    known = {name: rate for name, rate in rates.items() if rate is not None}
    return forecast(_batches(manifest, plan, starting), known) if known else NO_FORECAST


def _batches(manifest: Manifest, plan: Plan, starting: Mapping[CampaignKey, PosixSeconds]) -> Iterator[Batch]:
    """What a plan's starts will send; `starting` is when each one leaves, in POSIX seconds."""
    for entry in plan.entries:
        if entry.decision.action is not Action.START or (starts := starting.get(entry.key)) is None:
            continue
        hours = _hours(manifest, entry, starts)
        zone, closes = min(hours, key=lambda one: one[1]) if hours else (None, None)
        yield Batch(entry.key, entry.account, starts, entry.recipients, zone, closes)


def _hours(manifest: Manifest, entry: Entry, at: PosixSeconds) -> list[tuple[str, PosixSeconds]]:
    """When texting should end, by the campaign's window and by its own calling hours where they are known."""
    found: list[tuple[str, PosixSeconds]] = []
    if entry.window is not None:
        window = manifest.windows[entry.window]
        # `last_start` only ends the starts, not the texting.
        span = opening(window.model_copy(update={"last_start": 0.0}), at)
        found += [(window.zones[0], span.closes)] if span is not None else []
    calling = entry.live.calling_hours if entry.live else None
    with suppress(ValueError):  # hours that cannot be understood are warned of where they are read
        if calling is not None and (closes := closing(calling, at)) is not None:
            found.append((calling.zone, closes))
    return found


def shared_ends(campaigns: Sequence[tuple[PosixSeconds, int]], per_second: float) -> list[PosixSeconds]:
    """When each campaign is done: (start, messages), in the order of the starts; those that run share the rate."""
    ends = [PosixSeconds(0.0)] * len(campaigns)
    running: list[tuple[float, int]] = []  # the progress at which a campaign is done, and its place
    now, progress = 0.0, 0.0  # progress: how many messages a campaign has sent that was there from the beginning
    for place, (start, messages) in enumerate(campaigns):
        now, progress = _advance(running, ends, now, progress, until=start, per_second=per_second)
        heapq.heappush(running, (progress + messages, place))
    _advance(running, ends, now, progress, until=float("inf"), per_second=per_second)
    return ends


def _advance(
    running: list[tuple[float, int]],
    ends: list[PosixSeconds],
    now: float,
    progress: float,
    *,
    until: float,
    per_second: float,
) -> tuple[float, float]:
    # From one campaign's end to the next: each leaves its part to the others.
    while running:
        done, place = running[0]
        at = now + (done - progress) * len(running) / per_second
        if at > until:
            return until, progress + (until - now) * per_second / len(running)
        heapq.heappop(running)
        ends[place] = PosixSeconds(at)
        now, progress = at, done
    return max(now, until), progress


def _zone_words(zone: str) -> str:
    return zone if "/" not in zone else f"{zone.rpartition('/')[2].replace('_', ' ')} time"


def _past(late: Batch, zone: str, since: PosixSeconds) -> str:
    own = late.zone or zone
    closing = clock_time(late.closes or 0.0, own, since=since)
    return closing if own == zone else f"{closing} {_zone_words(own)}"


def _run(count: int) -> str:
    return "runs" if count == 1 else "run"
