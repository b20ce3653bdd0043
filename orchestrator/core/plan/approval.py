"""Approval of a plan, for this plan and no other, for a day and one run (design section 6); and the cap of starts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from orchestrator.core import content
from orchestrator.core.journal.records import RUN, header_of
from orchestrator.core.journal.states import Event
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan import plan_hash
from orchestrator.core.plan.decision import Action, Decision, changed
from orchestrator.core.plan.plan import Entry, Plan
from orchestrator.core.plan.proposal import VALID_FOR, Proposal
from orchestrator.core.text import duration, plural
from orchestrator.errors import Refused
from orchestrator.model import CampaignKey, Outcome, PosixSeconds, Reason, Record

_CLOCKS_APART: Final = 300.0
"""Seconds by which the clock of the machine that made a plan may be ahead."""


def check(proposal: Proposal, plan: Plan, records: Sequence[Record], now: PosixSeconds, again: str) -> None:
    """Raise Refused if the proposal is not the plan of now, is too old, or was used up by a start.

    `now` is when it is to be run, in POSIX seconds: a run that waits for its time asks for then.
    `again` is the command that makes a plan, which comes next.
    """
    changed = plan_hash.drift(proposal.identity, plan.identity)
    # This check comes first: a run that used the plan has changed it as well, and "used" is the reason that a person
    # needs.
    if is_used(proposal, records):
        raise Refused("the plan was used: a run of it got a permit; a plan is for one run", next_step=again)
    if changed:
        # On one line: a message may hold foreign text, whose line ends are not printed as such.
        raise Refused(f"the plan has changed since it was made: {'; '.join(changed)}", next_step=again)
    check_age(proposal, now, again)


def check_age(proposal: Proposal, now: PosixSeconds, again: str) -> None:
    """Raise Refused if the plan is too old, or was made in the future. `again` comes next."""
    if proposal.made_at > now + _CLOCKS_APART:
        # Such a plan would be valid for longer than a day, and its use would look older than it is.
        ahead = duration(round(proposal.made_at - now))
        raise Refused(f"the plan was made {ahead} from now: a clock was ahead, here or there", next_step=again)
    if now > proposal.expires_at:
        age = duration(now - proposal.made_at)
        raise Refused(f"the plan is {age} old when it is run, and good for {duration(VALID_FOR)}", next_step=again)


def check_covers(proposal: Proposal, again: str) -> None:
    """Raise Refused for a plan whose campaigns could be edited without a trace. `again` makes a new plan."""
    if not proposal.nonce:
        raise Refused("the plan does not cover what its campaigns would send", next_step=again)


def without_changed(proposal: Proposal, plan: Plan, again: str, *, is_binding: bool) -> Plan:
    """The plan under the proposal's hash, with the campaigns held that would not send what the proposal says.

    `again` makes a new plan. Raises Refused for the first ones of them where the proposal `is_binding`.
    """
    if is_binding:
        check_covers(proposal, again)
    told = _unlike(proposal, plan, is_binding=is_binding)
    if is_binding and told:
        named = [f"{e.name or e.key}: {told[e.key]}" for e in plan.entries if e.key in told]
        raise Refused(f"not what was approved: {'; '.join(plan_hash.shortened(named))}", next_step=again)
    # By its own hash, which an edit or a list's size changes, nobody could tell that this plan was used.
    return replace(_held(plan, told), sha256=proposal.sha256)


def held_unlike(proposal: Proposal, plan: Plan) -> Plan:
    """A fleet's lane, with the campaigns held that would not send what was approved: other lanes go on.

    Nor is one started that has run since the approval, even where its `rerun` allows that.
    """
    others = plan_hash.start_changes(proposal.identity, plan.identity)
    told = {key: f"its start is not the approved one: {'; '.join(changes)}" for key, changes in others.items()}
    return _held(plan, {**told, **_unlike(proposal, plan, is_binding=True)})


def _held(plan: Plan, told: Mapping[CampaignKey, str]) -> Plan:
    if not told:
        return plan
    held = (replace(e, decision=changed(told[e.key])) if e.key in told else e for e in plan.entries)
    return replace(plan, entries=tuple(held))


def _unlike(proposal: Proposal, plan: Plan, *, is_binding: bool) -> dict[CampaignKey, str]:
    """By campaign, in words, what it would send that differs from the proposal."""
    changes = plan_hash.content_changes(proposal.identity, plan.identity, is_binding=is_binding)
    told = {key: f"{content.words(names)} changed since the plan" for key, names in changes.items()}
    return {**_miscounted(proposal, plan), **told}


def _miscounted(proposal: Proposal, plan: Plan) -> dict[CampaignKey, str]:
    """By campaign, where the plan's file shows another number of recipients than there are: its hash has none.

    A number that nobody can check counts as another one: it may have been written into the file.
    """
    starts = (one for one in plan.entries if one.decision.action is Action.START)
    return {
        one.key: f"the plan shows {plural(shown, 'recipient')}, and "
        + ("how many there are is unknown" if one.recipients is None else f"there are {one.recipients:,}")
        for one in starts
        if (shown := proposal.shown.get(one.key)) is not None and shown != one.recipients
    }


def approved_part(proposal: Proposal, plan: Plan, records: Sequence[Record], now: PosixSeconds, again: str) -> Plan:
    """A fleet's plan as far as it was approved, under the approved hash: the workers may leave out more, and add none.

    `plan` is made without the live state, and so may have more starts. Raises Refused as `check` does.
    """
    if is_used(proposal, records):
        raise Refused("the plan was used: a run of it got a permit; a plan is for one run", next_step=again)
    approved = {f"{start['stream']}/{start['campaign']}" for start in proposal.identity["starts"]}
    entries = tuple(entry if entry.key in approved else _left_out(entry) for entry in plan.entries)
    part = replace(plan, entries=entries, sha256=proposal.sha256)
    # The decisions by live state, and the version that makes the plan, are only known when the workers begin.
    seen = {**part.identity, "tool_version": proposal.identity.get("tool_version")}
    if other := plan_hash.drift(proposal.identity, _as_known(seen, proposal)):
        raise Refused(f"the plan has changed since it was made: {'; '.join(other)}", next_step=again)
    check_age(proposal, now, again)
    return part


def _left_out(entry: Entry) -> Entry:
    if entry.decision.action is not Action.START:
        return entry
    message = "not in the approved plan"
    return replace(entry, decision=Decision(Action.SKIP, Outcome.SKIPPED, Reason.DESELECTED, message))


def _as_known(identity: Mapping[str, Any], proposal: Proposal) -> Mapping[str, Any]:
    """The identity, with the live state of each start taken from the proposal, because no live state was read."""
    known = {(one["stream"], one["campaign"]): one for one in proposal.identity["starts"]}
    names = plan_hash.WITHOUT_LIVE_STATE
    starts = [
        {**known[one["stream"], one["campaign"]], **{name: one[name] for name in names}} for one in identity["starts"]
    ]
    return {**identity, "starts": starts}


def is_used(proposal: Proposal, records: Sequence[Record]) -> bool:
    """Whether a run of this plan got a permit.

    Plans of earlier versions had no nonce, and the same hash when they were made again: there the run must have begun
    since.
    """
    headers = [(r.run_id, header_of(r), r.at) for r in records if r.kind == RUN]
    runs = {
        run
        for run, header, at in headers
        if header.get("plan_sha256") == proposal.sha256 and (proposal.nonce or at >= proposal.made_at)
    }
    # A fleet's starts are those of its lanes, each a run of its own.
    runs |= {run for run, header, _ in headers if header.get("part_of") in runs}
    # A run that ended before its first permit has sent nothing, and leaves the plan unused.
    return any(r.kind == Event.INTENT and r.run_id in runs for r in records)


def check_not_too_late(manifest: Manifest, at: PosixSeconds) -> None:
    """Raise Refused if `at`, in POSIX seconds, is `not_after` or later."""
    end = manifest.not_after
    if end is not None and at >= end.at:
        raise Refused(
            f"not_after is {end.words()}, and the run would start at {StartTime(at, end.zone).words()}",
            next_step="change not_after once the launch may still be sent",
        )


def check_cap(plan: Plan, most: int | None, flag: int | None = None) -> None:
    """Raise Refused if the plan has more starts than `limits.max_starts` or a tighter `--max-starts` allows."""
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
