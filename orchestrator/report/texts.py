"""What the writers share: a run in words, and its campaigns by why they ended so."""

from collections.abc import Iterable, Mapping
from typing import Final

from orchestrator.core.result.types import CampaignResult, Result
from orchestrator.model import Outcome, Reason


def by_reason(campaigns: Iterable[CampaignResult], outcome: Outcome) -> Mapping[Reason, tuple[CampaignResult, ...]]:
    """The campaigns of one outcome by their reason, the largest group first."""
    groups: dict[Reason, list[CampaignResult]] = {}
    for campaign in campaigns:
        if campaign.outcome is outcome:
            groups.setdefault(campaign.reason, []).append(campaign)
    return {reason: tuple(groups[reason]) for reason in sorted(groups, key=lambda r: (-len(groups[r]), r))}


def count(number: int, noun: str = "campaign") -> str:
    """`1 campaign`, `2 campaigns`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


_VERDICTS: Final = {
    0: ("started", "everything is started"),
    10: ("failed", "some campaigns were not started"),
    11: ("unknown", "a person must look"),
    12: ("held", "stopped before its plan was done"),
    13: ("journal_failed", "the journal failed and sending ceased"),
    129: ("interrupted", "interrupted"),
    130: ("interrupted", "interrupted"),
    143: ("interrupted", "interrupted"),
}


def outcome_word(exit_code: int) -> str:
    """A run's outcome as one stable word for a pipeline; 2 to 9, where nothing was sent, are `refused`."""
    if 2 <= exit_code <= 9:
        return "refused"
    return _VERDICTS.get(exit_code, ("error", ""))[0]


def verdict(result: Result) -> str:
    """How the run went, in words."""
    counts = ", ".join(f"{number} {word}" for word, number in result.totals.items() if number)
    return f"{_VERDICTS[result.exit_code][1]} ({counts or 'nothing to do'})"
