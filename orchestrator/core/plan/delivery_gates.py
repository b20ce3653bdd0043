"""Waves that wait until those before them have texted (`pass: {completed: ..}`, `{sent: ..}`): about when that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.rules import Pass
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Entry, Plan
from orchestrator.core.plan.texting import plan_forecast
from orchestrator.core.text import clock_time, duration
from orchestrator.model import CampaignKey, Outcome, PosixSeconds


@dataclass(frozen=True, slots=True)
class Gate:
    """The wave `opens` waits for the texting of the wave `after`; at most `within` seconds after `baked_at`.

    `at` is about when that is done, in POSIX seconds, as `baked_at` is; None: it cannot be forecast.
    """

    after: str
    opens: str
    at: PosixSeconds | None
    baked_at: PosixSeconds
    within: float

    def sentence(self, now: PosixSeconds) -> str:
        """For the reader of a plan that is made `now` (POSIX seconds)."""
        words = f"wave {self.opens} opens after wave {self.after} has texted as its pass asks"
        if self.at is None:
            return f"{words}; when that is cannot be forecast"
        words += f", about {clock_time(self.at, since=now)} UTC"
        if self.at - self.baked_at > self.within:
            words += f"; its pass waits for {duration(self.within)} at most, and the rest would be held"
        return words


def gate_after(
    manifest: Manifest,
    plan: Plan,
    name: str,
    opens: str,
    *,
    starting: Mapping[CampaignKey, PosixSeconds],
    baked_at: PosixSeconds,
) -> Gate | None:
    """What stands between a wave and the next one, `opens`; None where nothing has to be delivered first.

    `starting` is when each campaign of this wave and those before it starts, in POSIX seconds.
    """
    asked = next((wave.pass_ for wave in manifest.waves if wave.name == name), None)
    own = [entry for entry in plan.entries if entry.wave == name and _may_text(entry)]
    if asked is None or not asked.waits_for_delivery or not own:
        return None
    ends = plan_forecast(manifest, plan, starting).ends
    # What an earlier run has started is not part of the forecast.
    is_known = all(entry.key in starting and entry.key in ends for entry in own)
    spans = [(starting[entry.key], ends[entry.key]) for entry in own] if is_known else []
    at = PosixSeconds(max(baked_at, _delivered_at(asked, spans))) if is_known else None
    return Gate(name, opens, at, baked_at, asked.within)


def _may_text(entry: Entry) -> bool:
    return entry.decision.action is not Action.SKIP or entry.decision.outcome is Outcome.ALREADY_STARTED


def _delivered_at(asked: Pass, spans: Sequence[tuple[PosixSeconds, PosixSeconds]]) -> float:
    """When campaigns with these starts and ends have sent as much as is asked; each sends evenly."""
    times = [0.0]
    if asked.completed is not None:
        count = math.ceil(round(asked.completed * len(spans), 6))
        times += sorted(end for _, end in spans)[: max(count, 1)][-1:]
    if asked.sent is not None:
        times += [start + asked.sent * (end - start) for start, end in spans]
    return max(times)
