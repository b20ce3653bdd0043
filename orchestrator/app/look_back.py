"""What a ledger tells about its launches, about one launch, and about one campaign of it. Nothing is written."""

from orchestrator.app.journal_reader import open_ledger, pick_launch, read_launch
from orchestrator.core.delivery.readings import FOLLOW
from orchestrator.core.journal.records import RUN
from orchestrator.core.journal.subruns import headers
from orchestrator.core.journal.waits import Wait, current
from orchestrator.core.manifest.values import did_you_mean
from orchestrator.core.result.narrative import (
    DECISION_KINDS,
    HISTORY_KINDS,
    CampaignStory,
    Happening,
    LaunchLine,
    decisions,
    history,
    sent,
    story,
)
from orchestrator.core.text import timestamp
from orchestrator.errors import NothingSelected
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey


def read_launches(url: str) -> list[LaunchLine]:
    """All launches of a ledger, newest first, each with where it stands. Raises LedgerError."""
    with open_ledger(url) as store:
        return [_line(store, name) for name in store.launches()]


def _line(store: Store, launch: str) -> LaunchLine:
    status = read_launch(store, launch)
    return LaunchLine(
        launch, status.result, status.control_state, is_live=status.is_live, stopped=status.stopped, waits=status.waits
    )


def read_history(url: str, launch: str | None) -> tuple[str, list[Happening], tuple[Wait, ...]]:
    """The launch, by default the newest, what happened to it, and which of its runs wait for their time.

    Raises NothingSelected and LedgerError.
    """
    with open_ledger(url) as store:
        name, marks = pick_launch(store, launch), store.waits()
        runs = headers(store.read(name, kinds=(RUN,)))
        waits = current(marks, name, timestamp(runs[-1].at) if runs else None)
        return name, list(history(store.stream(name, kinds=HISTORY_KINDS))), waits


def read_story(url: str, launch: str, campaign: str) -> CampaignStory:
    """All that the journal has of a campaign. Raises NothingSelected if it has nothing, and LedgerError."""
    with open_ledger(url) as store:
        name, key = pick_launch(store, launch), CampaignKey(campaign)
        told = [
            *decisions(store.stream(name, kinds=DECISION_KINDS), key),
            *story(store.stream(name, campaign=key)),
            *sent(store.stream(name, kinds=(FOLLOW,)), key),
        ]
        status = read_launch(store, name)
    campaigns = status.result.campaigns if status.result is not None else ()
    now = next((one for one in campaigns if one.key == key), None)
    if not told and now is None:
        hint = did_you_mean(campaign, [one.key for one in campaigns])
        raise NothingSelected(f"launch {name} has no campaign {campaign}" + (f"; {hint}" if hint else ""))
    return CampaignStory(key, sorted(told, key=lambda one: one.at), now)
