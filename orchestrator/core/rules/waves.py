"""Groups of campaigns that must pass before the next group (design section 5)."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from orchestrator.core.manifest.models import Campaign, Wave
from orchestrator.core.manifest.rules import Pass
from orchestrator.core.text import duration, plural
from orchestrator.model import Outcome, PosixSeconds, WaveVerdict

REST: Final = "rest"
"""The wave of campaigns that no wave names, and of a manifest without waves."""

_NOTHING: Final = Pass.model_construct()
_ROUNDING: Final = 1e-9  # 0.28 * 25 is a little more than 7

_SHORT_OF_STARTS: Final = "are needed before the next wave"
_PASSED: Final = frozenset({Outcome.STARTED, Outcome.ALREADY_STARTED})


def order(waves: Sequence[Wave]) -> tuple[str, ...]:
    """The waves' names in the order they open; `rest` comes last unless the manifest places it."""
    names = tuple(wave.name for wave in waves)
    return names if REST in names else (*names, REST)


def assign(campaign: Campaign, waves: Sequence[Wave]) -> str:
    """The first wave that names the campaign; a wave with neither tags nor campaigns names all."""
    return next((wave.name for wave in waves if _names(wave, campaign)), REST)


def _names(wave: Wave, campaign: Campaign) -> bool:
    if not wave.tags and not wave.campaigns:
        return True
    return campaign.key in wave.campaigns or not set(wave.tags).isdisjoint(campaign.tags)


def baked_at(wave: Wave, started: Iterable[PosixSeconds]) -> PosixSeconds:
    """When the bake is over, in POSIX seconds: `bake` after the last of `started`, whichever run started it.

    So a run that continues after an interrupted bake bakes only for the rest of it.
    """
    return PosixSeconds(max(started, default=-math.inf) + wave.bake)


def sentences(waves: Sequence[Wave]) -> tuple[str, ...]:
    """What the next wave waits for, a sentence for each wave that asks for something."""
    return tuple(_sentence(wave, waves) for wave in waves if _needs(wave))


def _sentence(wave: Wave, waves: Sequence[Wave]) -> str:
    # A wave without tags and campaigns takes all that are left, so nothing comes after it.
    if not (wave.tags or wave.campaigns) or wave.name == order(waves)[-1]:
        return f"wave {wave.name} is the last: nothing waits for its bake, and its check is not run"
    return f"wave {wave.name}: the next one opens {' and '.join(_needs(wave))}"


def _needs(wave: Wave) -> list[str]:
    asked = wave.pass_ or _NOTHING
    return [
        *([f"when {asked.started * 100:.6g}% are started"] if asked.started is not None else []),
        *([f"{duration(wave.bake)} after the last of them"] if wave.bake else []),
        *([f"once {asked.completed * 100:.6g}% of these are completed"] if asked.completed is not None else []),
        *([f"once {asked.sent * 100:.6g}% of their recipients are texted"] if asked.sent is not None else []),
        *([f"after {asked.command[0]} exits with 0"] if asked.command else []),
    ]


def shortfall(wave: Wave, outcomes: Iterable[Outcome]) -> str | None:
    """Why the wave did not pass, in words; None if it did. A skipped campaign is not counted."""
    counted = [outcome for outcome in outcomes if outcome is not Outcome.SKIPPED]
    if not counted or wave.pass_ is None or wave.pass_.started is None:
        return None
    started = sum(outcome in _PASSED for outcome in counted)
    if started >= wave.pass_.started * len(counted) - _ROUNDING:
        return None
    return f"wave {wave.name}: {started} of {len(counted)} started, {wave.pass_.started * 100:.6g}% {_SHORT_OF_STARTS}"


def is_short_of_starts(why: str) -> bool:
    """Whether a wave did not pass because too few of it were started; `why` is what `shortfall` made."""
    return why.endswith(_SHORT_OF_STARTS)


def verdict(
    rule: Wave | None, outcomes: Sequence[Outcome], missing: str | None, *, is_stopped: bool
) -> tuple[WaveVerdict, str]:
    """How a wave went by its outcomes alone, and why in words. `missing` is its shortfall.

    `is_stopped`: the run has stopped, so even a share that is met opens no next wave.
    """
    held, share = sum(outcome is Outcome.HELD for outcome in outcomes), _share(rule)
    if rule is not None and missing is not None:
        # If all that was held had been started, would it have passed?
        best = (Outcome.STARTED if outcome is Outcome.HELD else outcome for outcome in outcomes)
        is_cut_short = held > 0 and shortfall(rule, best) is None
        return WaveVerdict.CUT_SHORT if is_cut_short else WaveVerdict.NOT_PASSED, missing
    if held and (share is None or is_stopped):
        counted = sum(outcome is not Outcome.SKIPPED for outcome in outcomes)
        return WaveVerdict.CUT_SHORT, f"{held} of {plural(counted, 'campaign')} {'was' if held == 1 else 'were'} held"
    return WaveVerdict.NO_RULE if share is None else WaveVerdict.PASSED, ""


def _share(rule: Wave | None) -> float | None:
    return rule.pass_.started if rule is not None and rule.pass_ is not None else None
