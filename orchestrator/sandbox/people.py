"""People at the platform's console, who change campaigns while a launch goes on. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from orchestrator.sandbox.listing import stamp
from orchestrator.sandbox.platform import Campaign, Platform


def edit(platform: Platform, campaign: Campaign, now: float) -> None:
    """Save it again with another text."""
    platform.put(replace(campaign, message=f"{campaign.message or 'Hello.'} Reply STOP to end.", updated_at=stamp(now)))


def save(platform: Platform, campaign: Campaign, now: float) -> None:
    """Save it again with something that a list does not show: a later time of update, and nothing else."""
    platform.put(replace(campaign, updated_at=stamp(now)))


def rename(platform: Platform, campaign: Campaign, now: float) -> None:
    """Give it another name."""
    platform.put(replace(campaign, name=f"{campaign.name} (new)", updated_at=stamp(now)))


def reschedule(platform: Platform, campaign: Campaign, now: float) -> None:
    """Plan it for later, or take that back."""
    platform.put(replace(campaign, scheduled=not campaign.scheduled, updated_at=stamp(now)))


def stop(platform: Platform, campaign: Campaign, now: float) -> None:
    """Stop it, whether or not it ran."""
    platform.deactivate(campaign, now)


def rerun(platform: Platform, campaign: Campaign, now: float) -> None:
    """Run it, for the first time or again: a new instance, which no start of ours made."""
    platform.activate(campaign, now)


def pause(platform: Platform, campaign: Campaign, now: float) -> None:
    """Pause it, where it sends."""
    if platform.at(campaign, now).status == "Active":
        platform.pause(campaign, now)


def resume(platform: Platform, campaign: Campaign, now: float) -> None:
    """Let it go on where it was paused."""
    if campaign.status == "Paused":
        platform.resume(campaign, now)


def remove(platform: Platform, campaign: Campaign, now: float) -> None:
    """Delete it."""
    platform.remove(campaign, now)


ACTIONS: Final[Mapping[str, Callable[[Platform, Campaign, float], None]]] = MappingProxyType(
    {action.__name__: action for action in (edit, save, rename, reschedule, stop, rerun, pause, resume, remove)}
)
"""What people do, by name. `now` is in POSIX seconds."""
