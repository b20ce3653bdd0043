"""Stops the campaigns that a launch started: finds them by journal and manifest, sends the stops, reads the result."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from orchestrator.app import journal_reader as journals
from orchestrator.app.open_run import OpenRun, open_run
from orchestrator.core.delivery.delivery import Deliveries
from orchestrator.core.journal.records import header_of
from orchestrator.core.journal.subruns import headers
from orchestrator.core.plan.stop_plan import Stopped, StopPlan, StopResult, plan_stops, stops
from orchestrator.core.text import command_line
from orchestrator.engine.stop_sender import StopSender
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import LaneLeased, NothingSelected, Refused
from orchestrator.ledger.machine_id import this_user
from orchestrator.loading.manifest_file import LoadedManifest, load_manifest
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor


def load_launch(ledger: str, launch: str, path: Path | None) -> LoadedManifest:
    """The manifest the launch ran with last, or the one at `path`, which must be this launch's, on its host.

    Raises NothingSelected, Refused, ManifestError and LedgerError.
    """
    with journals.open_ledger(ledger) as store:
        found = headers(store.read(journals.pick_launch(store, launch)))
    if not found:
        raise NothingSelected(f"launch {launch} has no run with a plan: it started nothing")
    last = header_of(found[-1])
    name, host = last["manifest"], last["host"]
    if path is None and not Path(name).exists():
        raise Refused(f"the manifest {name} of this launch is not here", next_step="pass it with --manifest FILE")
    loaded = load_manifest(path or Path(name), last.get("environment"))
    manifest = loaded.manifest
    if (manifest.launch, manifest.host) != (launch, host):
        raise Refused(
            f"{loaded.source_name} is for launch {manifest.launch} on {manifest.host}, not for {launch} on {host}",
            next_step="pass the launch's own manifest with --manifest FILE",
        )
    # The ledger that was named, and not the manifest's: the file may have been moved since.
    return replace(loaded, manifest=manifest.model_copy(update={"ledger": ledger}))


async def stop_started(
    loaded: LoadedManifest,
    reason: str,
    stop_signal: StopSignal,
    redactor: Redactor,
    *,
    observer: Observer,
    announce: Callable[[str, StopPlan], None],
) -> StopResult:
    """Stop what the launch started. `announce` is given the launch and the plan before the first stop, and may refuse.

    Raises OrchestratorError if no stop was sent, JournalWriteError later on.
    """
    try:
        async with open_run(loaded, observer, stop_signal, redactor) as opened:
            return await _stop(opened, reason, announce)
    except LaneLeased as leased:
        abort = command_line("abort", loaded.manifest.launch, ledger=loaded.manifest.ledger)
        raise LaneLeased(leased.message, next_step=f"{abort} --reason") from leased


async def _stop(opened: OpenRun, reason: str, announce: Callable[[str, StopPlan], None]) -> StopResult:
    deps, store = opened.deps, opened.store
    # 1. What to stop. From the journal, because the run's own states do not keep the lane of what has started.
    records = store.read(deps.launch)
    histories = store.fold(records)
    plan = plan_stops(deps.manifest, histories, stops(records))
    announce(deps.launch, plan)
    # 2. Read what they have sent by now, and send the stops, each of them journaled first.
    deliveries = Deliveries()
    for record in records:
        deliveries.read(record)
    await StopSender(deps, opened.run.lanes, this_user(), reason).run(plan.jobs, deliveries)
    # 3. What became of them, by the journal: a stop that is not recorded there is not confirmed.
    answers = stops(store.read(deps.launch))
    asked = {job.target.key: answers.get(job.target.key, Stopped(message="not asked")) for job in plan.jobs}
    return StopResult(deps.launch, plan, asked, deps.stop_signal.stop)
