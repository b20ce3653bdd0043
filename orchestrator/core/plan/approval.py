"""Approval of a plan, for this plan and no other, for a day and one run (design section 6); and the cap of starts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestrator.core import content
from orchestrator.core.journal.records import PLANNED, RUN, RunRecords, header_of, unpacked_value
from orchestrator.core.journal.states import Event
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan import plan_hash
from orchestrator.core.plan.decision import Action, changed
from orchestrator.core.plan.plan import Plan
from orchestrator.core.text import duration, plural
from orchestrator.errors import PlanInvalid, Refused
from orchestrator.model import PosixSeconds, Record

VALID_FOR: Final = 24 * 3600.0
"""Seconds for which a plan may be run: the live state that a person approved does not stay as it was."""

_CLOCKS_APART: Final = 300.0
"""Seconds by which the clock of the machine that made a plan may be ahead."""

SHORTEST_HASH: Final = 8
"""Characters of a plan's hash that an approval needs at least."""

SHOWN_HASH: Final = 12
"""Characters of a plan's hash that a sentence about an approval shows."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that was made and may be approved. `made_at` is in POSIX seconds."""

    sha256: str
    made_at: PosixSeconds
    identity: Mapping[str, Any]

    @property
    def expires_at(self) -> PosixSeconds:
        """When it is no longer good, in POSIX seconds."""
        return PosixSeconds(self.made_at + VALID_FOR)

    @property
    def selection(self) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
        """The terms of --select and --exclude, and whether the failed are retried."""
        chosen = self.identity["selection"]
        return tuple(chosen["select"]), tuple(chosen["exclude"]), bool(chosen["retry_failed"])

    @property
    def nonce(self) -> str:
        """What the contents of its campaigns are sealed with, in hexadecimal; empty in plans of earlier versions."""
        return str(self.identity.get("nonce", ""))

    @property
    def has_details(self) -> bool:
        """Whether it covers what only a call for each campaign names, such as the sender."""
        return any("sender" in start.get("content", ()) for start in self.identity["starts"])


def proposal_record(plan: Plan, records: Iterable[Record], run_id: str, now: PosixSeconds) -> Record:
    """The record of a plan that was made now: its hash alone can then be approved. `records` are its launch's."""
    number = 1 + sum(record.kind == PLANNED for record in records)
    return RunRecords(plan.launch, run_id, lambda: now).planned(number, plan.sha256, plan.identity)


def find(records: Iterable[Record], start_of_hash: str, again: str) -> Proposal:
    """The newest plan of this launch whose hash begins with `start_of_hash`. Raises Refused where none does.

    `again` is the command that makes a plan, which comes next.
    """
    found = [r for r in records if r.kind == PLANNED and str(r.data["plan_sha256"]).startswith(start_of_hash.lower())]
    if not found:
        raise Refused(
            f"no plan in this ledger has a hash that begins with {start_of_hash[:16]}",
            next_step=again,
        )
    data = found[-1].data
    return Proposal(data["plan_sha256"], found[-1].at, unpacked_value(data["identity"]))


def read(document: Any) -> Proposal:
    """The plan in a file of `plan -o`. Raises PlanInvalid for a file that is not one, or was changed by hand."""
    try:
        proposal = Proposal(
            str(document["plan_sha256"]), PosixSeconds(float(document["made_at"])), dict(document["identity"])
        )
        own = plan_hash.sha256(proposal.identity)
        # Read once here: a missing part is then a fault of the file, and not a crash later on.
        _ = proposal.selection, [(start["stream"], start["campaign"]) for start in proposal.identity["starts"]]
    except (TypeError, KeyError, ValueError) as error:
        raise PlanInvalid("the file is not a plan", next_step="make one with plan and its option -o") from error
    # A person approved what the file showed. An edit must not pass under the old hash.
    if own != proposal.sha256:
        raise PlanInvalid(
            f"the plan was changed after it was made: its contents have the hash {own[:16]}, "
            f"it says {proposal.sha256[:16]}",
            next_step="make a new one with plan and its option -o",
        )
    return proposal


def check(proposal: Proposal, plan: Plan, records: Sequence[Record], now: PosixSeconds, again: str) -> None:
    """Raise Refused where the proposal is not the plan of now, is too old, or was used up by a start.

    `now` is when it is to be run, in POSIX seconds: a run that waits for its time asks for then.
    `again` is the command that makes a plan, which comes next.
    """
    changed = plan_hash.drift(proposal.identity, plan.identity)
    # First: a run that used the plan has changed it as well, and "used" is the cause that a person needs.
    if is_used(proposal, records):
        raise Refused("the plan was used: a run of it got a permit; a plan is for one run", next_step=again)
    if changed:
        # On one line: a message may hold foreign text, whose line ends are not printed as such.
        raise Refused(f"the plan has changed since it was made: {'; '.join(changed)}", next_step=again)
    if proposal.made_at > now + _CLOCKS_APART:
        # It would be good for longer than a day, and its use would look older than it is.
        ahead = duration(round(proposal.made_at - now))
        raise Refused(f"the plan was made {ahead} from now: a clock was ahead, here or there", next_step=again)
    if now > proposal.expires_at:
        age = duration(now - proposal.made_at)
        raise Refused(f"the plan is {age} old when it is run, and good for {duration(VALID_FOR)}", next_step=again)


def without_changed(proposal: Proposal, plan: Plan, again: str, *, is_binding: bool) -> Plan:
    """The plan, with the campaigns held that would not send what the proposal says. `again` makes a new plan.

    Raises Refused for the first ones of them where the proposal `is_binding`.
    """
    changes = plan_hash.content_changes(proposal.identity, plan.identity)
    if not changes:
        return plan
    told = {e.key: f"{content.words(changes[e.key])} changed since the plan" for e in plan.entries if e.key in changes}
    if is_binding:
        named = [f"{e.name or e.key}: {told[e.key]}" for e in plan.entries if e.key in told]
        raise Refused(f"not what was approved: {'; '.join(plan_hash.shortened(named))}", next_step=again)
    held = (replace(e, decision=changed(told[e.key])) if e.key in told else e for e in plan.entries)
    return replace(plan, entries=tuple(held))


def is_used(proposal: Proposal, records: Sequence[Record]) -> bool:
    """Whether a run of this plan, begun since it was made, got a permit."""
    runs = {
        r.run_id
        for r in records
        if r.kind == RUN and header_of(r).get("plan_sha256") == proposal.sha256 and r.at >= proposal.made_at
    }
    # A run that ended before its first permit has sent nothing, and leaves the plan unused.
    return any(r.kind == Event.INTENT and r.run_id in runs for r in records)


def check_not_too_late(manifest: Manifest, at: PosixSeconds) -> None:
    """Raise Refused where `at`, in POSIX seconds, is `not_after` or later."""
    end = manifest.not_after
    if end is not None and at >= end.at:
        raise Refused(
            f"not_after is {end.words()}, and the run would start at {StartTime(at, end.zone).words()}",
            next_step="change not_after once the launch may still be sent",
        )


def check_cap(plan: Plan, most: int | None, flag: int | None = None) -> None:
    """Raise Refused where the plan has more starts than `limits.max_starts` or a tighter `--max-starts` allows."""
    starts = plan.count(Action.START)
    caps = {"limits.max_starts": most, "--max-starts": flag}
    # The tighter of the two: a flag cannot raise what the manifest allows.
    name, cap = min(
        ((name, cap) for name, cap in caps.items() if cap is not None), key=lambda pair: pair[1], default=("", None)
    )
    if cap is not None and starts > cap:
        raise Refused(
            f"the plan has {plural(starts, 'start')}, {name} allows {cap}", next_step=f"raise {name}, or use --select"
        )
