"""What the writers share: campaigns grouped by why, and foreign text made harmless for a line of its own."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from orchestrator.core.result import CampaignResult, Result
from orchestrator.model import Outcome, Reason

_CONTROLS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029"  # would break the line, or speak to the terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # would turn the rest of the line around
    "\ud800-\udfff\ufffe\uffff]"  # no characters at all; UTF-8 and XML refuse them
)

REPLACEMENT: Final = "\ufffd"


def one_line(text: str) -> str:
    """The text without anything that ends its line, turns it around or cannot be encoded."""
    return _CONTROLS.sub(REPLACEMENT, text)


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
