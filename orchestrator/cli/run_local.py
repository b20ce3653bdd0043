"""A run in this process, from manifest to reports: signals, logs, progress, a person's consent."""

import gc
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.app.open_run import open_run
from orchestrator.app.run import build_result, execute, prepare
from orchestrator.cli.run_end import RunEnd
from orchestrator.cli.run_options import Display, Observers, RunOptions, consent
from orchestrator.console.logs import LogObserver, set_up
from orchestrator.console.progress import Phase
from orchestrator.console.signals import orderly_stop
from orchestrator.console.terminal import plain
from orchestrator.core.journal.states import State
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Plan
from orchestrator.core.result.types import Result
from orchestrator.engine.run import Run
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.loading.manifest_file import load_manifest
from orchestrator.model import Record
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor
from orchestrator.report import ci
from orchestrator.report.files import import_writers


async def run_launch(path: Path, options: RunOptions, end: RunEnd, watching: Iterable[Observer] = ()) -> Result:
    """Carry a manifest out and write its reports. Raises OrchestratorError where no start was sent."""
    loaded = load_manifest(path, options.environment)
    observers, stop_signal, redactor = Observers(*watching), StopSignal(), Redactor()
    set_up(options.log_format, redactor, verbose=options.verbose)
    end.reads(loaded.manifest)
    # From here on a signal is an orderly stop, even while there is nothing to stop yet.
    display = Display(options, observers, stop_signal)
    with orderly_stop(stop_signal.set, stop_signal.stop_waiting, display.stopping):
        # Lines until there are bars: opening may have to wait.
        observers.members.append(lines := LogObserver())
        async with open_run(loaded, observers, stop_signal, redactor, no_wait=options.no_wait) as opened:
            # 1. The plan, and a person's consent.
            if options.wants_bars:
                observers.members.remove(lines)
            names = {str(lane): runner.account for lane, runner in opened.run.lanes.items()}
            display.begin(loaded.manifest, names, opened.deps.clock, opened.run.gauge)
            async with display.showing(Phase.PREFLIGHT):
                plan = await prepare(opened, options.choice, options.consent)
            approved = await consent(loaded.manifest, plan, stop_signal, options)
            if options.choice.retry_failed:
                _show_retries(opened.run, plan)
            # 2. The starts. What their end needs is there before them: later, no file may be left to open.
            import_writers(ci.formats(options.ci, loaded.manifest.report.formats))
            end.begins(opened.deps.run_id, lambda: opened.deps.states.may_have_sent)
            _freeze_garbage()
            expected = Counter(str(entry.lane) for entry in plan.entries if entry.decision.action is not Action.SKIP)
            display.plan(expected)
            async with display.showing(Phase.STARTS):
                await execute(opened.run, plan, _print_unrecorded, approved)
            # 3. The reports.
            del plan  # a large one makes room for its result
            async with display.showing(Phase.REPORTS):
                result, records = build_result(opened)
                return end.report(result, records)


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
        why = f"certainly not started ({state.answer.message})" if is_sent else entry.decision.message
        click.echo(f"{'retry' if is_sent else 'no retry'}: {entry.key}: {plain(why)}", err=True)


def _print_unrecorded(record: Record) -> None:
    """The last resort against losing a record: a JSON line on stderr."""
    click.echo(json.dumps({"unrecorded": asdict(record)}), err=True)
