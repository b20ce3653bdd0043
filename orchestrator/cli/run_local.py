"""A run from manifest to reports, and a plan, at a terminal: signals, logs, progress, a person's consent."""

import asyncio
import gc
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

from orchestrator.app.approval import Consent
from orchestrator.app.planning import PlannedLaunch, plan_run
from orchestrator.app.run import build_result, execute, prepare
from orchestrator.cli.reporting import write_reports
from orchestrator.cli.session import opened
from orchestrator.console.confirm import ask
from orchestrator.console.logs import LogObserver
from orchestrator.console.progress import ProgressObserver, shown
from orchestrator.console.terminal import has_bars, plain
from orchestrator.core.journal.states import State
from orchestrator.core.plan.approval import Proposal
from orchestrator.core.plan.plan import Action, Plan
from orchestrator.core.plan.selection import Choice, Selection, parse_terms
from orchestrator.core.result.build import Result
from orchestrator.engine.run import Run
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.loading.manifest_file import load_manifest
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
    """Carry a manifest out and write its reports. Raises OrchestratorError where no start was sent."""
    loaded = load_manifest(path)
    observers, stop_signal = Observers(*watching), StopSignal()
    consent = Consent(options.approve, options.proposal, options.max_starts)
    # From here on a signal is an orderly stop, even while there is nothing to stop yet.
    with signals(stop_signal, asyncio.current_task()):
        async with opened(
            loaded, observers, stop_signal,
            log_format=options.log_format, verbose=options.verbose, no_wait=options.no_wait,
        ) as run:  # fmt: skip
            if not wants_bars(options):
                observers.members.append(LogObserver())
            plan = await prepare(run, options.choice, consent)
            ask(loaded.manifest, plan, yes=options.yes)
            _settle()
            if options.choice.retry_failed:
                _say_retries(run.run, plan)
            async with _progress(run.run, plan, observers, options):
                await execute(run.run, plan, _unrecorded)
            del plan  # a large one makes room for its result
            result, records = build_result(run)
            write_reports(result, records, loaded.manifest.report, options.ci)
            return result


def _settle() -> None:
    """Take what a large manifest holds out of the collector's sight: it would wait for a quarter as much garbage."""
    gc.freeze()
    gc.collect()


async def plan_launch(path: Path, choice: Choice, max_starts: int | None) -> PlannedLaunch:
    """The plan as it would be run now. Sends no start."""
    stop_signal = StopSignal()
    with signals(stop_signal, None):
        async with opened(load_manifest(path), Observers(), stop_signal) as run:
            return await plan_run(run, choice, max_starts)


def wants_bars(options: RunOptions) -> bool:
    """Whether progress is drawn as bars: at a terminal, unless its lines are wanted."""
    return options.log_format == "text" and not options.verbose and has_bars(sys.stderr, os.environ)


def _say_retries(run: Run, plan: Plan) -> None:
    """Per campaign that failed or is unknown: whether it is sent again, and why."""
    for entry in plan.entries:
        history = run.deps.states.get(entry.key)
        if history is None or history.state not in {State.FAILED, State.UNKNOWN}:
            continue
        is_sent = entry.decision.action is Action.START
        why = f"certainly not started ({history.last_data.get('message', '')})" if is_sent else entry.decision.message
        click.echo(f"{'retry' if is_sent else 'no retry'}: {entry.key}: {plain(why)}", err=True)


@asynccontextmanager
async def _progress(run: Run, plan: Plan, observers: Observers, options: RunOptions) -> AsyncIterator[None]:
    if options.log_format == "json":
        yield
        return
    expected = Counter(str(entry.lane) for entry in plan.entries if entry.decision.action is not Action.SKIP)
    progress = ProgressObserver(expected, run.deps.clock)
    observers.members.append(progress)
    names = {str(lane): runner.account for lane, runner in run.lanes.items()}
    async with shown(progress, sys.stderr, names, bars=wants_bars(options)):
        yield


def _unrecorded(record: Record) -> None:
    """The last resort against losing a record: a JSON line on stderr."""
    click.echo(json.dumps({"unrecorded": asdict(record)}), err=True)


@contextmanager
def signals(stop_signal: StopSignal, task: "asyncio.Task[Any] | None") -> Iterator[None]:
    """A first signal stops new starts; a second one cuts the wait for what is in flight."""
    loop = asyncio.get_running_loop()
    seen: list[signal.Signals] = []

    def on_signal(received: signal.Signals) -> None:
        seen.append(received)
        if len(seen) == 1:
            stop_signal.set(Stop(StopReason(received.name), f"{received.name} received"))
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
