"""When following a launch ends, and with which exit code."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.core.delivery.delivery import Delivery, DeliveryState
from orchestrator.core.exit_codes import ExitCode, signal_code
from orchestrator.model import CampaignKey, Stop

_SENT: Final = re.compile(r"sent:([0-9]{1,3}(?:\.[0-9]+)?)%")
_ALL: Final = 100.0


@dataclass(frozen=True, slots=True)
class Goal:
    """What every campaign is to reach: to be Completed, or to have sent to `share` (0 to 1) of its recipients."""

    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Goal":
        """`completed` or `sent:95%`. Raises ValueError."""
        if text == "completed":
            return cls()
        found = _SENT.fullmatch(text)
        if found is None or not 0 < float(found[1]) <= _ALL:
            raise ValueError(f"{text!r} is neither completed nor a share such as sent:95%")
        return cls(float(found[1]) / _ALL)

    def __str__(self) -> str:
        return "completed" if self.share is None else f"sent:{self.share * _ALL:g}%"

    def is_reached(self, delivery: Delivery | None) -> bool:
        """Whether a campaign has reached it. An unknown number of recipients proves no share."""
        if delivery is None:
            return False
        if delivery.state is DeliveryState.COMPLETED:
            return True
        return self.share is not None and delivery.share is not None and delivery.share >= self.share

    def is_over(self, delivery: Delivery | None) -> bool:
        """Whether there is nothing to wait for: it is reached, or nothing is sent until somebody acts."""
        return self.is_reached(delivery) or (delivery is not None and delivery.has_ended)


@dataclass(frozen=True, slots=True)
class Followed:
    """How following a launch ended. `campaigns` are those that were to be followed; not all were read.

    `unaddressed` cannot be followed, and why. `stop` is the signal that ended it, `timed_out`: its time was up.
    """

    launch: str
    goal: Goal
    campaigns: Collection[CampaignKey]
    deliveries: Mapping[CampaignKey, Delivery]
    unaddressed: Mapping[CampaignKey, str]
    stop: Stop | None = None
    timed_out: bool = False

    @property
    def missed(self) -> list[CampaignKey]:
        """Campaigns that have not reached the goal, the unaddressed ones last."""
        followed = [key for key in self.campaigns if not self.goal.is_reached(self.deliveries.get(key))]
        return [*followed, *self.unaddressed]

    @property
    def exit_code(self) -> int:
        """OK where all reached the goal, else the signal's code, else NOT_DELIVERED."""
        if not self.missed:
            return ExitCode.OK
        return signal_code(self.stop) or ExitCode.NOT_DELIVERED
