"""A run in words: exit codes, outcomes, and its campaigns by their reasons."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from orchestrator.core.delivery.delivery import DeliveryState
from orchestrator.core.result.delivered import DeliveryResult
from orchestrator.core.result.types import CampaignResult, Result
from orchestrator.core.text import duration, plural
from orchestrator.model import Outcome, Reason

# Controls, lone surrogates, and what turns text around or hides it: a name of these could look like another one.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text with everything that could hide or reorder a part of it written as an escape."""
    return _HIDDEN.sub(lambda found: found.group().encode("unicode_escape", "surrogatepass").decode(), text)


def headline(result: Result) -> str:
    """The run's result in one sentence: the first that applies."""
    count = {outcome: plural(result.totals[outcome], "campaign") for outcome in Outcome}
    there_are = {outcome: result.totals[outcome] > 0 for outcome in Outcome}
    sayings = (
        (result.exit_code == 13, "The journal failed during the run"),
        (not result.campaigns, "There was nothing to start"),
        (there_are[Outcome.UNKNOWN], f"{count[Outcome.UNKNOWN]} may or may not have started: a person must look"),
        (bool(result.run["stop"]), f"Stopped early: {count[Outcome.HELD]} held"),
        (there_are[Outcome.HELD], f"{count[Outcome.HELD]} held"),
        (there_are[Outcome.FAILED], f"{count[Outcome.FAILED]} failed, and certainly did not start"),
        (result.exit_code == 10, f"{count[Outcome.SKIPPED]} could not be started"),
        (there_are[Outcome.STARTED], f"{count[Outcome.STARTED]} started"),
        (True, "Nothing was left to start"),
    )
    return next(words for applies, words in sayings if applies)


def by_reason(campaigns: Iterable[CampaignResult], outcome: Outcome) -> Mapping[Reason, tuple[CampaignResult, ...]]:
    """The campaigns of one outcome by their reason, the largest group first."""
    groups: dict[Reason, list[CampaignResult]] = {}
    for campaign in campaigns:
        if campaign.outcome is outcome:
            groups.setdefault(campaign.reason, []).append(campaign)
    return {reason: tuple(groups[reason]) for reason in sorted(groups, key=lambda r: (-len(groups[r]), r))}


_VERDICTS: Final = {
    0: ("started", "everything is started"),
    10: ("failed", "some campaigns were not started"),
    11: ("unknown", "a person must look"),
    12: ("held", "stopped before its plan was done"),
    13: ("journal_failed", "the journal failed and sending stopped"),
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


def halted(result: Result) -> list[CampaignResult]:
    """Started campaigns that need somebody: what is stalled first, then what is stopped, paused or gone."""
    if result.delivery is None:
        return []
    ranked = [(rank, one) for one in result.campaigns if (rank := _halt_rank(one.delivery)) is not None]
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]


_HALTS: Final = (DeliveryState.STOPPED, DeliveryState.PAUSED, DeliveryState.GONE)


def _halt_rank(delivery: DeliveryResult | None) -> int | None:
    if delivery is None:
        return None
    if delivery["is_stalled"]:
        return 0
    return 1 + _HALTS.index(delivery["state"]) if delivery["state"] in _HALTS else None


def delivery_words(delivery: DeliveryResult | None) -> str:
    """What became of a campaign: `stalled for 12 min, 80 of 100 sent`; empty if nobody followed it."""
    if delivery is None:
        return ""
    idle = f" for {duration(delivery['stalled_for_s'] or 0)}" if delivery["is_stalled"] else ""
    state = "stalled" if delivery["is_stalled"] else str(delivery["state"])
    people = "" if delivery["recipients"] is None else f" of {delivery['recipients']:,}"
    sent = "" if delivery["sent"] is None else f", {delivery['sent']:,}{people} sent"
    return f"{state}{idle}{sent}"
