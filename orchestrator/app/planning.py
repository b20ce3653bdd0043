"""The work of `plan`: the plan, how long it will take, and what it cannot promise."""

import asyncio
import secrets

from orchestrator.app.approval import forgets_reruns
from orchestrator.app.open_run import OpenRun
from orchestrator.app.run import make_plan
from orchestrator.app.signing import git_setting
from orchestrator.core.audience import Audience
from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.journal.states import UNRESOLVED
from orchestrator.core.manifest.notify import NoticeEvent
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan import recipients, selection
from orchestrator.core.plan.approval import check_cap, check_not_too_late
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.estimate import PlannedLaunch, caveats, estimate, start_notes, start_of
from orchestrator.core.plan.plan import Entry, Plan
from orchestrator.core.plan.proposal import SHOWN_HASH, Proposal, proposal_record
from orchestrator.core.plan.selection import Choice
from orchestrator.core.text import command_line, plural
from orchestrator.errors import JournalWriteError, LedgerError, Refused
from orchestrator.ledger.machine_id import user_names
from orchestrator.model import Outcome, PosixSeconds


async def plan_run(
    opened: OpenRun,
    choice: Choice,
    max_starts: int | None,
    *,
    max_recipients: int | None = None,
    at: StartTime | None = None,
    planned_by: str | None = None,
) -> PlannedLaunch:
    """The plan as it would be run now, journaled so that its hash can be approved. Sends no start.

    `at` is when the run is to start, where it is not at once. `planned_by` is who makes it, if that is not who git or
    the login says.
    """
    # 1. The plan, as a run would make it now.
    plan = await make_plan(opened, choice, secrets.token_hex(16))
    # 2. Into the journal, so that its hash alone can be approved.
    proposal = await _propose(opened, plan, await asyncio.to_thread(planner_names, planned_by))
    # 3. What it takes, and what stands in its way.
    manifest = opened.deps.manifest
    reads = {runner.account: runner.limiter.pacer.snapshot().calls for runner in opened.run.lanes.values()}
    not_told = await _tell(opened, plan)
    ahead = estimate(manifest, plan, reads, opened.deps.clock.now(), start_of(manifest, at))
    refusals = _refusals(opened, plan, ahead.begins, max_starts, max_recipients)
    notes = (*refusals, *start_notes(ahead), *_left_unknown(opened, plan), *caveats(manifest, plan), *not_told)
    return PlannedLaunch(plan, proposal, ahead, notes)


def planner_names(name: str | None) -> tuple[str, ...]:
    """All names of who makes a plan: the one that was given, else the address that git knows; then the login's."""
    first = name or git_setting("user.email")
    return tuple(dict.fromkeys((*filter(None, [first]), *user_names())))


async def _propose(opened: OpenRun, plan: Plan, by: tuple[str, ...]) -> Proposal:
    deps = opened.deps
    record = proposal_record(plan, opened.store.read(deps.launch), deps.run_id, deps.clock.now(), by)
    try:
        await deps.journal.record(record)
    except JournalWriteError as error:
        # A plan sends nothing, so this is not the failure of a run (13) but a refusal (8).
        raise LedgerError(error.message, next_step=error.next_step) from error
    return Proposal(plan.sha256, record.at, plan.identity, by)


async def _tell(opened: OpenRun, plan: Plan) -> list[str]:
    """Tell that the plan needs approval, where it does. Returns who could not be told."""
    starts, notifier, approval = plan.count(Action.START), opened.notifier, opened.deps.manifest.approval
    if approval != "none" and starts:
        short, chosen = plan.sha256[:SHOWN_HASH], selection.options(plan.facts["selection"])
        what = f"plan {short} with {plural(starts, 'start')} needs"
        if approval == "plan":
            sentence = f"{what} a person's approval"
            step = command_line("run", *opened.loaded.words, *chosen, "--approve", short)
        else:
            sentence, step = f"{what} a signature over the file that plan -o wrote; approve makes it", ""
        people = sum(recipients.audience(plan).values(), Audience())
        known = None if people.unknown else people.known
        notifier.tell(NoticeEvent.NEEDS_APPROVAL, sentence, counts={}, next_step=step, recipients=known)
        await notifier.wait()
    return notifier.not_told


def _refusals(
    opened: OpenRun, plan: Plan, begins: PosixSeconds, max_starts: int | None, max_recipients: int | None
) -> list[str]:
    """Why a run that starts at `begins` (POSIX seconds) would be refused, or would wait, as things stand."""
    manifest, control_state = opened.deps.manifest, opened.store.control_state(plan.launch)
    notes = []
    checks = (
        lambda: check_not_too_late(manifest, begins),
        lambda: check_cap(plan, manifest.limits.max_starts, max_starts),
        *recipients.refusals(plan, manifest, max_recipients),
    )
    for check in checks:
        try:
            check()
        except Refused as refused:
            notes.append(f"a run is refused: {refused.message}")
    if forgets := forgets_reruns(opened, plan):
        notes.append(f"without a terminal and --new-ledger, a run is refused: {forgets}")
    if control_state.command is not None:
        what = "is refused" if control_state.command is ControlCommand.ABORT else "waits"
        notes.append(f"a run {what}: the launch is {control_state.sentence}")
    return notes


def _left_unknown(opened: OpenRun, plan: Plan) -> list[str]:
    """The unknown campaigns that a run would leave out: they stay in its result all the same."""
    unknown = {key for key, state in opened.deps.states.items() if state.state in UNRESOLVED}
    left = sorted(unknown - {entry.key for entry in plan.entries if not _is_left_out(entry)})
    if not left:
        return []
    named = ", ".join(left[:3]) + (", ..." if len(left) > 3 else "")
    return [f"a run ends with 11: {plural(len(left), 'campaign')} that it leaves out may have started ({named})"]


def _is_left_out(entry: Entry) -> bool:
    return entry.decision.outcome is Outcome.SKIPPED
