"""Records what people found out about unknown campaigns. Nothing here sends anything."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from orchestrator.app.journal_reader import open_ledger, pick_launch, result
from orchestrator.core.journal.decisions import Decision, read_decisions
from orchestrator.core.journal.records import resolution
from orchestrator.core.journal.states import UNRESOLVED, CampaignState, State
from orchestrator.core.manifest.models import Campaign
from orchestrator.core.plan.selection import Selection
from orchestrator.core.result.types import CampaignResult
from orchestrator.core.text import command_line, timestamp
from orchestrator.errors import DecisionsInvalid, NothingSelected, Refused
from orchestrator.ledger.machine_id import this_user
from orchestrator.model import CampaignKey, PosixSeconds

_MAX_BYTES: Final = 32 * 1024 * 1024
_MAX_SHOWN: Final = 10


def decisions_of(path: Path, default_reason: str) -> list[Decision]:
    """The decisions in a CSV file. Raises DecisionsInvalid with all its faults."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:  # if it were cut off, its last decisions would be lost silently
            raise DecisionsInvalid(f"{path} is larger than {_MAX_BYTES // 1024 // 1024} MiB: split it")
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DecisionsInvalid(f"{path} cannot be read: {why}") from None
    decisions, faults = read_decisions(text.splitlines(keepends=True), default_reason)
    if faults:
        more = f"; and {len(faults) - _MAX_SHOWN} more" if len(faults) > _MAX_SHOWN else ""
        raise DecisionsInvalid(f"{path}: {'; '.join(faults[:_MAX_SHOWN])}{more}")
    if not decisions:
        raise NothingSelected(f"{path} has no decision: write started or not-started in its column `decision`")
    return decisions


def unknown_campaigns(url: str, launch: str, selection: Selection) -> list[CampaignResult]:
    """The unknown campaigns of a launch that are selected, with what is known of each. Raises NothingSelected."""
    with open_ledger(url) as store:
        name = pick_launch(store, launch)
        campaigns = result(store, name).campaigns
        states = store.fold(store.stream(name))
    found = [
        one for one in campaigns
        if (state := states.get(one.key)) is not None and state.state in UNRESOLVED
        and selection.matches(_as_listed(one), state)
    ]  # fmt: skip
    if not found:
        raise NothingSelected(f"launch {name} has no unknown campaign" + (" among these" if selection.select else ""))
    return found


def _as_listed(one: CampaignResult) -> Campaign:
    """What a selection asks about. Journals of earlier versions have no tags."""
    return Campaign(stream=one.stream, campaign=one.campaign, account=one.account, tags=tuple(one.tags.split()))


def resolve(url: str, launch: str, decisions: Sequence[Decision], done: Callable[[Decision], None]) -> None:
    """Record decisions, each by itself; `done` is told of each that is on disk.

    All are checked before the first is recorded. Raises Refused, LaneLeased and LedgerError; where something changes
    after that check, the decisions that are recorded by then stay recorded.
    """
    with open_ledger(url) as store:
        name = pick_launch(store, launch)
        states, now = store.fold(store.stream(name)), store.time()
        # 1. All of them, before the first is on disk.
        refusals = [said for one in decisions if (said := _refusal(states.get(one.campaign), one.campaign, now))]
        if refusals:
            more = f"; and {len(refusals) - _MAX_SHOWN} more" if len(refusals) > _MAX_SHOWN else ""
            status = command_line("status", name, ledger=url)
            raise Refused("; ".join(refusals[:_MAX_SHOWN]) + more, next_step=status)
        # 2. Each in a transaction of its own. Refused while a run holds the lane: it may be finding out by itself.
        for one in decisions:
            state = states[one.campaign]
            store.append(
                resolution(
                    name, one.campaign, state.attempt, state.lane,
                    is_started=one.is_started, by=this_user(), reason=one.reason, now=now,
                ),
                now,
            )  # fmt: skip
            done(one)


def _refusal(state: CampaignState | None, campaign: CampaignKey, now: PosixSeconds) -> str:
    """Why a person may not resolve a campaign at `now` (POSIX seconds); empty if they may."""
    # Only unknown campaigns: "not started" about any other would allow a second start.
    if state is None or state.state not in UNRESOLVED:
        found = f"is {state.state}" if state else "was never attempted in this launch"
        return f"{campaign} {found}, not unknown: there is nothing to resolve"
    # The host of an open intent may be suspended, and send until the deadline; then its request takes its timeout.
    deadline = float(state.intent.get("deadline", 0.0))
    until = PosixSeconds(deadline + max(0.0, deadline - (state.intent_at or deadline)))
    if state.state is State.INTENDED and now < until:
        return f"{campaign}: its start may still be on its way; resolve it after {timestamp(until)}"
    return ""
