"""A run step by step, between the ledger that is open and the result: prepare, execute, build the result."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from orchestrator.app import journal_reader as journals
from orchestrator.app.approval import Consent, as_journaled, check_consent, check_signatures, proposal_of
from orchestrator.app.cancellation import Interrupted
from orchestrator.app.open_run import OpenRun
from orchestrator.core.events import EVENTS_VERSION
from orchestrator.core.journal.control import check_not_aborted
from orchestrator.core.journal.states import CampaignState, IllegalMove, State
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan.approval import check_not_too_late
from orchestrator.core.plan.approvers import Approved
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.selection import Choice
from orchestrator.core.result.build import NoRunError, Result
from orchestrator.core.text import command_line, plural
from orchestrator.engine.run import Run
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.errors import (
    JournalWriteError,
    LaneLeased,
    LeaseLost,
    LedgerError,
    NothingSelected,
    Refused,
)
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey, Outcome, Record, Stop, StopReason

_MAY_HAVE_STARTED: Final = frozenset({State.INTENDED, State.SUSPECT, State.UNKNOWN, State.STARTED})


async def prepare(
    opened: OpenRun, choice: Choice, consent: Consent, start: StartTime | None = None
) -> tuple[Plan, Approved]:
    """The plan, once nothing forbids it, and how it was approved. Raises OrchestratorError; nothing is sent here.

    `start` is when the run may start, where it has to wait for that: what would forbid it then forbids it now.
    """
    launch, now = opened.deps.launch, opened.deps.clock.now()
    begins = max(now, start.at) if start is not None else now
    check_not_too_late(opened.deps.manifest, begins)
    # This comes first: an aborted launch must not spend calls on its preflight.
    check_not_aborted(opened.store.control_state(launch), launch, opened.store.url)
    consent = as_journaled(consent, opened.store, launch)
    # This comes before the plan, which takes calls: a signature that does not count is refused, no matter what the plan
    # is.
    signatures = await asyncio.to_thread(check_signatures, opened.loaded, consent, begins)
    proposal = proposal_of(opened, consent)
    if proposal is None:
        plan = await make_plan(opened, choice)
    else:
        # What the approved plan read of each campaign is read again.
        again = replace(choice, details=choice.details or proposal.has_details)
        plan = await make_plan(opened, again, proposal.nonce)
    plan = check_consent(opened, plan, consent, proposal, begins)
    return plan, consent.approved(plan, proposal, signatures, now)


async def make_plan(opened: OpenRun, choice: Choice, nonce: str = "") -> Plan:
    """The run's plan. Raises Interrupted if a stop came first, LaneLeased if a lane was lost meanwhile.

    With a `nonce` (hexadecimal), its hash covers what the campaigns would send, and to whom.
    """
    with before_starts(opened.deps.stop_signal, "preflight"):
        plan = await opened.run.plan(choice, nonce)
    return replace(plan, warnings=(*opened.loaded.warnings, *plan.warnings))


@contextmanager
def before_starts(stop_signal: StopSignal, what: str) -> Iterator[None]:
    """Reads that come before any start: what ends them early is a refusal, and not a run's end."""
    try:
        yield
    except StopRequested as requested:
        stop = stop_signal.stop
        if stop is None:  # a lane stopped by itself: the platform limits its account for longer than a run waits
            raise Refused(f"{what} ended early ({requested})", next_step="run again later") from None
        raise Interrupted(stop) from None
    except LeaseLost as lost:  # its own exit code, 12, would leave open whether something was sent
        raise LaneLeased(lost.message, next_step="run again") from lost


async def execute(run: Run, plan: Plan, unrecorded: Callable[[Record], None], approved: Approved) -> None:
    """Start what the plan says, and journal how it went. Raises LedgerError only where no start was sent.

    `unrecorded` is given what the journal could not take, in the end, however the run ended. `approved` is how the
    plan was approved.
    """
    deps = run.deps
    deps.observer.event(
        "run_started", events_version=EVENTS_VERSION, launch=deps.launch, run_id=deps.run_id, host=deps.manifest.host,
        starts=plan.count(Action.START), judgements=plan.count(Action.JUDGE), skips=plan.count(Action.SKIP),
    )  # fmt: skip
    try:
        await run.execute(plan, approved)
    except JournalWriteError as error:
        # Raised only before the first start. A journal that fails later stops the run, which then ends with 13.
        raise LedgerError(error.message, next_step=error.next_step) from error
    finally:
        # However the run ended: these records exist nowhere else.
        for record in deps.states.unrecorded:
            unrecorded(record)
    stop = deps.stop_signal.stop
    deps.observer.event("run_finished", run_id=deps.run_id, stop=stop.detail if stop else None)


def build_result(opened: OpenRun, warnings: Sequence[str] = ()) -> tuple[Result, Iterable[Record]]:
    """The result with `warnings` added, and the journal it comes from, which is read while it is used.

    Raises JournalWriteError if the journal cannot be read: the run took place all the same.
    """
    deps, stop = opened.deps, opened.run.stop
    # A journal that failed cannot hold its own failure. Any other stop is in the record of the run's end.
    failure = stop if stop is not None and stop.reason is StopReason.JOURNAL else None
    with after_starts(deps.launch, deps.manifest.ledger):
        result = journals.result(opened.store, deps.launch, deps.run_id, stop=failure, warnings=warnings)
        if lost := _lost(result, deps.states):
            detail = f"the journal has lost rows: it has no record of {plural(lost, 'start')} of this run"
            failure = Stop(StopReason.JOURNAL, detail)
            result = journals.result(opened.store, deps.launch, deps.run_id, stop=failure, warnings=warnings)
    return result, _streamed(opened.store, deps.launch)


async def watched_result(store: Store, launch: str, run_id: str) -> Result:
    """The result of a run that other processes carried out, from its journal."""
    return await asyncio.to_thread(journals.result, store, launch, run_id)


def _lost(result: Result, states: Mapping[CampaignKey, CampaignState]) -> int:
    """How many campaigns look not attempted in the result, but may have started: their rows are gone."""
    if not result.totals[Outcome.HELD]:
        return 0
    held = (states.get(campaign.key) for campaign in result.campaigns if campaign.outcome is Outcome.HELD)
    return sum(state is not None and state.state in _MAY_HAVE_STARTED for state in held)


def _streamed(store: Store, launch: str) -> Iterator[Record]:
    with after_starts(launch, store.url):
        yield from store.stream(launch)


@contextmanager
def after_starts(launch: str, ledger: str) -> Iterator[None]:
    """Not 8 if the ledger cannot be read, or 5 if it lacks the run: these codes promise that nothing was sent."""
    try:
        yield
    except LedgerError as error:
        raise JournalWriteError(error.message, next_step=command_line("report", launch, ledger=ledger)) from error
    except (NothingSelected, NoRunError, IllegalMove) as error:
        message = "the journal has lost this run: its rows were removed while it ran, and starts may have left"
        raise JournalWriteError(message, next_step=command_line("status", launch, ledger=ledger)) from error
