"""What `plan` finds out: the plan, what it will take, and what it cannot promise."""

from dataclasses import dataclass

from orchestrator.app.open_run import Opened
from orchestrator.app.run import planned
from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.plan.approval import Proposal, proposal_record
from orchestrator.core.plan.estimate import Estimate, caveats, estimate
from orchestrator.core.plan.plan import Plan, check_cap
from orchestrator.core.plan.selection import Choice
from orchestrator.errors import JournalWriteError, LedgerError, Refused


@dataclass(frozen=True, slots=True)
class PlannedLaunch:
    """A plan that was made now: `plan.sha256` is what `approve` takes. `notes` are sentences for its reader."""

    plan: Plan
    proposal: Proposal
    estimate: Estimate
    notes: tuple[str, ...]


async def make_plan(run: Opened, choice: Choice, max_starts: int | None) -> PlannedLaunch:
    """The plan as it would be run now, journaled so that its hash can be approved. Sends no start."""
    plan = await planned(run.session, choice)
    proposal = await _propose(run, plan)
    manifest = run.loaded.manifest
    reads = {runner.account: runner.gate.pacer.snapshot().calls for runner in run.session.lanes.values()}
    notes = (*_refusals(run, plan, max_starts), *caveats(manifest, plan))
    return PlannedLaunch(plan, proposal, estimate(manifest, plan, reads), notes)


async def _propose(run: Opened, plan: Plan) -> Proposal:
    context = run.session.context
    record = proposal_record(plan, run.store.read(context.launch), context.run_id, context.clock.now())
    try:
        await context.journal.record(record)
    except JournalWriteError as error:
        raise LedgerError(error.message, next_step=error.next_step) from error
    return Proposal(plan.sha256, record.at, plan.identity)


def _refusals(run: Opened, plan: Plan, max_starts: int | None) -> list[str]:
    """Why a run would be refused, or would wait, as things stand."""
    manifest, control_state = run.loaded.manifest, run.store.control_state(plan.launch)
    notes = []
    try:
        check_cap(plan, manifest.limits.max_starts, max_starts)
    except Refused as refused:
        notes.append(f"a run is refused: {refused.message}")
    if control_state.word is not None:
        what = "is refused" if control_state.word is ControlCommand.ABORT else "waits"
        notes.append(f"a run {what}: the launch is {control_state.sentence}")
    return notes
