"""A run from manifest to reports: what `run` and `plan` do."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click

from orchestrator.cli import journal as journals
from orchestrator.cli.consent import permit
from orchestrator.cli.reporting import write_reports
from orchestrator.cli.session import Opened, opened
from orchestrator.console.logs import LogObserver
from orchestrator.console.progress import ProgressObserver, shown
from orchestrator.console.terminal import has_bars, plain
from orchestrator.core.approval import Proposal
from orchestrator.core.control import check_not_aborted
from orchestrator.core.events import EVENTS_VERSION
from orchestrator.core.outcome import State
from orchestrator.core.plan import Action, Plan
from orchestrator.core.result import Result
from orchestrator.core.selection import Choice, Selection, parse_terms
from orchestrator.engine.halt import Halt, Halted
from orchestrator.engine.session import Session
from orchestrator.errors import JournalWriteError, LedgerError, OrchestratorError
from orchestrator.inputs.load import load_manifest
from orchestrator.model import Record, Stop, StopReason
from orchestrator.ports import Observer
from orchestrator.report.ci import System

SIGNALS: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run. `approve` is the beginning of a plan's hash, `proposal` its file."""

    choice: Choice
    approve: str | None = None
    proposal: Proposal | None = None
    max_starts: int | None = None
    yes: bool = False
    no_wait: bool = False
    log_format: str = "text"
    verbose: bool = False
    ci: System = System.NONE


def exit_code_of(stop: Stop) -> int | None:
    """The exit code of a signal's stop; None for another stop."""
    return next((code for number, code in SIGNALS.items() if number.name == stop.reason), None)


class Interrupted(OrchestratorError):  # noqa: N818 - a decision, not a malfunction
    """A signal came before the first start."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"{stop.detail} before the first start; no start was sent", next_step="run again")
        self.exit_code = SIGNALS[signal.Signals[str(stop.reason)]]  # type: ignore[misc]


class Observers:
    """Several observers as one; some join later."""

    def __init__(self, *members: Observer) -> None:
        self.members = list(members)

    def event(self, name: str, **fields: Any) -> None:
        """Tell everybody."""
        for member in self.members:
            member.event(name, **fields)


def choose(select: tuple[str, ...], exclude: tuple[str, ...], *, retry_failed: bool, details: bool = False) -> Choice:
    """The choice that the options make. Raises click.UsageError for a term that is none."""
    try:
        return Choice(Selection(parse_terms(select), parse_terms(exclude)), retry_failed, details)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


async def run_launch(path: Path, options: RunOptions, watching: Iterable[Observer] = ()) -> Result:
    """Carry a manifest out and write its reports. Raises OrchestratorError only where no start was sent."""
    loaded = load_manifest(path)
    observers, halt = Observers(*watching), Halt()
    # From here on a signal is an orderly stop, even while there is nothing to stop yet.
    with signals(halt, asyncio.current_task()):
        async with opened(loaded, observers, halt, log_format=options.log_format, verbose=options.verbose) as run:
            if not wants_bars(options):
                observers.members.append(LogObserver())
            check_not_aborted(run.store.standing(loaded.manifest.launch), loaded.manifest.launch)
            run.session.context.no_wait = options.no_wait
            plan = await planned(run.session, options.choice)
            permit(
                run, plan, approve=options.approve, proposal=options.proposal, max_starts=options.max_starts,
                yes=options.yes,
            )  # fmt: skip
            if options.choice.retry_failed:
                _say_retries(run.session, plan)
            await _carry_out(run.session, plan, observers, options)
            return _finish(run, options.ci)


def wants_bars(options: RunOptions) -> bool:
    """Whether progress is drawn as bars: at a terminal, unless its lines are wanted."""
    return options.log_format == "text" and not options.verbose and has_bars(sys.stderr, os.environ)


async def planned(session: Session, choice: Choice) -> Plan:
    """The session's plan. Raises Interrupted where a signal came first."""
    try:
        return await session.plan(choice)
    except Halted:
        stop = session.context.halt.stop
        if stop is None:
            raise
        raise Interrupted(stop) from None


def _say_retries(session: Session, plan: Plan) -> None:
    """Per campaign that failed or is unknown: whether it is sent again, and why."""
    for entry in plan.entries:
        history = session.context.histories.get(entry.key)
        if history is None or history.state not in {State.FAILED, State.UNKNOWN}:
            continue
        is_sent = entry.decision.action is Action.START
        why = f"certainly not started ({history.last.get('message', '')})" if is_sent else entry.decision.message
        click.echo(f"{'retry' if is_sent else 'no retry'}: {entry.key}: {plain(why)}", err=True)


async def _carry_out(session: Session, plan: Plan, observers: Observers, options: RunOptions) -> None:
    context = session.context
    observers.event(
        "run_started", events_version=EVENTS_VERSION, launch=context.launch, run_id=context.run_id,
        starts=plan.count(Action.START), judgements=plan.count(Action.JUDGE), skips=plan.count(Action.SKIP),
    )  # fmt: skip
    async with _progress(session, plan, observers, options):
        try:
            await session.carry_out(plan)
        except JournalWriteError as error:
            raise LedgerError(error.message, next_step=error.next_step) from error
    stop = context.halt.stop
    observers.event("run_finished", run_id=context.run_id, stop=stop.detail if stop else None)


@asynccontextmanager
async def _progress(session: Session, plan: Plan, observers: Observers, options: RunOptions) -> AsyncIterator[None]:
    if options.log_format == "json":
        yield
        return
    expected = Counter(str(entry.target.lane) for entry in plan.entries if entry.decision.action is not Action.SKIP)
    progress = ProgressObserver(expected, session.context.clock)
    observers.members.append(progress)
    names = {str(lane): runner.account for lane, runner in session.lanes.items()}
    async with shown(progress, sys.stderr, names, bars=wants_bars(options)):
        yield


def _finish(run: Opened, system: System) -> Result:
    """The result from the journal; what the journal could not take goes to stderr. Writes the reports."""
    context, manifest = run.session.context, run.loaded.manifest
    _save(context.unrecorded)
    try:
        records = run.store.read(context.launch)
        result = journals.result(records, manifest.ledger, context.run_id)
    except LedgerError as error:
        # Not 8: that would say that nothing was sent.
        raise JournalWriteError(error.message, next_step=f"python -m orchestrator report {context.launch}") from error
    stop = context.halt.stop
    if stop is not None and stop.reason is StopReason.JOURNAL:
        result.run["exit_code"], result.run["stop"] = 13, {"reason": stop.reason, "detail": stop.detail}
    write_reports(result, records, manifest.report, system)
    return result


def _save(records: list[Record]) -> None:
    """The last resort against losing a record: JSON lines on stderr."""
    for record in records:
        click.echo(json.dumps({"unrecorded": asdict(record)}), err=True)


@contextmanager
def signals(halt: Halt, task: "asyncio.Task[Any] | None") -> Iterator[None]:
    """A first signal stops new starts; a second one cuts the wait for what is in flight."""
    loop = asyncio.get_running_loop()
    seen: list[signal.Signals] = []

    def on_signal(received: signal.Signals) -> None:
        seen.append(received)
        if len(seen) == 1:
            halt.set(Stop(StopReason(received.name), f"{received.name} received"))
            click.echo(f"{received.name}: no new start; waiting for calls in flight (again to stop waiting)", err=True)
        elif task is not None:
            task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
