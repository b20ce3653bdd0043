"""Campaigns that another launch started a short while ago: `repeat_guard` of the manifest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.core.journal.states import State, fold
from orchestrator.model import CampaignKey, Lane, PosixSeconds, Record

_MAY_TEXT: Final = frozenset({State.STARTED, State.INTENDED, State.SUSPECT, State.UNKNOWN})
"""States in which people may have been texted: a start that nobody can rule out counts."""


@dataclass(frozen=True, slots=True)
class PreviousStart:
    """The newest start of a campaign by another launch. `at` is its intent, in POSIX seconds."""

    launch: str
    at: PosixSeconds
    is_certain: bool


def recent_starts(
    journals: Iterable[Iterable[Record]], own: str, since: PosixSeconds
) -> Mapping[tuple[Lane, CampaignKey], PreviousStart]:
    """By lane and campaign, what launches other than `own` started at `since` or later. Raises IllegalMove."""
    found: dict[tuple[Lane, CampaignKey], PreviousStart] = {}
    for records in journals:
        lines = list(records)
        if not lines or lines[0].launch == own:
            continue
        for key, history in fold(lines).items():
            at = history.intent_at
            if history.state not in _MAY_TEXT or at is None or at < since:
                continue
            # The lane has the host in it: a start in a sandbox is not a start on the platform.
            place = Lane(history.lane), key
            if place not in found or found[place].at < at:
                found[place] = PreviousStart(lines[0].launch, at, history.state is State.STARTED)
    return found
