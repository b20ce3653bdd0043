"""What may forbid a run once its plan is known: the cap and the approval."""

from dataclasses import dataclass

from orchestrator.app.open_run import OpenRun
from orchestrator.core.plan import approval
from orchestrator.core.plan.approval import SHORTEST_HASH, Proposal
from orchestrator.core.plan.plan import Plan, check_cap
from orchestrator.errors import Refused


@dataclass(frozen=True, slots=True)
class Consent:
    """What was agreed to before the plan was made.

    `approve` is the beginning of a plan's hash, at least 8 characters; `proposal` the plan of a file; `max_starts`
    tightens the manifest's cap. Raises ValueError for a hash that is too short to name one plan.
    """

    approve: str | None = None
    proposal: Proposal | None = None
    max_starts: int | None = None

    def __post_init__(self) -> None:
        # The empty text begins every hash: it would approve whatever plan came last.
        if self.approve is not None and len(self.approve) < SHORTEST_HASH:
            raise ValueError(f"an approval needs at least {SHORTEST_HASH} characters of the plan's hash")


def check_consent(opened: OpenRun, plan: Plan, consent: Consent) -> None:
    """Raise Refused where the run may not begin."""
    deps, source, approve = opened.deps, opened.loaded.source_name, consent.approve
    manifest = deps.manifest
    # 1. The cap.
    check_cap(plan, manifest.limits.max_starts, consent.max_starts)
    # 2. Is there an approval where one is needed?
    if manifest.approval == "plan" and approve is None:
        raise Refused(
            "approval: plan needs --approve with the hash of a plan that a person has reviewed",
            next_step=f"python -m orchestrator plan {source}",
        )
    # 3. Is it for this plan, recent and unused? Also asked where the manifest needs no approval and one is given.
    if approve is not None or consent.proposal is not None:
        records = opened.store.read(deps.launch)
        approved = _approved(approve, consent.proposal or approval.find(records, approve or ""))
        approval.check(approved, plan, records, deps.clock.now(), source)


def _approved(approve: str | None, proposal: Proposal) -> Proposal:
    if approve is not None and not proposal.sha256.startswith(approve.lower()):
        raise Refused(
            f"the plan in the file has the hash {proposal.sha256[:16]}, but {approve[:16]} was approved",
            next_step="pass the plan that was approved, or have this one approved",
        )
    return proposal
