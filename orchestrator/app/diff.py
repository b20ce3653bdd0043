"""Where the two sides of `diff` come from: files, the ledger, or a plan made now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from orchestrator.app import journal_reader as journals
from orchestrator.app.open_run import open_run
from orchestrator.app.run import make_plan
from orchestrator.core import diff
from orchestrator.core.diff import Snapshot
from orchestrator.core.journal.records import RUN
from orchestrator.core.journal.subruns import headers
from orchestrator.core.json_text import read_json
from orchestrator.core.plan import proposal as proposals
from orchestrator.core.plan.proposal import Proposal
from orchestrator.core.plan.selection import Choice
from orchestrator.core.text import reason
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import NothingSelected, PlanInvalid
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor

_FILES: Final = (".json", ".yaml", ".yml")
_MANIFESTS: Final = (".yaml", ".yml")


def is_manifest(text: str) -> bool:
    """Whether this side is a manifest: the plan that would be made of it now."""
    return text == "-" or text.endswith(_MANIFESTS)


def read_side(text: str, ledger: str) -> Snapshot:
    """A side that exists: a file of `plan -o`, a result.json, `LAUNCH@RUN`, or the last run of `LAUNCH`.

    Raises PlanInvalid for a file that is neither, NothingSelected and LedgerError for a launch.
    """
    if text.endswith(_FILES) or Path(text).is_file():
        return _of_file(Path(text))
    launch, _, run = text.partition("@")
    with journals.open_ledger(ledger) as store:
        name = journals.pick_launch(store, launch)
        run_id = _run_id([header.run_id for header in headers(store.read(name, kinds=(RUN,)))], name, run)
        found = journals.result(store, name, run_id, live=journals.live_run(store, name, run_id))
        return diff.of_result(f"{name}@{found.run['run_id']}", found.as_json())


def _run_id(runs: list[str], launch: str, start: str) -> str | None:
    """The run whose id begins so; None: the last one."""
    if not start:
        return None
    found = [run for run in dict.fromkeys(runs) if run.startswith(start)]
    if len(found) != 1:
        known = ", ".join(dict.fromkeys(reversed(runs))) or "none"
        raise NothingSelected(
            f"launch {launch} has {'no run' if not found else 'several runs'} whose id begins with {start}",
            next_step=f"choose one of its runs: {known}",
        )
    return found[0]


def _of_file(path: Path) -> Snapshot:
    document = _document(path)
    if isinstance(document.get("run"), dict):
        try:
            return diff.of_result(str(path), document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PlanInvalid(f"{path} is not a result.json", next_step="name a result.json of a run") from error
    proposals.read(document)
    try:
        return diff.of_plan(str(path), document)
    except (KeyError, TypeError) as error:
        raise PlanInvalid(f"{path} is not a plan", next_step="make one with plan and its option -o") from error


def read_proposal(path: Path) -> Proposal:
    """The plan in a file, which a plan made now is compared with. Raises PlanInvalid."""
    return proposals.read(_document(path))


def _document(path: Path) -> dict[str, Any]:
    try:
        document = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else f"it is not JSON ({error})"
        raise PlanInvalid(f"cannot read {path}: {why}", next_step="name a plan of plan -o, or a result.json") from error
    if not isinstance(document, Mapping):
        raise PlanInvalid(f"{path} is not a plan", next_step="make one with plan and its option -o")
    return dict(document)


async def plan_now(
    loaded: LoadedManifest,
    choice: Choice,
    nonce: str,
    *,
    observer: Observer,
    stop_signal: StopSignal,
    redactor: Redactor,
) -> Snapshot:
    """The plan as it would be made now, with the nonce of the plan that it is compared with; nothing is journaled.

    Raises as `open_run` and `make_plan` do.
    """
    async with open_run(loaded, observer, stop_signal, redactor) as opened:
        plan = await make_plan(opened, choice, nonce)
    rows = [entry.as_row()._asdict() for entry in plan.entries]
    return diff.of_plan(f"{loaded.source_name} now", {"identity": plan.identity, "campaigns": rows})
