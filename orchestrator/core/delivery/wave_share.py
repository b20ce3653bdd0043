"""How much of a wave is delivered, compared with what its `pass` requires."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.core.delivery.delivery import Delivery, DeliveryState
from orchestrator.core.manifest.rules import Pass
from orchestrator.core.text import plural

_ROUNDING: Final = 1e-9  # 0.28 * 25 is a little more than 7
_FIXES: Final = (
    ({"stopped", "gone"}, "these will not go on: to start the rest, change pass of this wave"),
    ({"paused"}, "resume what is paused"),
)
"""By what holds a campaign up: what to do before the next run."""


@dataclass(frozen=True, slots=True)
class Started:
    """A campaign that the launch has started. No `delivery`: it was not read yet. No `recipients`: unknown."""

    delivery: Delivery | None
    recipients: int | None

    @property
    def is_completed(self) -> bool:
        """Whether everybody on its lists was handled."""
        return self.delivery is not None and self.delivery.state is DeliveryState.COMPLETED

    @property
    def reached(self) -> int:
        """The people who were sent to: all of a completed campaign, since it sends nothing to those who opted out."""
        if self.recipients is None or self.delivery is None:
            return 0
        return self.recipients if self.is_completed else min(self.delivery.sent or 0, self.recipients)

    @property
    def halt(self) -> str:
        """Why nothing more is sent until somebody acts, in one word; empty if that is not so, or all is sent."""
        if self.delivery is None or self.is_completed:
            return ""
        if self.delivery.is_stalled:
            return "stalled"
        return str(self.delivery.state) if self.delivery.has_ended else ""


def shortfall(rule: Pass, started: Sequence[Started]) -> str | None:
    """What is missing, with the figures; None if the wave has what its `pass` asks of deliveries."""
    return "; ".join(filter(None, (_completed(rule, started), _sent(rule, started)))) or None


def out_of_reach(rule: Pass, started: Sequence[Started]) -> str | None:
    """Why the rest cannot be reached by waiting, such as `1 paused, 2 stalled`; None if it can."""
    halted = [one for one in started if one.halt]
    whole = sum(one.recipients or 0 for one in started if not one.halt)
    done = sum(one.is_completed or not one.halt for one in started)
    # If all that may still send were completed, would that do?
    completed = rule.completed is None or done >= rule.completed * len(started) - _ROUNDING
    people = sum(one.recipients or 0 for one in started)
    known = rule.sent is None or whole + sum(one.reached for one in halted) >= rule.sent * people - _ROUNDING
    unknown = [one for one in started if one.recipients is None]
    counted = rule.sent is None or sum(not one.halt for one in unknown) >= rule.sent * len(unknown) - _ROUNDING
    if completed and known and counted:
        return None
    words = Counter(one.halt for one in halted)
    # What to do about it: to run again alone changes nothing.
    fixes = [fix for states, fix in _FIXES if not states.isdisjoint(words)]
    return "; ".join([", ".join(f"{count} {word}" for word, count in words.items()), *fixes])


def _completed(rule: Pass, started: Sequence[Started]) -> str:
    done = sum(one.is_completed for one in started)
    if rule.completed is None or done >= rule.completed * len(started) - _ROUNDING:
        return ""
    return f"{done} of {len(started)} completed, {_percent(rule.completed)} are needed"


def _sent(rule: Pass, started: Sequence[Started]) -> str:
    if rule.sent is None:
        return ""
    people, reached = sum(one.recipients or 0 for one in started), sum(one.reached for one in started)
    unknown = [one for one in started if one.recipients is None]
    done = sum(one.is_completed for one in unknown)
    words = []
    if reached < rule.sent * people - _ROUNDING:
        words.append(f"sent to {reached:,} of {people:,} recipients, {_percent(rule.sent)} are needed")
    if done < rule.sent * len(unknown) - _ROUNDING:
        words.append(
            f"{done} of {plural(len(unknown), 'campaign')} whose recipients are unknown completed, "
            f"{_percent(rule.sent)} are needed"
        )
    return "; ".join(words)


def _percent(share: float) -> str:
    return f"{share * 100:.6g}%"
