"""A plan on stdout, for a person or a machine."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from orchestrator.console.render import SCHEMA_VERSION
from orchestrator.console.terminal import plain
from orchestrator.core.audience import Audience, sentence
from orchestrator.core.journal.states import CampaignState, State
from orchestrator.core.manifest.signers import Signers
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.estimate import Estimate, PlannedLaunch
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.proposal import VALID_FOR
from orchestrator.core.plan.recipients import audience
from orchestrator.core.result.build import timestamp
from orchestrator.core.result.texted import recipients_json
from orchestrator.core.text import command_line, duration, plural, titled
from orchestrator.model import CampaignKey, PosixSeconds

_MOST_LISTED: Final = 40
"""Campaigns of a plan that are shown one by one."""
_MOST_REASONS: Final = 10


def text(planned: PlannedLaunch, *, is_full: bool = False) -> str:
    """What would be sent, in order, when at the earliest, and why the rest would not.

    Of a large plan the counts by wave and account, unless `is_full`.
    """
    plan, proposal, ahead, notes = planned.plan, planned.proposal, planned.estimate, planned.notes
    counts = (
        f"{plan.count(Action.START)} to start, {plan.count(Action.JUDGE)} to check, {plan.count(Action.SKIP)} to skip"
    )
    # 1. The campaigns, in the order in which they are sent.
    where = f" in environment {plan.facts['environment']}" if "environment" in plan.facts else ""
    is_listed = is_full or len(plan.entries) <= _MOST_LISTED
    lines = [f"plan for launch {plan.launch}{where}: {counts}", *recipients_line(plan)]
    lines += _listed(plan, ahead) if is_listed else _counted(plan, ahead)
    # 2. What it takes.
    calls = ", ".join(f"{name} {count}" for name, count in ahead.calls.items())
    texts = " plus the texting that waves wait for," if any(gate.at is None for gate in ahead.gates) else ""
    least = f"{duration(ahead.seconds)}{texts} and {plural(sum(ahead.calls.values()), 'call')}"
    lines.append(f"takes at least {least} ({calls})")
    lines += ahead.texting.sentences()
    # 3. What its reader should know before approving it, and the hash to approve it by.
    lines += [f"rule: {rule}" for rule in plan.rules]
    lines += [f"warning: {plain(warning)}" for warning in plan.warnings]
    lines += [f"note: {plain(note)}" for note in notes]
    lines.append(f"good until {timestamp(proposal.expires_at)} ({duration(VALID_FOR)}), for one run")
    return "\n".join([*lines, f"plan hash {plan.sha256}"]) + "\n"


def retries(plan: Plan, states: Mapping[CampaignKey, CampaignState]) -> str:
    """Per campaign that failed or is unknown, a line: whether it is sent again, and why."""
    lines = []
    for entry in plan.entries:
        state = states.get(entry.key)
        if state is None or state.state not in {State.FAILED, State.UNKNOWN}:
            continue
        is_sent = entry.decision.action is Action.START
        why = f"certainly not started ({state.answer.message})" if is_sent else entry.decision.message
        lines.append(f"{'retry' if is_sent else 'no retry'}: {entry.key}: {plain(why)}\n")
    return "".join(lines)


def next_commands(rule: Signers | str, manifest: Sequence[str], output: Path | None) -> tuple[str, ...]:
    """What to type where the plan needs signatures. `manifest` are the words that name it, `output` the plan's file."""
    if not isinstance(rule, Signers):
        return ()
    if output is None:
        return (f"approval: sign a plan's file: {command_line('plan', *manifest, '-o', 'plan.json')}",)
    file = str(output)
    names = [f"{file}.sig", *(f"{file}.{number}.sig" for number in range(2, rule.required + 1))]
    signing = [command_line("approve", file, *(("-o", name) if number else ())) for number, name in enumerate(names)]
    running = command_line("run", *manifest, "--plan", file, *(word for name in names for word in ("--approval", name)))
    return (*(f"next: {line}" for line in signing), f"then: {running}")


def recipients_line(plan: Plan) -> list[str]:
    """How many people the plan would text, in all and by account; no line where it starts nothing."""
    people = sentence(audience(plan))
    return [f"recipients: {plain(people)}"] if people else []


def _listed(plan: Plan, ahead: Estimate) -> list[str]:
    """A line for each campaign."""
    behind = _behind(plan, ahead)
    wide = _width(ahead, behind)
    lines = [f"  action  {'earliest':{wide}}  recipients  wave      account     campaign"]
    for entry in plan.entries:
        outcome = f"{entry.decision.outcome or ''}: " if entry.decision.action is not Action.START else ""
        why = f"  {outcome}{plain(entry.decision.message)}" if entry.decision.message else ""
        early = _early(ahead, ahead.earliest.get(entry.key), behind.get(entry.wave))
        early = "held" if entry.key in ahead.held else early
        people = _people(Audience.of([entry.recipients])) if entry.decision.action is Action.START else "-"
        columns = f"{entry.decision.action:6}  {early:{wide}}  {people:>10}  {entry.wave:8}  {entry.account:10}"
        lines.append(f"  {columns}  {plain(titled(entry.name, entry.key))}{why}")
    return lines


def _counted(plan: Plan, ahead: Estimate) -> list[str]:
    """A line for each wave and account, and one for each reason to skip; in the plan's order."""
    counts: dict[tuple[str, str], Counter[Action]] = {}
    earliest: dict[tuple[str, str], list[float]] = {}
    skipped: Counter[str] = Counter()
    people: dict[tuple[str, str], list[int | None]] = {}
    for entry in plan.entries:
        place = entry.wave, entry.account
        counts.setdefault(place, Counter())[entry.decision.action] += 1
        if entry.decision.action is Action.START:
            people.setdefault(place, []).append(entry.recipients)
        if (early := ahead.earliest.get(entry.key)) is not None:
            earliest.setdefault(place, []).append(early)
        if entry.decision.action is Action.SKIP:
            skipped[f"{entry.decision.outcome or 'skipped'}: {plain(entry.decision.message)}"] += 1
    behind = _behind(plan, ahead)
    wide = _width(ahead, behind)
    lines = [f"    start   check    skip  {'first':{wide}}  {'last':{wide}}  recipients  wave      account"]
    for (wave, account), own in counts.items():
        numbers = "  ".join(f"{own[action]:>6,}" for action in (Action.START, Action.JUDGE, Action.SKIP))
        times = earliest.get((wave, account), [])
        first, last = (_early(ahead, of(times), behind.get(wave)) if times else "-" for of in (min, max))
        shown = _people(Audience.of(people[wave, account])) if (wave, account) in people else "-"
        lines.append(f"   {numbers}  {first:{wide}}  {last:{wide}}  {shown:>10}  {wave:8}  {account}")
    lines += [f"  skip {count:,}: {why}" for why, count in skipped.most_common(_MOST_REASONS)]
    lines += (
        [f"  skip for {plural(len(skipped) - _MOST_REASONS, 'more reason')}"] if len(skipped) > _MOST_REASONS else []
    )
    return [*lines, "  --full lists the campaigns one by one"]


def _people(people: Audience) -> str:
    """`12,400`, or `12,400 +?` where those of some campaigns are unknown, or `?` where those of all are."""
    if not people.unknown:
        return f"{people.known:,}"
    return f"{people.known:,} +?" if people.known else "?"


def _behind(plan: Plan, ahead: Estimate) -> dict[str, str]:
    """By wave, what is said in place of a time that nobody knows: `after canary`."""
    waits = ahead.waits_for(dict.fromkeys(entry.wave for entry in plan.entries))
    return {wave: f"after {other}" for wave, other in waits.items()}


def _width(ahead: Estimate, behind: Mapping[str, str]) -> int:
    return max([20 if ahead.is_dated else 10, *map(len, behind.values())])


def _early(ahead: Estimate, seconds: float | None, instead: str | None = None) -> str:
    if seconds is None:
        return "-"
    if instead is not None:
        return instead
    if ahead.is_dated:
        # A start may leave from then on, so the second is rounded up.
        return f"{timestamp(PosixSeconds(math.ceil(round(ahead.begins + seconds, 3))))[:-5]}Z"
    return f"+{duration(seconds)}" if seconds >= 1 else "at once"


def as_json(planned: PlannedLaunch) -> dict[str, Any]:
    """The plan's document: `identity` is what its hash covers, the rest is for its reader."""
    plan, proposal, ahead, notes = planned.plan, planned.proposal, planned.estimate, planned.notes
    waits = ahead.waits_for(dict.fromkeys(entry.wave for entry in plan.entries))
    campaigns = [
        {
            **entry.as_row()._asdict(),
            "earliest_s": _rounded(early),
            "starts_at": _starts_at(ahead, early),
            "waits_for_wave": waits.get(entry.wave) if early is not None else None,
        }
        for entry in plan.entries
        for early in [ahead.earliest.get(entry.key)]
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "launch": plan.launch,
        "plan_sha256": plan.sha256,
        "identity": dict(plan.identity),
        "made_at": proposal.made_at,
        "planned_by": list(proposal.planned_by),
        "expires_at": timestamp(proposal.expires_at),
        "begins_at": timestamp(ahead.begins),
        "calls": dict(ahead.calls),
        "seconds": _rounded(ahead.seconds),
        "recipients": recipients_json(audience(plan)),
        "campaigns": campaigns,
        "rules": list(plan.rules),
        "warnings": list(plan.warnings),
        "notes": list(notes),
        **({"texting": ahead.texting.as_json()} if ahead.texting.end is not None else {}),
    }


def _starts_at(ahead: Estimate, seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(PosixSeconds(ahead.begins + seconds))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
