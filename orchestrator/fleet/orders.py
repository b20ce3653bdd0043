"""What a launch of many hosts looks like in the journal: the order that workers carry out, and how far they are.

A run of the fleet is journaled as `@RUN-ID`: `run` (header), `plan` (rows), `manifest` (as written, references only),
then a `lane` record for each lane of each wave that is done, `halt` where a rule stops everybody, and `end`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestrator.core.journal.records import PlanRow, packed, plan_rows, unpacked
from orchestrator.core.journal.states import CampaignState, State
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan.plan import Action, Plan
from orchestrator.core.rules import waves
from orchestrator.errors import LedgerError
from orchestrator.model import CampaignKey, Outcome, Record, Stop, StopReason

ORDERED: Final = ("run", "plan", "manifest")
"""The kinds of record that make an order. They never change, and are long."""

PROGRESS: Final = ("lane", "halt", "end")
"""The kinds of record that say how far it is."""


@dataclass(frozen=True, slots=True)
class Job:
    """One lane of one wave. References and ids only: a job's arguments are there for everybody to read."""

    launch: str
    run_id: str
    wave: str
    account: str
    number: int

    @property
    def key(self) -> str:
        """Its name within the ledger: no second one is put in a queue beside it."""
        return f"{self.run_id} {self.number}"


@dataclass(frozen=True, slots=True)
class Order:
    """A run of the fleet as it is journaled."""

    header: Record
    manifest: Manifest
    rows: Sequence[PlanRow]
    lanes: Mapping[int, Record]
    stop: Stop | None
    is_ended: bool

    def after(self, records: Iterable[Record]) -> "Order":
        """The order, as far as records of PROGRESS say it is."""
        own = [record for record in records if record.campaign == self.header.campaign]
        return replace(
            self,
            lanes={record.attempt: record for record in own if record.kind == "lane"},
            stop=next((stop_of(record.data["stop"]) for record in own if record.kind == "halt"), None),
            is_ended=any(record.kind == "end" for record in own),
        )

    def jobs(self) -> list[Job]:
        """Every lane of every wave that has something to do, in the order of the waves."""
        wanted = {(row[4], row[0]) for row in self.rows if _is_wanted(row)}
        order = [(wave, name) for wave in waves.order(self.manifest.waves) for name in self.manifest.accounts]
        due = [pair for pair in order if pair in wanted]
        return [Job(self.header.launch, self.header.run_id, *pair, number) for number, pair in enumerate(due)]

    def manifest_of(self, job: Job, ledger: str) -> Manifest:
        """The manifest as far as a job is concerned: one account, and its campaigns in one wave."""
        wanted = {f"{row[1]}/{row[2]}" for row in self.rows if (row[4], row[0]) == (job.wave, job.account)
                  and _is_wanted(row)}  # fmt: skip
        campaigns = tuple(c for c in self.manifest.campaigns if c.key in wanted)
        accounts = {job.account: self.manifest.accounts[job.account]}
        return self.manifest.model_copy(update={"campaigns": campaigns, "accounts": accounts, "ledger": ledger})

    def without_failed(self, manifest: Manifest, histories: Mapping[CampaignKey, CampaignState]) -> Manifest:
        """The manifest without what failed within this run: a lane that goes on elsewhere does not try it again."""
        campaigns = tuple(c for c in manifest.campaigns if not self._has_failed(histories.get(c.key)))
        return manifest.model_copy(update={"campaigns": campaigns})

    @property
    def retries_failed(self) -> bool:
        """Whether what failed in earlier runs is tried again."""
        return bool(self.header.data["fleet"]["retry_failed"])

    @property
    def waits_for_no_window(self) -> bool:
        """Whether what has a closed window is held at once."""
        return bool(self.header.data["fleet"]["no_wait"])

    def _has_failed(self, history: CampaignState | None) -> bool:
        failed = history is not None and history.state is State.FAILED
        return failed and history is not None and (history.finished_at or 0.0) >= self.header.at


def _is_wanted(row: Sequence[Any]) -> bool:
    return bool(row[5] != Action.SKIP or row[6] == Outcome.UNKNOWN)


def records_of(header: Record, plan: Plan, raw: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Record]:
    """The records that make an order."""

    def line(kind: str, number: int, data: dict[str, Any]) -> Record:
        return Record(header.launch, header.campaign, number, kind, header.run_id, header.at, "", data)

    plans = [line("plan", n, data) for n, data in enumerate(packed(entry.as_row() for entry in plan.entries))]
    written = [line("manifest", n, data) for n, data in enumerate(packed([dict(raw), *map(dict, rows)]))]
    return [header, *plans, *written]


def order_of(records: Iterable[Record], run_id: str) -> Order:
    """The order that the records make. Raises LedgerError where there is none that can be read."""
    own = [record for record in records if record.campaign == f"@{run_id}"]
    header = next((record for record in own if record.kind == "run"), None)
    written = list(unpacked(record for record in own if record.kind == "manifest"))
    manifest = parse(written[0], written[1:])[0] if written else None
    if header is None or manifest is None:
        raise LedgerError(f"run {run_id} is not in the ledger, or was ordered by another version")
    rows = list(plan_rows(own))
    return Order(header, manifest, rows, {}, stop=None, is_ended=False).after(own)


def stop_of(data: Mapping[str, str] | None) -> Stop | None:
    """A stop from the journal."""
    return Stop(StopReason(data["reason"]), data["detail"]) if data else None


def stop_data(stop: Stop | None) -> dict[str, str] | None:
    """A stop for the journal."""
    return {"reason": str(stop.reason), "detail": stop.detail} if stop else None
