"""The library: run a launch from your own program, in the event loop that it already runs.

It prints nothing, asks no questions, handles no signal, sets up no logging and never ends the process. Calling it is
the consent. `approval: plan`, caps, windows, stop rules and aborts apply as they do for the command.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.app.approval import Consent, read_plan, read_signatures
from orchestrator.app.callbacks import SafeCallbacks
from orchestrator.app.cancellation import stop_on_cancel
from orchestrator.app.open_run import OpenRun, open_run
from orchestrator.app.planning import plan_run
from orchestrator.app.run import build_result, execute, prepare
from orchestrator.app.start_time import agreed_by_the_call, ready_run, start_at, start_of, wait_without_lease
from orchestrator.core.plan.estimate import PlannedLaunch
from orchestrator.core.plan.proposal import choice_for
from orchestrator.core.plan.selection import Choice
from orchestrator.core.result.build import Result
from orchestrator.core.text import plural, reason
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import OrchestratorError
from orchestrator.loading import manifest_file as load
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import Record
from orchestrator.places import report_folder
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor
from orchestrator.report.files import write

_T = TypeVar("_T")


def load_manifest(path: str | PathLike[str], *, environment: str | None = None) -> LoadedManifest:
    """The manifest at `path`, as it counts in one of its environments. Raises WrongEnvironment if it needs one.

    Raises ManifestError with every problem of it and of the files it names.

    Needs neither network nor secrets. It reads files: for a list of many thousands, call it in a thread.
    """
    return load.load_manifest(Path(path), environment)


async def run_launch(
    manifest: LoadedManifest,
    *,
    select: Iterable[str] = (),
    exclude: Iterable[str] = (),
    retry_failed: bool = False,
    approve: str | None = None,
    plan: str | PathLike[str] | None = None,
    approvals: Iterable[str | PathLike[str]] = (),
    at: datetime | None = None,
    max_starts: int | None = None,
    max_recipients: int | None = None,
    new_ledger: bool = False,
    no_wait: bool = False,
    observer: Observer | None = None,
    stop: StopSignal | None = None,
    redactor: Redactor | None = None,
    unrecorded: Callable[[Record], None] | None = None,
) -> Result:
    """Start every campaign of the manifest, each at its account's rate; call it again to continue. Writes the reports.

    `select` and `exclude` are terms such as `tag:canary`; `retry_failed` also starts what definitely failed before;
    `approve` is the beginning of a plan's hash, `plan` the file of `plan -o`, which brings its selection, `approvals`
    are files with signatures over it; `max_starts` and `max_recipients` tighten the manifest's caps; `new_ledger`
    agrees to `rerun: true` on an SQLite ledger that knows of no start; `no_wait` holds campaigns of a closed window.

    It waits for `at` and for the manifest's `not_before`, without a lease. `observer` receives the events of
    docs/reference/events.md. `stop` is this launch's own: set it for an orderly stop; afterwards it holds why a run
    ended early. `redactor` learns the launch's secrets, for your logs. `unrecorded` receives, at the end, each record
    that the journal could not take: no other copy exists.

    Ledger and reports lie where they do for the command: by default, in the nearest folder from the working directory
    upwards that has a `.orchestrator`. A new ledger is the event `ledger_created`. Reports that cannot be written, and
    records that could not be journaled, are named in the result's `warnings`.

    Raises OrchestratorError if no start was sent: CredentialError, Interrupted, LaneLeased, LedgerError,
    NothingSelected, PlanInvalid, Refused. Raises JournalWriteError if the run took place and its journal cannot be
    read. Raises ValueError for a text that is not a selection term, for a hash of fewer than 8 characters, and for an
    `at` that has no time zone or has long passed.

    Cancelling the task that waits here is an orderly stop, too: no new start, calls in flight are awaited and recorded,
    the reports are written, then comes CancelledError. A second cancellation stops waiting for calls in flight.
    """
    proposal = await asyncio.to_thread(read_plan, Path(plan)) if plan is not None else None
    choice = choice_for(Choice.of(select, exclude, retry_failed=retry_failed), proposal)
    signatures = await asyncio.to_thread(read_signatures, map(Path, approvals))
    consent = Consent(approve, proposal, signatures, max_starts, new_ledger, max_recipients)
    stop_signal = stop or StopSignal()
    callbacks = SafeCallbacks(observer, unrecorded)

    start = start_of(manifest.manifest, start_at(at))

    async def run() -> Result:
        async with ready_run(
            lambda: open_run(manifest, callbacks, stop_signal, redactor or Redactor(), no_wait=no_wait),
            start,
            lambda opened: prepare(opened, choice, consent, start),
            agreed_by_the_call,
            lambda time: wait_without_lease(manifest.manifest, time, stop_signal, callbacks),
        ) as ready:
            await execute(ready.opened.run, ready.plan, callbacks.unrecorded, ready.approved)
            return await _report(ready.opened)

    # In a task of its own: a cancellation of ours asks for an orderly stop, and reaches no start in flight (P8).
    return await stop_on_cancel(_annotated(run()), stop_signal)


async def plan_launch(
    manifest: LoadedManifest,
    *,
    select: Iterable[str] = (),
    exclude: Iterable[str] = (),
    retry_failed: bool = False,
    at: datetime | None = None,
    max_starts: int | None = None,
    max_recipients: int | None = None,
    details: bool = False,
    stop: StopSignal | None = None,
    redactor: Redactor | None = None,
) -> PlannedLaunch:
    """What `run_launch` would start now, or `at` a time; sends no start. Its hash, `plan.sha256`, can then be approved.

    It reads the live states, which spends calls. `details` also compares each campaign's own calling hours with its
    window. Raises as `run_launch` does, and is cancelled as it is.
    """
    choice = Choice.of(select, exclude, retry_failed=retry_failed, details=details)
    stop_signal, start = stop or StopSignal(), start_at(at)

    async def make() -> PlannedLaunch:
        async with open_run(manifest, SafeCallbacks(), stop_signal, redactor or Redactor()) as opened:
            return await plan_run(opened, choice, max_starts, max_recipients=max_recipients, at=start)

    return await stop_on_cancel(_annotated(make()), stop_signal)


async def _annotated(work: Coroutine[Any, Any, _T]) -> _T:
    """Do the work. An error that promises that nothing was sent gets a note that says so in its traceback."""
    try:
        return await work
    except OrchestratorError as error:
        if error.nothing_was_sent:
            error.add_note("no start was sent")
        raise


async def _report(opened: OpenRun) -> Result:
    # In threads: reading a long journal and drawing its reports must not hold up a program that has other work.
    wanted, lost = opened.deps.manifest.report, opened.deps.states.unrecorded
    warnings = [f"{plural(len(lost), 'record')} could not be journaled"] if lost else []
    result, records = await asyncio.to_thread(build_result, opened, warnings)
    result = await opened.notifier.finished(result)
    try:
        folder = report_folder(wanted.chosen_dir)
        await asyncio.to_thread(write, result, records, folder, wanted.formats)
    except (OSError, UnicodeError) as error:
        lacking = f"cannot write the reports to {wanted.dir}: {reason(error)}; the journal has everything"
        return replace(result, warnings=[*result.warnings, lacking])
    return result
