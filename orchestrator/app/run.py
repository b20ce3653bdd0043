"""A run step by step, between the ledger that is open and the result: prepare, carry out, conclude."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from orchestrator.app import journal_reader as journals
from orchestrator.app.approval import Consent, permit
from orchestrator.app.open_run import Opened
from orchestrator.core.events import EVENTS_VERSION
from orchestrator.core.journal.control import check_not_aborted
from orchestrator.core.plan.plan import Action, Plan
from orchestrator.core.plan.selection import Choice
from orchestrator.core.result.build import Result, exit_code
from orchestrator.engine.run import Session
from orchestrator.engine.stop_signal import StopRequested
from orchestrator.errors import JournalWriteError, LaneLeased, LeaseLost, LedgerError, OrchestratorError, Refused
from orchestrator.model import Record, Stop, StopReason


class Interrupted(OrchestratorError):  # noqa: N818 - a decision, not a malfunction
    """A stop was asked for before the first start: no start was sent. The exit code is the stop's own."""

    nothing_was_sent = True

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"{stop.detail} before the first start", next_step="run again")
        self.exit_code = exit_code((), stop)  # type: ignore[misc]


async def prepare(run: Opened, choice: Choice, consent: Consent, *, no_wait: bool) -> Plan:
    """The plan, once nothing forbids it. Raises OrchestratorError; nothing is sent here."""
    launch = run.loaded.manifest.launch
    check_not_aborted(run.store.control_state(launch), launch)
    run.session.context.no_wait = no_wait
    plan = await planned(run.session, choice)
    permit(run, plan, consent)
    return plan


async def planned(session: Session, choice: Choice) -> Plan:
    """The session's plan. Raises Interrupted where a stop came first, LaneLeased where a lane was lost meanwhile."""
    try:
        return await session.plan(choice)
    except StopRequested as halted:
        stop = session.context.stop_signal.stop
        if stop is None:  # a lane of its own accord: the platform limits its account for longer than a run waits
            raise Refused(f"preflight ended early ({halted})", next_step="run again later") from None
        raise Interrupted(stop) from None
    except LeaseLost as lost:  # its own exit code, 12, would leave open whether something was sent
        raise LaneLeased(lost.message, next_step="run again") from lost


async def carry_out(session: Session, plan: Plan, unrecorded: Callable[[Record], None]) -> None:
    """Start what the plan says, and journal how it went. Raises LedgerError only where no start was sent.

    `unrecorded` is given what the journal could not take, in the end, however the run ended.
    """
    context = session.context
    context.observer.event(
        "run_started", events_version=EVENTS_VERSION, launch=context.launch, run_id=context.run_id,
        starts=plan.count(Action.START), judgements=plan.count(Action.JUDGE), skips=plan.count(Action.SKIP),
    )  # fmt: skip
    try:
        await session.carry_out(plan)
    except JournalWriteError as error:
        raise LedgerError(error.message, next_step=error.next_step) from error
    finally:
        for record in context.unrecorded:
            unrecorded(record)
    stop = context.stop_signal.stop
    context.observer.event("run_finished", run_id=context.run_id, stop=stop.detail if stop else None)


def conclude(run: Opened, warnings: Sequence[str] = ()) -> tuple[Result, Iterable[Record]]:
    """The result with `warnings` added, and the journal it comes from, which is read while it is used.

    Raises JournalWriteError where the journal cannot be read: the run took place all the same.
    """
    context, stop = run.session.context, run.session.stop
    launch = context.launch
    # A journal that failed cannot hold its own failure. Any other stop is in the record of the run's end.
    failure = stop if stop is not None and stop.reason is StopReason.JOURNAL else None
    with _after_starts(launch):
        result = journals.result(run.store, launch, context.run_id, stop=failure, warnings=warnings)
    return result, _streamed(run, launch)


def _streamed(run: Opened, launch: str) -> Iterator[Record]:
    with _after_starts(launch):
        yield from run.store.stream(launch)


@contextmanager
def _after_starts(launch: str) -> Iterator[None]:
    """Not 8 for a ledger that cannot be read: that would say that nothing was sent."""
    try:
        yield
    except LedgerError as error:
        raise JournalWriteError(error.message, next_step=f"python -m orchestrator report {launch}") from error
