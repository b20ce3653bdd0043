"""Decides which fault strikes which call, by a hash: the order of arrival changes nothing. Pure."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SLOW_SECONDS: Final = 0.3
LATE_SECONDS: Final = 1.0
TWICE_SECONDS: Final = 0.1
BUSY_SECONDS: Final = 1  # what a Retry-After says: whole seconds


class Fault(StrEnum):
    """What can go wrong with a start. `before` and `after` are about the platform's acting on it."""

    REFUSE_LIMITED = "refuse_limited"  # 429 that uses up nothing
    UNAUTHORIZED_ONCE = "unauthorized_once"
    SERVER_ERROR_BEFORE = "server_error_before"
    SERVER_ERROR_AFTER = "server_error_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HANG_BEFORE = "hang_before"
    HANG_AFTER = "hang_after"
    TRUNCATE = "truncate"  # acts, then the body is cut off
    HTML = "html"  # acts, then answers 200 with a web page
    LATE = "late"  # answers 504, then acts
    SLOW = "slow"
    ANSWER_TWICE = "answer_twice"  # answers, and later sends the same answer once more on the kept connection


@dataclass(frozen=True, slots=True)
class Profile:
    """How often each fault strikes. Chances are out of 1 and add up to 1 at most."""

    chances: Mapping[Fault, float] = field(default_factory=dict)
    attempts: int = 1  # only the first attempts of a campaign are struck
    one_unauthorized: bool = False  # exactly one campaign of the world gets a 401
    read_errors: float = 0.0
    edits: float = 0.0  # a person saves a campaign anew at the moment when its start arrives
    boot_delay: float = 0.0  # seconds in which connections are refused


PROFILES: Final[Mapping[str, Profile]] = {
    "none": Profile(),
    "calm": Profile({Fault.SLOW: 0.2}),
    "realistic": Profile(
        {Fault.REFUSE_LIMITED: 0.15, Fault.SLOW: 0.1},
        one_unauthorized=True,
        boot_delay=0.4,
    ),
    # Not ANSWER_TWICE: a second answer that overtakes the next request cannot be told from that request's own.
    "nasty": Profile(
        {fault: 0.05 for fault in Fault if fault is not Fault.ANSWER_TWICE}, attempts=3, read_errors=0.1, edits=0.3
    ),
}


class FaultPlan:
    """The faults of one world. `keys` are its campaigns, as `stream/campaign`."""

    def __init__(
        self,
        profile: str | Profile = "none",
        seed: int = 0,
        scripted: Mapping[str, Sequence[str | None]] | None = None,
        keys: Collection[str] = (),
    ) -> None:
        if isinstance(profile, str) and profile not in PROFILES:
            raise ValueError(f"faults are one of {', '.join(PROFILES)}, not {profile!r}")
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self._seed = seed
        self._scripted = {key: [_fault(name) for name in names] for key, names in (scripted or {}).items()}
        self._unauthorized = self._choose(keys) if self.profile.one_unauthorized else None

    def for_start(self, account_id: str, stream: str, campaign: str, attempt: int) -> Fault | None:
        """The fault that strikes this attempt; attempts count from 1. A script goes before the profile."""
        key = f"{stream}/{campaign}"
        # 1. A script says exactly what happens.
        if key in self._scripted:
            script = self._scripted[key]
            return script[attempt - 1] if attempt <= len(script) else None
        # 2. The profile strikes the first attempts alone, so that every campaign can get through in the end.
        if attempt > self.profile.attempts:
            return None
        if key == self._unauthorized:
            return Fault.UNAUTHORIZED_ONCE
        drawn = self._draw(_chance(self._seed, "start", account_id, stream, campaign, attempt))
        # Once: a second 401 means a wrong secret, and the engine would be right to give up.
        return None if drawn is Fault.UNAUTHORIZED_ONCE and attempt > 1 else drawn

    def fails_read(self, account_id: str, stream: str, campaign: str, count: int) -> bool:
        """Whether this read is answered with a server error; reads count from 1."""
        return _chance(self._seed, "read", account_id, stream, campaign, count) < self.profile.read_errors

    def is_edited(self, account_id: str, stream: str, campaign: str, attempt: int) -> bool:
        """Whether a person edits the campaign while this start is on its way; attempts count from 1."""
        return _chance(self._seed, "edit", account_id, stream, campaign, attempt) < self.profile.edits

    def is_busy(self, account_id: str, stream: str, campaign: str, count: int) -> bool:
        """Whether a read that fails says when to come back (503 with Retry-After), or just fails."""
        return _chance(self._seed, "busy", account_id, stream, campaign, count) < 0.5

    def _draw(self, chance: float) -> Fault | None:
        # The faults lie end to end on [0, 1): the draw falls on one of them, or behind the last.
        for fault, share in self.profile.chances.items():
            if chance < share:
                return fault
            chance -= share
        return None

    def _choose(self, keys: Collection[str]) -> str | None:
        # The lowest draw, and not the first campaign: it does not depend on the order of the manifest.
        return min(keys, key=lambda key: _chance(self._seed, "unauthorized", key), default=None)


def _fault(name: str | None) -> Fault | None:
    if name in {None, "", "none"}:
        return None
    if name not in set(Fault):
        raise ValueError(f"a fault is one of {', '.join(Fault)}, not {name!r}")
    return Fault(name)


def _chance(*parts: str | int) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    # NUL between the parts: ("a", "bc") and ("ab", "c") must not draw the same.
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
