"""Groups of campaigns that must pass before the next group (design section 5)."""

from collections.abc import Iterable, Sequence
from typing import Final

from orchestrator.core.manifest import Campaign, Wave
from orchestrator.model import Outcome

REST: Final = "rest"
"""The wave of campaigns that no wave names, and of a manifest without waves."""

_ROUNDING: Final = 1e-9  # 0.28 * 25 is a little more than 7

_PASSED: Final = frozenset({Outcome.STARTED, Outcome.ALREADY_STARTED})


def order(waves: Sequence[Wave]) -> tuple[str, ...]:
    """The waves' names in the order they open; `rest` comes last unless the manifest places it."""
    names = tuple(wave.name for wave in waves)
    return names if REST in names else (*names, REST)


def assign(campaign: Campaign, waves: Sequence[Wave]) -> str:
    """The first wave that names the campaign; one with neither tags nor campaigns names everybody."""
    return next((wave.name for wave in waves if _names(wave, campaign)), REST)


def _names(wave: Wave, campaign: Campaign) -> bool:
    if not wave.tags and not wave.campaigns:
        return True
    return campaign.key in wave.campaigns or not set(wave.tags).isdisjoint(campaign.tags)


def shortfall(wave: Wave, outcomes: Iterable[Outcome]) -> str | None:
    """Why the wave did not pass, in words; None where it did. A skipped campaign is not counted."""
    counted = [outcome for outcome in outcomes if outcome is not Outcome.SKIPPED]
    if not counted or wave.pass_ is None:
        return None
    started = sum(outcome in _PASSED for outcome in counted)
    if started >= wave.pass_.started * len(counted) - _ROUNDING:
        return None
    return (
        f"wave {wave.name}: {started} of {len(counted)} started, "
        f"{wave.pass_.started * 100:.6g}% are needed before the next wave"
    )
