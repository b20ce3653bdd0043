"""A plan that was made and may be approved: as the journal, or a file of `plan -o`, has it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from orchestrator.core.journal.packing import unpacked_value
from orchestrator.core.journal.records import PLANNED, RunRecords
from orchestrator.core.plan import plan_hash
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.selection import Choice
from orchestrator.core.text import plural, timestamp
from orchestrator.errors import PlanInvalid, Refused
from orchestrator.model import CampaignKey, PosixSeconds, Record, key_of

VALID_FOR: Final = 24 * 3600.0
"""Seconds for which a plan may be run: the live state that a person approved does not stay as it was."""

SHORTEST_HASH: Final = 8
"""Characters of a plan's hash that an approval needs at least."""

SHOWN_HASH: Final = 12
"""Characters of a plan's hash that a sentence about an approval shows."""


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
    by = tuple(data.get("planned_by", ()))
    return Proposal(data["plan_sha256"], found[-1].at, unpacked_value(data["identity"]), by)


def read(document: Any, file_bytes: bytes = b"") -> Proposal:
    """The plan in a file of `plan -o`, whose bytes are `file_bytes`.

    Raises PlanInvalid for a file that is not one, or was changed by hand.
    """
    try:
        proposal = Proposal(
            str(document["plan_sha256"]), PosixSeconds(float(document["made_at"])), dict(document["identity"]),
            _planners(document), file_bytes, _shown(document),
        )  # fmt: skip
        own = plan_hash.sha256(proposal.identity)
        # Read everything once here: a missing part is then a fault of the file, and not a crash later on.
        _ = proposal.choice, bytes.fromhex(proposal.nonce)
        _ = timestamp(proposal.expires_at)
        _check_each_once(proposal.identity["starts"])
        for start in proposal.identity["starts"]:
            # To be joined, each has to be a text.
            _ = "".join([*(start[name] for name in plan_hash.WITHOUT_LIVE_STATE), *start.get("content", {}).values()])
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        raise PlanInvalid("the file is not a plan", next_step="make one with plan and its option -o") from error
    # A person approved what the file showed. An edit must not pass under the old hash.
    if own != proposal.sha256:
        raise PlanInvalid(
            f"the plan was changed after it was made: its contents have the hash {own[:16]}, "
            f"and the file names {proposal.sha256[:16]}",
            next_step="make a new one with plan and its option -o",
        )
    return proposal


def _planners(document: Mapping[str, Any]) -> tuple[str, ...]:
    names = document.get("planned_by", [])  # plans of earlier versions do not name anybody
    if not isinstance(names, list):
        raise TypeError(names)
    return tuple(map(str, names))


def _shown(document: Mapping[str, Any]) -> dict[CampaignKey, int]:
    rows = document.get("campaigns", ())
    _check_each_once(rows)
    return {key_of(r["stream"], r["campaign"]): r["recipients"] for r in rows if isinstance(r.get("recipients"), int)}


def _check_each_once(rows: Collection[Mapping[str, Any]]) -> None:
    """Of two rows about one campaign, a person would be shown one, and the other be compared."""
    if len({(row["stream"], row["campaign"]) for row in rows}) != len(rows):
        raise ValueError("a campaign is in the plan twice")


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
