"""What `stop-started` does: from the journal and the manifest to a list of stops and what became of them."""

import getpass
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from orchestrator.app import journal_reader as journals
from orchestrator.app.open_run import OpenRun
from orchestrator.cli.run_local import Observers, exit_code_of, signals
from orchestrator.cli.session import opened
from orchestrator.console.logs import LogObserver
from orchestrator.core.journal.subruns import headers
from orchestrator.core.plan.stop_plan import Stopped, StopPlan, plan_stops, stops
from orchestrator.engine.stop_sender import StopSender
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import LaneLeased, NothingSelected, Refused
from orchestrator.loading.manifest_file import LoadedManifest, load_manifest
from orchestrator.model import CampaignKey, Stop


@dataclass(frozen=True, slots=True)
class StopResult:
    """What a `stop-started` came to."""

    launch: str
    plan: StopPlan
    answers: dict[CampaignKey, Stopped]
    stop: Stop | None

    @property
    def confirmed(self) -> list[CampaignKey]:
        return [job.target.key for job in self.plan.jobs if self.answers[job.target.key].is_confirmed]

    @property
    def missing(self) -> dict[CampaignKey, str]:
        """What this launch started and nobody confirmed to be stopped, and why."""
        unsure = {job.target.key: self.answers[job.target.key] for job in self.plan.jobs}
        return {key: one.message for key, one in unsure.items() if not one.is_confirmed} | dict(self.plan.unaddressed)

    @property
    def exit_code(self) -> int:
        """A signal's code; else 11 where nobody knows what may be running, 10 where a stop is not confirmed, 0."""
        if self.stop is not None and (code := exit_code_of(self.stop)) is not None:
            return code
        if self.plan.maybe:
            return 11
        return 10 if self.missing else 0


async def stop_started(ledger: str, launch: str, manifest: Path | None, reason: str) -> StopResult:
    """Stop what the launch started. Raises OrchestratorError where no stop was sent, JournalWriteError later on."""
    loaded = _load(ledger, launch, manifest)
    stop_signal, observers = StopSignal(), Observers()
    with signals(stop_signal, None):
        try:
            async with opened(loaded, observers, stop_signal) as run:
                observers.members.append(LogObserver())
                return await _stop(run, reason)
        except LaneLeased as leased:
            raise LaneLeased(
                leased.message, next_step=f"python -m orchestrator abort {launch} --reason TEXT, then this again"
            ) from leased


def _load(ledger: str, launch: str, path: Path | None) -> LoadedManifest:
    """The manifest the launch ran with last, or the one that is named; it must be this launch's, on its host."""
    with journals.opened(ledger) as store:
        found = headers(store.read(journals.pick(store, launch)))
    if not found:
        raise NothingSelected(f"launch {launch} has no run that got as far as a plan: it started nothing")
    name, host = str(found[-1].data["manifest"]), found[-1].data["host"]
    if path is None and not Path(name).exists():
        raise Refused(f"the manifest {name} of this launch is not here", next_step="bring it with --manifest FILE")
    loaded = load_manifest(path or Path(name))
    manifest = loaded.manifest
    if (manifest.launch, manifest.host) != (launch, host):
        raise Refused(
            f"{loaded.source_name} is for launch {manifest.launch} on {manifest.host}, not for {launch} on {host}",
            next_step="bring the launch's own manifest with --manifest FILE",
        )
    return replace(loaded, manifest=manifest.model_copy(update={"ledger": ledger}))


async def _stop(run: OpenRun, reason: str) -> StopResult:
    deps = run.deps
    plan = plan_stops(deps.manifest, deps.states, stops(run.store.read(deps.launch)))
    click.echo(
        f"stopping {len(plan.jobs)} campaigns that launch {deps.launch} started; "
        "MESSAGES ALREADY SENT STAY SENT, nothing calls them back",
        err=True,
    )
    await StopSender(deps, run.run.lanes, getpass.getuser(), reason).run(plan.jobs)
    answers = stops(run.store.read(deps.launch))
    asked = {job.target.key: answers.get(job.target.key, Stopped(message="not asked")) for job in plan.jobs}
    return StopResult(deps.launch, plan, asked, deps.stop_signal.stop)


def text(result: StopResult) -> str:
    """For a person."""
    lines = [f"  stopped      {key}" for key in result.confirmed]
    lines += [f"  not stopped  {key}  {why}" for key, why in result.missing.items()]
    lines += [f"  may be on    {key}  nobody knows whether it was started" for key in result.plan.maybe]
    counts = f"{len(result.confirmed)} stopped, {len(result.missing)} not confirmed, {len(result.plan.before)} before"
    lines.append(f"launch {result.launch}: {counts}; messages already sent stay sent")
    if result.missing:
        lines.append(f"next: python -m orchestrator stop-started {result.launch} --reason TEXT")
    return "\n".join(lines) + "\n"


def as_json(result: StopResult) -> dict[str, Any]:
    """For a machine."""
    return {
        "schema_version": "1",
        "launch": result.launch,
        "stopped": result.confirmed,
        "not_stopped": result.missing,
        "stopped_before": list(result.plan.before),
        "may_be_running": list(result.plan.maybe),
        "exit_code": result.exit_code,
    }
