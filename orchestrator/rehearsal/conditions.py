"""What happens to the calls of a rehearsal: the sandbox's faults, and latencies drawn from a seed."""

import math
import random
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestrator.model import Progress
from orchestrator.ports import Clock
from orchestrator.rehearsal.network import Answer, CallFate
from orchestrator.sandbox.contact_lists import RECIPIENTS
from orchestrator.sandbox.faults import LATE_SECONDS, PROFILES, SLOW_SECONDS, Fault, FaultPlan, Profile
from orchestrator.sandbox.platform import Call, error_body

_NEVER: Final = 7200.0  # seconds: longer than any timeout that a manifest may set
_SILENCE: Final = Answer(500)  # the platform does nothing, and no answer arrives
_BROKEN: Final = Answer(500, error_body("Internal Server Error", 500))
_PAGE: Final = Answer(200, text="<html><head><title>Welcome</title></head></html>")

_FATES: Final[Mapping[Fault, Mapping[str, Any]]] = {
    Fault.REFUSE_LIMITED: {"limited": True},
    Fault.UNAUTHORIZED_ONCE: {"refused": Answer(401, error_body("Invalid JWT token", 4002))},
    Fault.SERVER_ERROR_BEFORE: {"refused": _BROKEN},
    Fault.SERVER_ERROR_AFTER: {"answer": _BROKEN},
    Fault.RESET_BEFORE: {"refused": _SILENCE, "broken": Progress.SENDING},
    Fault.RESET_AFTER: {"broken": Progress.SENDING},
    Fault.HANG_BEFORE: {"refused": _SILENCE, "back": _NEVER},
    Fault.HANG_AFTER: {"back": _NEVER},
    Fault.TRUNCATE: {"broken": Progress.ANSWERED},
    Fault.HTML: {"answer": _PAGE},
    Fault.LATE: {"acts_after": LATE_SECONDS, "answer": Answer(504, text="Gateway Time-out")},
    Fault.SLOW: {"back": SLOW_SECONDS},
    Fault.ANSWER_TWICE: {},  # a rehearsal has no connections
}


@dataclass(frozen=True, slots=True)
class _Latency:
    """Round trips, log-normal: half of them are shorter than `median` seconds."""

    median: float
    sigma: float


_LATENCIES: Final = {
    "none": _Latency(0.05, 0.0),
    "calm": _Latency(0.15, 0.3),
    "realistic": _Latency(0.25, 0.5),
    "nasty": _Latency(0.5, 1.0),
}


# The sandbox's own realistic profile is for a demonstration of 30 campaigns. On a host that is used with care, answers
# get lost once in a thousand calls, and another client uses the account's rate limit now and then.
_REALISTIC: Final = Profile(
    {
        Fault.SLOW: 0.05,
        Fault.REFUSE_LIMITED: 0.005,
        Fault.SERVER_ERROR_BEFORE: 0.0005,
        Fault.SERVER_ERROR_AFTER: 0.0005,
        Fault.RESET_AFTER: 0.0005,
        Fault.HANG_AFTER: 0.0005,
    },
    one_unauthorized=True,
    read_errors=0.005,
)


def profile_of(faults: str, *, is_sandbox: bool) -> Profile:
    """How often each fault strikes: on a real host, or as a sandbox's run would have it."""
    return PROFILES[faults] if is_sandbox or faults != "realistic" else _REALISTIC


def median_of(faults: str) -> float:
    """Half of the answers arrive within this many seconds."""
    return _LATENCIES[faults].median


def assumption(faults: str, *, is_sandbox: bool) -> str:
    """What a forecast takes for granted, in words."""
    profile = profile_of(faults, is_sandbox=is_sandbox)
    share = 100 * sum(profile.chances.values())
    return (
        f"half of the answers within {median_of(faults):g} s, a fault in {share:.3g} % of first attempts, "
        f"{RECIPIENTS:,} recipients a campaign"
    )


class NetworkConditions:
    """Decides the fate of one rehearsal's calls. `keys` are `stream/campaign`; `timeout` is the client's, in seconds.

    `is_sandbox`: the faults are those of a sandbox's run, not those of a real host.
    """

    def __init__(
        self, faults: str, seed: int, keys: Collection[str], clock: Clock, timeout: float, *, is_sandbox: bool
    ) -> None:
        # A sandbox's run really meets the sandbox's own faults, so its rehearsal does, too.
        self._faults = FaultPlan(profile_of(faults, is_sandbox=is_sandbox), seed, keys=keys)
        self._latency = _LATENCIES[faults]
        self._random = random.Random(seed)
        # Its own numbers, so that the other draws stay the same whether or not contact lists are read.
        self._lists_random = random.Random(f"lists of {seed}")
        self._clock = clock
        self._opens = clock.now() + self._faults.profile.boot_delay
        self._longest = timeout
        self._counts: Counter[tuple[str, str]] = Counter()

    def fate(self, call: Call) -> CallFate:
        """What happens to a call that is made now."""
        if self._clock.now() < self._opens:
            return CallFate(unsent="no connection before the first byte was sent")
        half = self._round_trip(self._lists_random if call.op == "lists" else self._random) / 2
        # A request arrives within the timeout or never: the client's kernel drops it then (`KoreClient`).
        fate = CallFate(there=min(half, self._longest), back=half)
        # Counted per campaign: what strikes a call depends on which one it is, and not on when it came.
        self._counts[call.op, call.key] += 1
        count = self._counts[call.op, call.key]
        if call.op == "start":
            fault = self._faults.for_start(call.account_id, call.stream, call.campaign, count)
            return fate if fault is None else replace(fate, **_FATES[fault])
        is_broken = self._faults.fails_read(call.account_id, call.stream, call.campaign, count)
        return replace(fate, refused=_BROKEN) if is_broken else fate

    def _round_trip(self, drawn: random.Random) -> float:
        return self._latency.median * math.exp(self._latency.sigma * drawn.gauss(0.0, 1.0))
