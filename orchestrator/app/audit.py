"""Checks a launch's journal, and packs it for an auditor. Nothing in the ledger is changed."""

import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from orchestrator.app import journal_reader as journals
from orchestrator.core.journal.audit import Audit, audit
from orchestrator.core.journal.chain import Row
from orchestrator.core.journal.packing import unpacked_value
from orchestrator.core.journal.records import PLAN, PLANNED, RUN, plan_rows
from orchestrator.core.journal.subruns import headers
from orchestrator.core.text import timestamp
from orchestrator.errors import NoPlanYet
from orchestrator.ledger.store import Store
from orchestrator.model import Record
from orchestrator.places import put_in_place
from orchestrator.report.files import write

JOURNAL: Final = "journal.jsonl"
SUMS: Final = "SHA256SUMS"
_FORMATS: Final = ("json", "csv", "junit", "markdown", "html")
_APPROVAL_KEYS: Final = ("by", "approved", "planned_by", "approvals", "plan_sha256")
"""What a run's header has of who ran it, and who agreed to that."""
_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""Of every file in a pack, so that the same journal makes the same pack."""


def verify_launch(url: str, launch: str | None, head: str | None) -> Audit:
    """Check the hash chains of a launch, by default the newest. `head` is as for `core.journal.audit.audit`.

    Raises NothingSelected and LedgerError.
    """
    with journals.open_ledger(url) as store:
        name = journals.pick_launch(store, launch)
        return audit(name, store.rows(name), head, lambda: store.home(name))


@dataclass(frozen=True, slots=True)
class Exported:
    """A pack that was written: the names of its files, and what an audit of its journal found.

    `is_complete`: the journal could be read, so that the plans, approvals and reports of all runs are in it.
    """

    found: Audit
    files: tuple[str, ...]
    is_complete: bool


def export_launch(url: str, launch: str | None, path: Path) -> Exported:
    """Write a launch's journal, plans, approvals and reports to a zip file, which is put in place whole.

    Raises NothingSelected, LedgerError, and OSError if it cannot be written.
    """
    with journals.open_ledger(url) as store, put_in_place(path) as file:
        name = journals.pick_launch(store, launch)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
            pack = _Pack(zipped)
            # 1. The journal, byte for byte, and what an audit finds in these very rows.
            with pack.file(JOURNAL) as lines:
                found = audit(name, _copied(store.rows(name), lines), home=lambda: store.home(name))
            # 2. Read for people: who agreed to what, the plans, and a run's reports.
            is_complete = _add_what_can_be_read(pack, store, name)
            # 3. The sum of each.
            files = (*pack.sums, SUMS)
            pack.text(SUMS, "".join(f"{sum_}  {file}\n" for file, sum_ in pack.sums.items()))
    return Exported(found, files, is_complete)


def _add_what_can_be_read(pack: "_Pack", store: Store, launch: str) -> bool:
    """Returns whether all was added: a changed journal may be unreadable, but its rows are in the pack all the same."""
    try:
        _add_readable(pack, store, launch)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - whatever the readers of a journal make of one that the program did not write
        return False
    return True


def _add_readable(pack: "_Pack", store: Store, launch: str) -> None:
    runs = headers(store.read(launch, kinds=(RUN,)))
    pack.json("approvals.json", [_approval(header) for header in runs])
    for header in runs:
        pack.json(f"plans/{_file_name(header.run_id)}.json", _plan_of(store, header))
    for record in store.read(launch, kinds=(PLANNED,)):
        pack.json(f"plans/planned-{record.attempt}.json", _planned(record))
    _add_reports(pack, store, launch, runs)


def _file_name(run_id: str) -> str:
    """A run's id as a part of a path: one that was changed must not lead to another folder of the auditor's."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", run_id)


class _Summed:
    """A file that is written, and its SHA-256."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sum = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.sum.update(data)


@dataclass(slots=True)
class _Pack:
    """A zip file in the making. `sums` are by name."""

    zipped: zipfile.ZipFile
    sums: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def file(self, name: str) -> Iterator[_Summed]:
        info = zipfile.ZipInfo(name, _DATE)
        info.compress_type = zipfile.ZIP_DEFLATED
        with self.zipped.open(info, "w", force_zip64=True) as file:
            summed = _Summed(file)
            yield summed
        self.sums[name] = summed.sum.hexdigest()

    def text(self, name: str, text: str) -> None:
        with self.file(name) as file:
            file.write(text.encode())

    def json(self, name: str, value: Any) -> None:
        self.text(name, json.dumps(value, indent=2) + "\n")


def _copied(rows: Iterable[tuple[int, Row]], lines: _Summed) -> Iterator[tuple[int, Row]]:
    """The rows, each written as a line of JSON on its way. Its data stays a text: the hash is over its very bytes."""
    for number, row in rows:
        lines.write(json.dumps({"id": number, **row._asdict()}).encode() + b"\n")
        yield number, row


def _approval(header: Record) -> dict[str, Any]:
    approval = {key: header.data.get(key) for key in _APPROVAL_KEYS}
    return {"run_id": header.run_id, "started_at": timestamp(header.at), **approval}


def _plan_of(store: Store, header: Record) -> dict[str, Any]:
    rows = plan_rows(store.read(header.launch, campaign=header.campaign, kinds=(PLAN,)))
    campaigns = [row._asdict() for row in rows]
    return {"run_id": header.run_id, "plan_sha256": header.data.get("plan_sha256"), "campaigns": campaigns}


def _planned(record: Record) -> dict[str, Any]:
    return {"made_at": timestamp(record.at), **record.data, "identity": unpacked_value(record, "identity")}


def _add_reports(pack: _Pack, store: Store, launch: str, runs: Sequence[Record]) -> None:
    """The reports of each run that got as far as a plan, as `report` would write them now."""
    for run_id in (header.run_id for header in runs):
        with tempfile.TemporaryDirectory(prefix="orchestrator-pack-") as folder, suppress(NoPlanYet):
            result = journals.result(store, launch, run_id, live=journals.live_run(store, launch, run_id))
            for path in write(result, store.stream(launch), Path(folder), _FORMATS):
                with path.open("rb") as source, pack.file(f"reports/{_file_name(run_id)}/{path.name}") as target:
                    shutil.copyfileobj(source, target)
