"""A run in this process, from manifest to reports: signals, logs, progress, a person's consent."""

import asyncio
import gc
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from orchestrator.app.approval import Consent
from orchestrator.app.open_run import open_run
from orchestrator.app.run import build_result, execute, prepare
from orchestrator.cli.reporting import write_reports
from orchestrator.console.confirm import confirm
from orchestrator.console.logs import LogObserver, set_up
from orchestrator.console.progress import ProgressObserver, shown
from orchestrator.console.signals import orderly_stop
from orchestrator.console.terminal import has_bars, plain
from orchestrator.core.journal.states import State
from orchestrator.core.plan.plan import Action, Plan
from orchestrator.core.plan.selection import Choice
from orchestrator.core.result.types import Result
from orchestrator.engine.run import Run
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.loading.manifest_file import load_manifest
from orchestrator.model import Record
from orchestrator.ports import Clock, Observer
from orchestrator.redaction import Redactor
from orchestrator.report.ci import System


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run."""

    choice: Choice
    consent: Consent
    yes: bool = False
    no_wait: bool = False
    log_format: str = "text"
    verbose: bool = False
    ci: System = System.NONE

    @property
    def wants_bars(self) -> bool:
        """Whether progress is drawn as bars: at a terminal, unless its lines are wanted."""
        return self.log_format == "text" and not self.verbose and has_bars(sys.stderr, os.environ)


class Observers:
    """Several observers as one; some join later."""

    def __init__(self, *members: Observer) -> None:
        self.members = list(members)

    def event(self, name: str, **fields: Any) -> None:
        """Pass the event to all."""
        for member in self.members:
            member.event(name, **fields)


async def run_launch(path: Path, options: RunOptions, watching: Iterable[Observer] = ()) -> Result:
    """Carry a manifest out and write its reports. Raises OrchestratorError where no start was sent."""
    loaded, observers, stop_signal, redactor = load_manifest(path), Observers(*watching), StopSignal(), Redactor()
    set_up(options.log_format, redactor, verbose=options.verbose)
    # From here on a signal is an orderly stop, even while there is nothing to stop yet.
    with orderly_stop(stop_signal.set, asyncio.current_task()):
        # Lines until there are bars: opening may have to wait.
        observers.members.append(lines := LogObserver())
        async with open_run(loaded, observers, stop_signal, redactor, no_wait=options.no_wait) as opened:
            # 1. The plan, and a person's consent.
            if options.wants_bars:
                observers.members.remove(lines)
            plan = await prepare(opened, options.choice, options.consent)
            confirm(loaded.manifest, plan, yes=options.yes)
            if options.choice.retry_failed:
                _show_retries(opened.run, plan)
            # 2. The starts.
            _freeze_garbage()
            expected = Counter(str(entry.lane) for entry in plan.entries if entry.decision.action is not Action.SKIP)
            names = {str(lane): runner.account for lane, runner in opened.run.lanes.items()}
            async with show_progress(expected, names, opened.deps.clock, observers, options):
                await execute(opened.run, plan, _print_unrecorded)
            # 3. The reports.
            del plan  # a large one makes room for its result
            result, records = build_result(opened)
            write_reports(result, records, loaded.manifest.report, options.ci)
            return result


def _freeze_garbage() -> None:
    """Take what a large manifest holds out of the collector's sight: it would wait for a quarter as much garbage."""
    gc.freeze()
    gc.collect()


def _show_retries(run: Run, plan: Plan) -> None:
    """Per campaign that failed or is unknown: whether it is sent again, and why."""
    for entry in plan.entries:
        state = run.deps.states.get(entry.key)
        if state is None or state.state not in {State.FAILED, State.UNKNOWN}:
            continue
        is_sent = entry.decision.action is Action.START
        why = f"certainly not started ({state.last_data.get('message', '')})" if is_sent else entry.decision.message
        click.echo(f"{'retry' if is_sent else 'no retry'}: {entry.key}: {plain(why)}", err=True)


@asynccontextmanager
async def show_progress(
    expected: Mapping[str, int], names: Mapping[str, str], clock: Clock, observers: Observers, options: RunOptions
) -> AsyncIterator[None]:
    """Show a run's progress while the block runs. `expected` campaigns and account `names` are by lane."""
    # Nothing but JSON lines: a progress line among them would break their reader.
    if options.log_format == "json":
        yield
        return
    progress = ProgressObserver(expected, clock)
    observers.members.append(progress)
    async with shown(progress, sys.stderr, names, bars=options.wants_bars):
        yield


def _print_unrecorded(record: Record) -> None:
    """The last resort against losing a record: a JSON line on stderr."""
    click.echo(json.dumps({"unrecorded": asdict(record)}), err=True)
