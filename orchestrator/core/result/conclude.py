"""The outcome of one campaign, and the exit code of a run from the outcomes of all its campaigns."""

from collections.abc import Iterable
from typing import Final

from orchestrator.core.exit_codes import ExitCode, signal_code
from orchestrator.core.journal.states import CampaignState, Event, State
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.result.types import CampaignResult
from orchestrator.model import Outcome, Reason, Stop, StopReason

_NO_ANSWER: Final = "the run ended before the answer was known"
UNASKED: Final = frozenset({Reason.DISABLED, Reason.DESELECTED})
"""Reasons to skip a campaign that its owner gave: they leave a run successful."""
_HOW_STARTED: Final = {
    Event.ACCEPTED: Reason.ACCEPTED,
    Event.EVIDENCE: Reason.EVIDENCE,
    Event.RESOLVED_STARTED: Reason.RESOLVED,
}
_SEEN_SINCE: Final = frozenset({Reason.LIVE_STATE, Reason.NOT_FOUND})
"""Reasons of a plan that are newer than a failure in the journal: preflight read the live state after it."""


def outcome_of(
    decision: Decision, campaign: CampaignState | None, stop: Stop | None, held: tuple[str, str] | None = None
) -> tuple[Outcome, Reason, str]:
    """The one outcome of a campaign, its reason, and the reason in words.

    `campaign` is its state in the journal, None if the journal has nothing about it; `stop` is why the run ended
    early; `held` is the reason, and the same in words, why this campaign alone was held.
    """
    proven = _proven(decision, campaign) if campaign else None
    is_skipped = decision.outcome is Outcome.SKIPPED
    # 1. What this run's plan skips is skipped, no matter what earlier runs did. But an unknown campaign stays in sight.
    if is_skipped and proven is not None and proven[0] is Outcome.UNKNOWN:
        return *proven[:2], f"{proven[2]} (left out of this run: {decision.message})"
    # 2. What the journal proves is newer than what the plan expected.
    if proven is not None and not is_skipped:
        return proven
    # 3. Held for its own reason: by the run, which may know more than its plan did.
    if held is not None and decision.outcome in {None, Outcome.HELD}:
        return Outcome.HELD, Reason(held[0]), held[1]
    # 4. What the plan decided, such as "not found".
    if decision.outcome is not None and decision.reason is not None:
        return decision.outcome, decision.reason, decision.message
    # 5. To be started, but not attempted: held by its window, or by the stop.
    if stop is None:
        return Outcome.HELD, Reason.WINDOW, "its window is closed"
    return Outcome.HELD, Reason.STOPPED, f"not started: {stop.detail}"


def under_way(outcome: Outcome, reason: Reason, message: str) -> tuple[Outcome, Reason, str]:
    """The same for a campaign of a run that is going on: what `outcome_of` tells of its end is not so yet."""
    if outcome is Outcome.HELD and reason is not Reason.CHANGED:
        return outcome, Reason.WAITING, "its turn has not come yet"
    if reason is Reason.OPEN_INTENT:
        return outcome, Reason.IN_FLIGHT, "its start is on its way" if message == _NO_ANSWER else message
    return outcome, reason, message


def _proven(decision: Decision, campaign: CampaignState) -> tuple[Outcome, Reason, str] | None:
    """What the journal alone proves; None if it proves no outcome."""
    message = campaign.answer.message
    if campaign.state is State.STARTED:
        return _started(decision, campaign, message)
    if campaign.state is State.CLEARED:
        return (
            Outcome.HELD,
            Reason.RESOLVED,
            f"a person recorded that it was not started ({message}); run again to start",
        )
    if campaign.state is State.FAILED and decision.reason not in _SEEN_SINCE:
        return Outcome.FAILED, _why_failed(decision, campaign), message
    if campaign.state is State.UNKNOWN:
        return Outcome.UNKNOWN, Reason.NO_EVIDENCE, message
    if campaign.state in {State.INTENDED, State.SUSPECT}:
        return Outcome.UNKNOWN, Reason.OPEN_INTENT, message or _NO_ANSWER
    return None


def _started(decision: Decision, campaign: CampaignState, message: str) -> tuple[Outcome, Reason, str]:
    if decision.action is Action.SKIP:
        return Outcome.ALREADY_STARTED, Reason.JOURNAL, "started by an earlier run of this launch"
    return Outcome.STARTED, _HOW_STARTED[campaign.last_event or Event.ACCEPTED], message


def _why_failed(decision: Decision, campaign: CampaignState) -> Reason:
    if decision.action is Action.SKIP:
        return Reason.FAILED_BEFORE
    return Reason.GAVE_UP if campaign.last_event is Event.GAVE_UP else Reason.REJECTED


def exit_code(campaigns: Iterable[CampaignResult], stop: Stop | None) -> ExitCode:
    """The exit code of a run; where several apply: 13, 11, 130 (143, 129), 12, 10, 0 (design section 6)."""
    return code_of(((campaign.outcome, campaign.reason) for campaign in campaigns), stop)


def code_of(outcomes_and_reasons: Iterable[tuple[Outcome, Reason]], stop: Stop | None) -> ExitCode:
    """`exit_code` from the campaigns' outcomes and reasons alone."""
    # A million campaigns have a few dozen pairs.
    outcomes = set(outcomes_and_reasons)
    # The first that applies: what a person must look at comes before what went well enough.
    if stop is not None and stop.reason is StopReason.JOURNAL:
        return ExitCode.JOURNAL
    if any(outcome is Outcome.UNKNOWN and reason is not Reason.IN_FLIGHT for outcome, reason in outcomes):
        return ExitCode.UNKNOWN
    if (code := signal_code(stop)) is not None:
        return code
    if stop is not None or any(o is Outcome.HELD or r is Reason.IN_FLIGHT for o, r in outcomes):
        return ExitCode.STOPPED
    if any(o is Outcome.FAILED or (o is Outcome.SKIPPED and r not in UNASKED) for o, r in outcomes):
        return ExitCode.FAILED
    return ExitCode.OK
