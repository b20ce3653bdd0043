"""How a run stands at this moment, as a person sees it: what is on its way, and what holds each lane."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model import PosixSeconds


@dataclass(frozen=True, slots=True)
class LaneGauge:
    """One lane. `held` of `allowed` slots of its fullest rate limit are in use; both are 0 if it has no limit.

    `free_at` is when a slot is free, in POSIX seconds; infinity where a call on its way has to end first. `is_limited`:
    it waits because the platform limited a call. `wants_connection`: a slot is free, and all connections are in use.
    `read` counts the campaigns whose live state was read.
    """

    held: int = 0
    allowed: int = 0
    free_at: PosixSeconds = PosixSeconds(0.0)
    is_limited: bool = False
    wants_connection: bool = False
    read: int = 0


@dataclass(frozen=True, slots=True)
class RunGauge:
    """All lanes, by lane, and how many calls are on their way."""

    in_flight: int = 0
    lanes: Mapping[str, LaneGauge] = field(default_factory=dict)
