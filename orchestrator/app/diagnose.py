"""What `doctor` looks at."""

import asyncio
import os
import shutil
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from orchestrator.app.addressees import Addressee, addressees_of
from orchestrator.app.callbacks import SafeCallbacks
from orchestrator.app.cancellation import Interrupted
from orchestrator.app.open_run import OpenRun, credentials_of, open_run
from orchestrator.core.diagnosis import Finding, Grade, of_answer, of_disk
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan import plan as plans
from orchestrator.core.text import command_line
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.errors import LaneLeased, LeaseLost, LedgerError, OrchestratorError
from orchestrator.ledger.file_system import file_system
from orchestrator.ledger.sqlite_file import check_place
from orchestrator.ledger.store import Store
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.places import ledger_file
from orchestrator.redaction import Redactor


async def examine(
    loaded: LoadedManifest | None, ledger: str, stop_signal: StopSignal, redactor: Redactor
) -> list[Finding]:
    """All findings about the machine and, with a manifest, about its accounts. Raises Interrupted."""
    # 1. This machine: the ledger, its disk, and the time zones.
    found = [*_of_ledger(loaded.manifest.ledger if loaded else ledger), *_of_zones(loaded.manifest if loaded else None)]
    if loaded is None:
        return found
    # 2. Those whom `notify` names: whether they could be told.
    found += [_of_addressee(one, loaded) for one in await asyncio.to_thread(addressees_of, loaded, redactor)]
    # 3. The credentials. Without them, or without a ledger, no account can be asked.
    broken = _of_credentials(loaded)
    if broken or any(one.grade is Grade.BAD and one.subject == "ledger" for one in found):
        return [*found, *broken]
    # 4. The accounts: one read for each.
    return [*found, *await _of_accounts(loaded, stop_signal, redactor)]


def _of_ledger(url: str) -> list[Finding]:
    file = _file(url)
    place = next((folder for folder in file.parents if folder.is_dir()), None) if file else None
    shown = str(file or url)
    try:
        with closing(Store.open(url, create=False)) as store:
            store.check_writable()
        found = Finding(Grade.OK, "ledger", f"{shown} is sound{', and private to its owner' if place else ''}")
    except LedgerError as error:
        found = _of_missing(file or Path(shown)) if "there is no ledger" in error.message else _of_refused(error)
    if place is None:
        return [found]
    return [found, *of_disk(file_system(place), os.environ, shutil.disk_usage(place).free)]


def _of_missing(file: Path) -> Finding:
    try:
        check_place(file)
    except LedgerError as error:
        return _of_refused(error)
    return Finding(
        Grade.OK, "ledger", f"{file} does not exist yet: the first command that calls the platform creates it"
    )


def _of_refused(error: LedgerError) -> Finding:
    return Finding(Grade.BAD, "ledger", error.message, error.next_step or "restore it from a backup")


def _file(url: str) -> Path | None:
    """The ledger's file; None if it is no file, or cannot be told."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return None
    if parsed.get_backend_name() != "sqlite":
        return None
    with suppress(OSError):
        return ledger_file(parsed.database or "")
    return None


def _of_zones(manifest: Manifest | None) -> list[Finding]:
    named = [zone for hours in manifest.windows.values() for zone in hours.zones] if manifest else []
    zones = named or ["America/New_York"]
    try:
        for zone in zones:
            ZoneInfo(zone)
    except ZoneInfoNotFoundError as error:
        return [Finding(Grade.BAD, "time zones", f"no data ({error})", "install tzdata")]
    return [Finding(Grade.OK, "time zones", f"data for {', '.join(dict.fromkeys(zones))}")]


def _of_addressee(addressee: Addressee, loaded: LoadedManifest) -> Finding:
    again = command_line("notify", "test", *loaded.words)
    if addressee.fault:  # no reason to refuse a run: starts go before notices
        return Finding(Grade.WARN, addressee.name, f"gets no notice: {addressee.fault}", f"correct it, then {again}")
    return Finding(Grade.OK, addressee.name, f"has an address; to send a notice to it: {again}")


def _of_credentials(loaded: LoadedManifest) -> list[Finding]:
    try:
        credentials_of(loaded)
    except OrchestratorError as error:
        return [Finding(Grade.BAD, "credentials", error.message, error.next_step)]
    return []


async def _of_accounts(loaded: LoadedManifest, stop_signal: StopSignal, redactor: Redactor) -> list[Finding]:
    # The faults of a sandbox are for runs: its first seconds without a connection say nothing about the manifest.
    sandbox = loaded.manifest.sandbox.model_copy(update={"faults": "none"})
    loaded = replace(loaded, manifest=loaded.manifest.model_copy(update={"sandbox": sandbox}))
    try:
        async with open_run(loaded, SafeCallbacks(), stop_signal, redactor) as opened:
            return await _ask(opened)
    except StopRequested:
        if stop_signal.stop is None:
            raise
        raise Interrupted(stop_signal.stop) from None
    except Interrupted:
        raise
    except (LaneLeased, LeaseLost) as busy:
        return [Finding(Grade.WARN, "accounts", f"not asked: {busy.message}", busy.next_step)]
    except OrchestratorError as error:
        return [Finding(Grade.BAD, "accounts", f"not asked: {error.message}", error.next_step)]


async def _ask(opened: OpenRun) -> list[Finding]:
    """One list call per account, at its rate."""
    manifest, found = opened.deps.manifest, []
    for lane, runner in opened.run.lanes.items():
        targets = (plans.target_of(manifest, campaign) for campaign in manifest.campaigns if campaign.enabled)
        target = next(target for target in targets if target.lane == lane)
        found += of_answer(runner.account, await runner.reader.list_once(target))
    return list(dict.fromkeys(found))
