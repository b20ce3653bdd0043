"""What happens to one campaign, by the rules for its live state and for the starts of other launches."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from orchestrator.core.manifest.models import Campaign, Manifest, Preflight
from orchestrator.core.plan.repeat_guard import PreviousStart
from orchestrator.model import LiveState, Outcome, Reason

RERUN_STATES: Final = frozenset({"completed", "stopped", "rerun"})
"""States, in lower case, in which a start would text the list again."""

_SCHEDULED_STATES: Final = frozenset({"scheduled", "rescheduled"})


class Action(StrEnum):
    """What the engine does with a campaign."""

    START = "start"
    JUDGE = "judge"  # an open intent of an earlier run: probe it, never send
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Decision:
    """One campaign's place in the plan. A skip knows its outcome; `reason` and `message` say why."""

    action: Action
    outcome: Outcome | None = None
    reason: Reason | None = None
    message: str = ""


START: Final = Decision(Action.START)
JUDGE: Final = Decision(Action.JUDGE, None, Reason.OPEN_INTENT, "an earlier run may have started it")
DISABLED: Final = Decision(Action.SKIP, Outcome.SKIPPED, Reason.DISABLED, "enabled: false in the manifest")
DESELECTED: Final = Decision(Action.SKIP, Outcome.SKIPPED, Reason.DESELECTED, "not in the selection")
STARTED_BEFORE: Final = Decision(Action.SKIP, Outcome.ALREADY_STARTED, Reason.JOURNAL, "started by an earlier run")


def changed(message: str) -> Decision:
    """Held, because it was edited after it was planned."""
    return Decision(Action.SKIP, Outcome.HELD, Reason.CHANGED, message)


def by_live_state(campaign: Campaign, live: LiveState | None, manifest: Manifest) -> Decision:
    """The decision by preflight's rules, if nothing else decides; `live` None: the platform has no such campaign."""
    if live is None:
        return Decision(Action.SKIP, Outcome.FAILED, Reason.NOT_FOUND, "the platform has no such campaign")
    # The rules go from campaigns that must not be started to those that may be. The first one that fits decides.
    status = live.status.casefold()
    if (by_itself := _without_us(live, status)) is not None:
        return by_itself
    if campaign.instance is not None and campaign.instance != live.instance_id:
        return _skip(Reason.RERUN, _another_instance(campaign.instance, live.instance_id))
    if status in RERUN_STATES:
        return _rerun(campaign, live, manifest.preflight)
    if status not in {s.casefold() for s in manifest.preflight.startable}:
        return _skip(Reason.NOT_STARTABLE, f"its state is {live.status!r}, which preflight.startable does not list")
    return _checked(live, manifest.preflight)


def _without_us(live: LiveState, status: str) -> Decision | None:
    if status == "active":
        return Decision(Action.SKIP, Outcome.ALREADY_STARTED, Reason.LIVE_STATE, "it is already Active")
    if status in _SCHEDULED_STATES or live.scheduled:
        return _skip(Reason.SCHEDULED, "it has a schedule and starts by itself")
    return None


def _rerun(campaign: Campaign, live: LiveState, preflight: Preflight) -> Decision:
    leave = f"rerun: {{instance: {live.instance_id}}}" if live.instance_id else "rerun: true"
    if not campaign.rerun:
        message = f"it is {live.status}: a start would text its whole list again ({leave} allows it)"
        return _skip(Reason.RERUN, message)
    decision = _checked(live, preflight)
    if campaign.rerun is not True or decision is not START or not live.instance_id:
        return decision
    return replace(START, message=f"again, whatever has run since: {leave} allows it once")


def _another_instance(wanted: str, last: str | None) -> str:
    ran = f"its last instance is {last}" if last else "it has none"
    return f"rerun is for instance {wanted}, and {ran}: a start could text its whole list once more"


def guarded(earlier: PreviousStart | None) -> Decision | None:
    """The decision by `repeat_guard` about an earlier start by another launch; None if there is none."""
    if earlier is None:
        return None
    at = datetime.fromtimestamp(earlier.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    verb = "started" if earlier.is_certain else "may have started"
    return _skip(Reason.REPEAT, f"launch {earlier.launch} {verb} it at {at}: repeat_guard (rerun: true allows it)")


def _checked(live: LiveState, preflight: Preflight) -> Decision:
    if preflight.require_dnc and not live.dnc_lists:
        return _skip(Reason.NO_DNC_LIST, "it has no DNC list, and preflight.require_dnc is set")
    return START


def _skip(reason: Reason, message: str) -> Decision:
    return Decision(Action.SKIP, Outcome.SKIPPED, reason, message)
