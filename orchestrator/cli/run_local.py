"""A run in this process, from manifest to reports: signals, logs, progress, a person's consent."""

import gc
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.app.open_run import OpenRun, open_run
from orchestrator.app.run import build_result, execute, prepare
from orchestrator.app.start_time import ready_run, start_of
from orchestrator.cli.run_end import RunEnd
from orchestrator.cli.run_options import Display, Observers, RunOptions, consent
from orchestrator.console.logs import LogObserver, set_up
from orchestrator.console.plan import retries
from orchestrator.console.progress import Phase
from orchestrator.console.signals import orderly_stop
from orchestrator.core.plan.approvers import Approved
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Plan
from orchestrator.core.result.types import Result
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.loading.manifest_file import load_manifest
from orchestrator.model import Record
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor
from orchestrator.report import ci
from orchestrator.report.files import import_writers


async def run_launch(path: Path, options: RunOptions, end: RunEnd, watching: Iterable[Observer] = ()) -> Result:
    """Carry a manifest out and write its reports. Raises OrchestratorError if no start was sent."""
    loaded = load_manifest(path, options.environment)
    observers, stop_signal, redactor = Observers(*watching), StopSignal(), Redactor()
    set_up(options.log_format, redactor, verbose=options.verbose)
    end.reads(loaded.manifest)
    # From here on a signal is an orderly stop, even while there is nothing to stop yet.
    display, start = Display(options, observers, stop_signal), start_of(loaded.manifest, options.at)

    async def plan_now(opened: OpenRun) -> tuple[Plan, Approved]:
        names = {str(lane): runner.account for lane, runner in opened.run.lanes.items()}
        if options.wants_bars and lines in observers.members:
            observers.members.remove(lines)
        display.begin(loaded.manifest, names, opened.deps.clock, opened.run.gauge)
        async with display.showing(Phase.PREFLIGHT):
            return await prepare(opened, options.choice, options.consent, start)

    async def agree(opened: OpenRun, plan: Plan, approved: Approved) -> Approved:
        return await consent(loaded.manifest, plan, stop_signal, options, store=opened.store, approved=approved)

    with orderly_stop(stop_signal.set, stop_signal.stop_waiting, display.stopping):
        # Lines until there are bars: opening may have to wait.
        observers.members.append(lines := LogObserver())
        # 1. The plan, a person's consent, and the time to start.
        async with ready_run(
            lambda: open_run(loaded, observers, stop_signal, redactor, no_wait=options.no_wait),
            start,
            plan_now,
            agree,
            lambda time: display.wait(loaded.manifest, time),
        ) as ready:
            opened, plan = ready.opened, ready.plan
            if options.choice.retry_failed:
                click.echo(retries(plan, opened.deps.states), err=True, nl=False)
            # 2. The starts. What their end needs is there before them: later, no file may be left to open.
            import_writers(ci.formats(options.ci, loaded.manifest.report.formats))
            end.begins(opened.deps.run_id, lambda: opened.deps.states.may_have_sent)
            _freeze_garbage()
            expected = Counter(str(entry.lane) for entry in plan.entries if entry.decision.action is not Action.SKIP)
            display.plan(expected)
            async with display.showing(Phase.STARTS):
                await execute(opened.run, plan, _print_unrecorded, ready.approved)
            # 3. The reports.
            del plan, ready  # a large one makes room for its result
            async with display.showing(Phase.REPORTS):
                result, records = build_result(opened)
                result = end.report(await opened.notifier.finished(result), records)
            # 4. What becomes of what was started.
            if options.follows and stop_signal.stop is None:
                result = await end.follow(opened, result, is_drawn=options.wants_bars)
            return result


def _freeze_garbage() -> None:
    """Take what a large manifest holds out of the collector's sight: it would wait for a quarter as much garbage."""
    gc.freeze()
    gc.collect()


def _print_unrecorded(record: Record) -> None:
    """The last resort against losing a record: a JSON line on stderr."""
    click.echo(json.dumps({"unrecorded": asdict(record)}), err=True)
