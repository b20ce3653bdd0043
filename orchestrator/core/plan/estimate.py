"""What a plan takes at best, and what it cannot promise.

The estimate is by pacing alone, on a network without latency: when each campaign may start at the earliest.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.approval import Proposal
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Entry, Plan
from orchestrator.core.rules.pacing import Pacer
from orchestrator.core.text import plural
from orchestrator.model import CampaignKey, PosixSeconds

_PROBES: Final = 2
"""Calls that judging an open intent takes at most: one at once, one after it has settled."""

_MAX_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds after a run's first call: each start at the earliest, and the last call. `calls` by account name."""

    earliest: Mapping[CampaignKey, PosixSeconds]
    calls: Mapping[str, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class PlannedLaunch:
    """A plan that was made now: `plan.sha256` is what `approve` takes. `notes` are sentences for its reader."""

    plan: Plan
    proposal: Proposal
    estimate: Estimate
    notes: tuple[str, ...]


class _LaneAhead:
    """One lane's calls, each as early as its windows let it leave."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self.now = PosixSeconds(0.0)
        self.calls = 0

    def call(self) -> PosixSeconds:
        while (wait := self._pacer.wait(self.now)) > 0:
            self.now = PosixSeconds(self.now + wait)
        self._pacer.reserve(self.now)
        # Released at once: an estimate's network has no latency.
        self._pacer.release(self.now)
        self.calls += 1
        return self.now


def estimate(manifest: Manifest, plan: Plan, reads: Mapping[str, int]) -> Estimate:
    """The plan's times and calls; `reads` are the calls of its preflight by account, which a run makes again."""
    names = dict.fromkeys(entry.account for entry in plan.entries)
    lanes = {name: _LaneAhead(Pacer(manifest.accounts[name].rate)) for name in names}
    # 1. The preflight: each lane makes its reads, all lanes at the same time.
    for name, lane in lanes.items():
        for _ in range(reads.get(name, 0)):
            lane.call()
    # 2. Wave by wave. The next one opens when the last lane is done and the bake is over.
    earliest: dict[CampaignKey, PosixSeconds] = {}
    bakes = {wave.name: wave.bake for wave in manifest.waves}
    waves = _by_wave(plan)
    opens = max((lane.now for lane in lanes.values()), default=PosixSeconds(0.0))
    for number, (name, entries) in enumerate(waves.items(), start=1):
        _run_wave(entries, lanes, opens, earliest)
        opens = max(lane.now for lane in lanes.values())
        # Nothing waits for the bake of the last wave, or for that of a wave without calls.
        if number < len(waves) and any(entry.decision.action is not Action.SKIP for entry in entries):
            opens = PosixSeconds(opens + bakes.get(name, 0.0))
    return Estimate(earliest, {name: lane.calls for name, lane in lanes.items()}, opens)


def _by_wave(plan: Plan) -> dict[str, list[Entry]]:
    waves: dict[str, list[Entry]] = defaultdict(list)
    for entry in plan.entries:
        waves[entry.wave].append(entry)
    return waves


def _run_wave(
    entries: list[Entry],
    lanes: Mapping[str, _LaneAhead],
    opens: PosixSeconds,
    earliest: dict[CampaignKey, PosixSeconds],
) -> None:
    # A lane that was done early waits for the others.
    for lane in lanes.values():
        lane.now = max(lane.now, opens)
    for entry in entries:
        if entry.decision.action is Action.START:
            earliest[entry.key] = lanes[entry.account].call()
        elif entry.decision.action is Action.JUDGE:
            for _ in range(_PROBES):
                lanes[entry.account].call()


def caveats(manifest: Manifest, plan: Plan) -> tuple[str, ...]:
    """Sentences for the reader of a plan; the plan's own warnings are not repeated."""
    starts = [entry for entry in plan.entries if entry.decision.action is Action.START]
    if not starts:
        return ()
    return (*_without_dnc(manifest, starts), *_unchecked(manifest, starts))


def _without_dnc(manifest: Manifest, starts: list[Entry]) -> list[str]:
    """The global DNC list does not apply to SMS (kore-api.md section 0, fact 10). A status call names none."""
    if manifest.preflight.check != "list":
        return []
    bare = [entry.key for entry in starts if entry.live and entry.live.names_dnc and not entry.live.dnc_lists]
    if not bare:
        return []
    names = ", ".join(bare[:_MAX_SHOWN]) + (", ..." if len(bare) > _MAX_SHOWN else "")
    return [f"{len(bare)} of {len(starts)} have no DNC list ({names}); the global one does not apply to SMS"]


def _unchecked(manifest: Manifest, starts: list[Entry]) -> list[str]:
    never = ["calling hours", "sender number", "messages per minute", "whether messages go out"]
    listed = ["schedules", "contact lists", "DNC lists"]
    by_id = sum(entry.live is not None and not entry.live.names_dnc for entry in starts)
    unnamed = [f"DNC lists of {plural(by_id, 'campaign')} read by id"] if by_id else []
    unread = {"list": [*unnamed, *never], "status": [*listed, *never], "off": ["live state", *listed, *never]}
    lines = [f"not checked: {', '.join(unread[manifest.preflight.check])}"]
    if any(entry.window for entry in starts):
        lines.append("the earliest starts do not count windows")
    return lines
