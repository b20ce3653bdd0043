"""A fleet's run in the journal: the order that workers carry out, and how far they are.

It is journaled as `@RUN-ID`: `run` (header), `plan` (rows), `manifest` (as written, references only), then a `lane`
record for each lane of each wave that is done, `halt` where a rule or a person stops every lane, and `end`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestrator.core.journal.packing import packed_value, unpacked, unpacked_value
from orchestrator.core.journal.records import (
    APPROVED,
    END,
    HALT,
    LANE,
    MANIFEST,
    PLAN,
    RUN,
    PlanRow,
    header_of,
    plan_rows,
)
from orchestrator.core.journal.states import CampaignState, State
from orchestrator.core.json_shape import Count
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import lane_of
from orchestrator.core.plan.proposal import Proposal, identity_of
from orchestrator.core.rules import waves
from orchestrator.errors import LedgerError
from orchestrator.model import CampaignKey, Lane, Outcome, Record, Stop

ORDERED: Final = (RUN, PLAN, MANIFEST, APPROVED)
"""The kinds of record that make an order. They never change, and are long."""

PROGRESS: Final = (LANE, HALT, END)
"""The kinds of record that show how far it is."""


@dataclass(frozen=True, slots=True)
class Job:
    """One lane of one wave. References and ids only: anyone who reaches the queue can read a job's arguments."""

    launch: str
    run_id: str
    wave: str
    account: str
    number: int

    @property
    def key(self) -> str:
        """Its name within the ledger: the queue takes no second job of this name."""
        return f"{self.run_id} {self.number}"


@dataclass(frozen=True, slots=True)
class Order:
    """A run of the fleet as it is journaled. `approved` is the plan that it was approved by, where one was."""

    header: Record
    manifest: Manifest
    rows: Sequence[PlanRow]
    lanes: Mapping[int, Record]
    stop: Stop | None
    is_ended: bool
    approved: Proposal | None = None

    def after(self, records: Iterable[Record]) -> "Order":
        """The order with the progress that records of PROGRESS show."""
        own = [record for record in records if record.campaign == self.header.campaign]
        stops = (Stop.of(record.data["stop"]) for record in own if record.kind in {HALT, END})
        return replace(
            self,
            lanes={record.attempt: record for record in own if record.kind == LANE},
            stop=next(filter(None, stops), None),
            is_ended=any(record.kind == END for record in own),
        )

    def jobs(self) -> list[Job]:
        """Every lane of every wave that has something to do, in the order of the waves."""
        wanted = {(row.wave, row.account) for row in self.rows if _is_wanted(row)}
        order = [(wave, name) for wave in waves.order(self.manifest.waves) for name in self.manifest.accounts]
        # A job's number is its place in this list, which every process makes alike from the journal.
        due = [pair for pair in order if pair in wanted]
        return [Job(self.header.launch, self.header.run_id, *pair, number) for number, pair in enumerate(due)]

    @property
    def lane_of_account(self) -> Mapping[str, Lane]:
        """The lanes by the names of their accounts."""
        return {name: lane_of(self.manifest, name) for name in self.manifest.accounts}

    def expected(self) -> Counter[Lane]:
        """How many campaigns are to get an outcome, by lane."""
        lanes = self.lane_of_account
        return Counter(lanes[row.account] for row in self.rows if row.action != Action.SKIP)

    def manifest_of(self, job: Job, ledger: str) -> Manifest:
        """The manifest as far as a job is concerned: one account, and its campaigns in one wave."""
        lane = (job.wave, job.account)
        wanted = {row.key for row in self.rows if (row.wave, row.account) == lane and _is_wanted(row)}
        campaigns = tuple(c for c in self.manifest.campaigns if c.key in wanted)
        accounts = {job.account: self.manifest.accounts[job.account]}
        # The ledger by the worker's own address: the submitter's may not lead there from this host.
        return self.manifest.model_copy(update={"campaigns": campaigns, "accounts": accounts, "ledger": ledger})

    def campaigns_of(self, account: str) -> list[CampaignKey]:
        """The account's campaigns, in all waves."""
        return [one.key for one in self.manifest.campaigns if one.account == account]

    def without_failed(self, manifest: Manifest, histories: Mapping[CampaignKey, CampaignState]) -> Manifest:
        """The manifest without what failed within this run: a lane that goes on elsewhere does not try it again."""
        campaigns = tuple(c for c in manifest.campaigns if not self._has_failed(histories.get(c.key)))
        return manifest.model_copy(update={"campaigns": campaigns})

    @property
    def retries_failed(self) -> bool:
        """Whether what failed in earlier runs is tried again."""
        return bool(header_of(self.header)["fleet"]["retry_failed"])

    @property
    def waits_for_no_window(self) -> bool:
        """Whether what has a closed window is held at once."""
        return bool(header_of(self.header)["fleet"]["no_wait"])

    def _has_failed(self, history: CampaignState | None) -> bool:
        failed = history is not None and history.state is State.FAILED
        return failed and history is not None and (history.finished_at or 0.0) >= self.header.at


def _is_wanted(row: PlanRow) -> bool:
    return row.action != Action.SKIP or row.outcome == Outcome.UNKNOWN


def order_of(records: Iterable[Record], run_id: str) -> Order:
    """The order in the records of a run. Raises LedgerError if it is missing, or cannot be read."""
    own = [record for record in records if record.campaign == f"@{run_id}"]
    header = next((record for record in own if record.kind == RUN), None)
    written = list(unpacked((record for record in own if record.kind == MANIFEST), dict[str, Any]))
    manifest = parse(written[0], written[1:])[0] if written else None
    if header is None or manifest is None:
        raise LedgerError(f"run {run_id} is not in the ledger, or was ordered by another version")
    approved = next((_approved(record) for record in own if record.kind == APPROVED), None)
    order = Order(header, manifest, list(plan_rows(own)), {}, stop=None, is_ended=False, approved=approved)
    return order.after(own)


def approved_record(header: Record, proposal: Proposal) -> Record:
    """The plan that an order was approved by: what it covers, and the recipients that it showed."""
    data = {
        "plan_sha256": proposal.sha256,
        "identity": packed_value(proposal.identity),
        "shown": packed_value(dict(proposal.shown)),
    }
    return replace(header, kind=APPROVED, data=data)


def _approved(record: Record) -> Proposal:
    shown = unpacked_value(record, "shown", dict[str, Count])
    return Proposal(record.data["plan_sha256"], record.at, identity_of(record), shown=shown)
