"""A run that is ready to make calls: one lane per account in use, a plan to be made and carried out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.core.journal.lease import AcquiredLease
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan import plan as plans
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.repeat_guard import PreviousStart
from orchestrator.core.plan.selection import Choice
from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine import calling, preflight
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.run_state import Context
from orchestrator.engine.waves import Launch, stop_of
from orchestrator.errors import NothingSelected
from orchestrator.model import CampaignKey, Lane, Stop


def lanes_in_use(manifest: Manifest) -> dict[Lane, str]:
    """The lanes that a run of the manifest needs, with their accounts' names."""
    used = {campaign.account for campaign in manifest.campaigns if campaign.enabled}
    return {plans.lane_of(manifest, name): name for name in manifest.accounts if name in used}


@dataclass(slots=True)
class Session:
    """One run. `source` and `sha256` are the manifest's file name and hash; `part` says whose part the run is."""

    context: Context
    lanes: Mapping[Lane, LaneRunner]
    source: str
    sha256: str
    part: Mapping[str, Any] = field(default_factory=dict)
    tool: str = ""  # the version that runs
    earlier: Mapping[tuple[Lane, CampaignKey], PreviousStart] = field(default_factory=dict)  # what repeat_guard minds

    @classmethod
    def of(
        cls, context: Context, taken: Iterable[AcquiredLease], source: str, sha256: str, *, is_new_host: bool
    ) -> "Session":
        """A session over the lanes that were taken. `is_new_host`: nobody else can have called the host before."""
        names = lanes_in_use(context.manifest)
        lanes = {}
        for one in taken:
            pacer = _pacer(context.manifest, names[one.lane], None if is_new_host else one, context.clock.now())
            lanes[one.lane] = LaneRunner(context, one.lane, names[one.lane], pacer)
        return cls(context, lanes, source, sha256)

    async def plan(self, choice: Choice) -> Plan:
        """Look at the live state and build the plan. Raises Refused, CredentialError, NothingSelected, Halted."""
        manifest, histories = self.context.manifest, self.context.histories
        if not any(choice.selection.matches(c, histories.get(c.key)) for c in manifest.campaigns):
            raise NothingSelected(
                "the selection matches no campaign", next_step=f"python -m orchestrator plan {self.source}"
            )
        asked = plans.undecided(manifest, histories, choice.selection, retry_failed=choice.retry_failed)
        targets = [plans.target_of(manifest, campaign) for campaign in asked]
        readers = {lane: runner.reader for lane, runner in self.lanes.items()}
        live = await preflight.look(readers, targets, manifest.preflight.check)
        plan = plans.build(
            manifest, histories, live, choice.selection,
            manifest_sha256=self.sha256, retry_failed=choice.retry_failed, tool=self.tool,
            earlier=self.earlier,
        )  # fmt: skip
        if not (manifest.preflight.hours or choice.details):
            return plan
        odd = await calling.warnings(readers, plan, manifest, self.context.clock)
        return replace(plan, warnings=plan.warnings + odd)

    async def carry_out(self, plan: Plan) -> Stop | None:
        """Carry the plan out and journal how it went. Returns why it ended early, None where it did not.

        Raises JournalWriteError only before the first start, when the header cannot be written.
        """
        return await Launch(self.context, plan, self.lanes).run(self._header(plan))

    def _header(self, plan: Plan) -> dict[str, Any]:
        manifest = self.context.manifest
        return {
            "manifest": self.source,
            "manifest_sha256": self.sha256,
            "plan_sha256": plan.sha256,
            "host": manifest.host,
            "ledger": manifest.ledger,
            "warnings": list(plan.warnings),
            # Also in the record of the end, which a crashed run does not have.
            "limits": {name: [str(w) for w in account.rate] for name, account in manifest.accounts.items()},
            **self.part,
        }

    @property
    def stop(self) -> Stop | None:
        """Why the run or one of its lanes stopped; None where none did."""
        return stop_of(self.context, self.lanes)

    def recent(self) -> dict[Lane, list[float]]:
        """By lane, when the calls ended whose slots are still held: what the next holder must know."""
        now = self.context.clock.now()
        return {lane: runner.gate.pacer.recent(now) for lane, runner in self.lanes.items()}


def inherited(manifest: Manifest, taken: Iterable[AcquiredLease], now: float) -> dict[Lane, list[float]]:
    """By lane, what must be handed on by a holder that made no call: the slots that it was told of, or must assume.

    A run that took over from a crashed one, and failed before its first call, would otherwise leave a lane that looks
    clean, with an empty window.
    """
    names = lanes_in_use(manifest)
    return {one.lane: _pacer(manifest, names[one.lane], one, now).recent(now) for one in taken}


def _pacer(manifest: Manifest, account: str, last: AcquiredLease | None, now: float) -> Pacer:
    """A lane's pacer, which counts what its last holder sent. What one sent that left without a word is not known."""
    pacer = Pacer(manifest.accounts[account].rate)
    if last is not None and last.released_cleanly:
        pacer.recall(list(last.recent_calls))
    elif last is not None:
        pacer.fill(now + manifest.timeouts.total)
    return pacer
