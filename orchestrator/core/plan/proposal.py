"""A plan that was made and may be approved: as the journal, or a file of `plan -o`, has it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NotRequired

from typing_extensions import TypedDict  # typing's own says too little for pydantic before Python 3.12

from orchestrator.core.journal.damage import RecordDamaged
from orchestrator.core.journal.packing import unpacked_value
from orchestrator.core.journal.records import PLANNED, RunRecords
from orchestrator.core.json_shape import Count, Seconds, first_fault
from orchestrator.core.plan import plan_hash
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.selection import Choice
from orchestrator.core.text import plural
from orchestrator.errors import PlanInvalid, Refused
from orchestrator.model import CampaignKey, PosixSeconds, Record, key_of

VALID_FOR: Final = 24 * 3600.0
"""Seconds for which a plan may be run: the live state that a person approved does not stay as it was."""

SHORTEST_HASH: Final = 8
"""Characters of a plan's hash that an approval needs at least."""

SHOWN_HASH: Final = 12
"""Characters of a plan's hash that a sentence about an approval shows."""


_TWICE: Final = "a campaign is in it twice"


class _Selected(TypedDict):
    select: list[str]
    exclude: list[str]
    retry_failed: bool


class _Start(TypedDict):
    account_id: str
    stream: str
    campaign: str
    iid: str
    type: str
    wave: str
    content: NotRequired[dict[str, str]]


class _Identity(TypedDict):
    selection: _Selected
    starts: list[_Start]
    nonce: NotRequired[str]


class _Row(TypedDict):
    stream: str
    campaign: str
    recipients: NotRequired[Count | None]


class _PlanFile(TypedDict):
    plan_sha256: str
    made_at: Seconds
    identity: _Identity
    planned_by: NotRequired[list[str]]  # plans of earlier versions do not name anybody
    campaigns: NotRequired[list[_Row]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that was made and may be approved. `made_at` is in POSIX seconds.

    `planned_by` are all names of who made it, `file_bytes` those of its file, where it comes from one: signatures are
    over these. `shown` are the recipients that the file shows of its campaigns, as far as they were known.
    """

    sha256: str
    made_at: PosixSeconds
    identity: Mapping[str, Any]
    planned_by: tuple[str, ...] = ()
    file_bytes: bytes = field(default=b"", repr=False)
    shown: Mapping[CampaignKey, int] = field(default_factory=dict, repr=False)

    @property
    def expires_at(self) -> PosixSeconds:
        """When it is no longer good, in POSIX seconds."""
        return PosixSeconds(self.made_at + VALID_FOR)

    @property
    def choice(self) -> Choice:
        """The choice of campaigns for which it was made."""
        chosen = self.identity["selection"]
        return Choice.of(
            chosen["select"], chosen["exclude"],
            retry_failed=bool(chosen["retry_failed"]), details=self.has_details,
        )  # fmt: skip

    @property
    def nonce(self) -> str:
        """What the contents of its campaigns are sealed with, in hexadecimal; empty in plans of earlier versions."""
        return str(self.identity.get("nonce", ""))

    @property
    def uncovered(self) -> int:
        """How many of its starts have no content in it: nobody read what they would send, or it was removed."""
        return sum(not (self.nonce and start.get("content")) for start in self.identity["starts"])

    @property
    def has_details(self) -> bool:
        """Whether it covers what only a call for each campaign shows, such as the sender."""
        return any("sender" in start.get("content", ()) for start in self.identity["starts"])


def choice_for(choice: Choice, proposal: Proposal | None) -> Choice:
    """A plan brings its own choice if none was made."""
    return proposal.choice if proposal is not None and choice == Choice() else choice


def proposal_record(
    plan: Plan, records: Iterable[Record], run_id: str, now: PosixSeconds, planned_by: Sequence[str] = ()
) -> Record:
    """The record of a plan that was made now: its hash alone can then be approved. `records` are its launch's.

    `planned_by` are the names of who made it.
    """
    number = 1 + sum(record.kind == PLANNED for record in records)
    return RunRecords(plan.launch, run_id, lambda: now).planned(number, plan.sha256, plan.identity, planned_by)


def find(records: Iterable[Record], start_of_hash: str, again: str) -> Proposal:
    """The newest plan of this launch whose hash begins with `start_of_hash`. Raises Refused if none does.

    `again` is the command that makes a plan, which comes next.
    """
    found = [r for r in records if r.kind == PLANNED and str(r.data["plan_sha256"]).startswith(start_of_hash.lower())]
    if not found:
        raise Refused(
            f"no plan in this ledger has a hash that begins with {start_of_hash[:16]}",
            next_step=again,
        )
    data = found[-1].data
    return Proposal(data["plan_sha256"], found[-1].at, identity_of(found[-1]), tuple(data.get("planned_by", ())))


def identity_of(record: Record) -> Mapping[str, Any]:
    """What a journaled plan covers. Raises RecordDamaged if that cannot be understood."""
    identity: Mapping[str, Any] = unpacked_value(record, "identity", _Identity)
    if (fault := _fault_of(identity)) is not None:
        raise RecordDamaged(record, f"identity: {fault}")
    return identity


def read(document: Any, file_bytes: bytes = b"") -> Proposal:
    """The plan in a file of `plan -o`, whose bytes are `file_bytes`.

    Raises PlanInvalid for a file that is not one, or was changed by hand.
    """
    fault = first_fault([document], _PlanFile) or _fault_of(document["identity"])
    # Of two rows about one campaign, a person would be shown one, and the other be compared.
    if fault is None and not _is_each_once(rows := document.get("campaigns", ())):
        fault = _TWICE
    if fault is not None:
        raise PlanInvalid(f"the file is not a plan: {fault}", next_step="make one with plan and its option -o")
    shown = {key_of(row["stream"], row["campaign"]): row.get("recipients") for row in rows}
    proposal = Proposal(
        document["plan_sha256"], PosixSeconds(document["made_at"]), document["identity"],
        tuple(document.get("planned_by", ())), file_bytes,
        {key: people for key, people in shown.items() if people is not None},
    )  # fmt: skip
    # A person approved what the file showed. An edit must not pass under the old hash.
    own = plan_hash.sha256(proposal.identity)
    if own != proposal.sha256:
        raise PlanInvalid(
            f"the plan was changed after it was made: its contents have the hash {own[:16]}, "
            f"and the file names {proposal.sha256[:16]}",
            next_step="make a new one with plan and its option -o",
        )
    return proposal


def _fault_of(identity: Mapping[str, Any]) -> str | None:
    """What is wrong with what a plan covers, where its shape is right."""
    try:
        _ = Proposal("", PosixSeconds(0.0), identity).choice, bytes.fromhex(identity.get("nonce", ""))
    except ValueError as error:
        return str(error)
    return None if _is_each_once(identity["starts"]) else _TWICE


def _is_each_once(rows: Collection[Mapping[str, Any]]) -> bool:
    return len({(row["stream"], row["campaign"]) for row in rows}) == len(rows)


def check_shown(document: Any, proposal: Proposal) -> None:
    """Raise PlanInvalid if the campaigns that a plan's file shows are not those that its hash covers."""
    try:
        shown = {(row["stream"], row["campaign"]) for row in document["campaigns"] if row["action"] == Action.START}
        _ = [*document.get("warnings", ()), *document.get("notes", ())]
    except (TypeError, KeyError) as error:
        raise PlanInvalid("the file is not a plan", next_step="make one with plan and its option -o") from error
    covered = {(start["stream"], start["campaign"]) for start in proposal.identity["starts"]}
    if shown != covered:
        raise PlanInvalid(
            f"the plan was changed after it was made: it shows {plural(len(shown), 'start')}, and not the "
            f"{len(covered):,} that its hash covers",
            next_step="make a new one with plan and its option -o",
        )


def as_journaled(proposal: Proposal, records: Iterable[Record]) -> Proposal:
    """The plan of a file, made when and by whom its launch's `records` say, where it was made on this ledger.

    Its hash covers neither: an edit of the file could make an old plan new, or take the planner's name out.
    """
    own = [r for r in records if r.kind == PLANNED and r.data["plan_sha256"] == proposal.sha256]
    if not own or not proposal.nonce:  # without a nonce, a plan that is made again has the same hash
        return proposal
    names = [str(name) for record in own for name in record.data.get("planned_by", ())]
    made_at = min(proposal.made_at, *(record.at for record in own))
    return replace(proposal, made_at=made_at, planned_by=tuple(dict.fromkeys((*names, *proposal.planned_by))))
