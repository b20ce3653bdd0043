"""A campaign's result as a row of a table, such as `result.csv`."""

from operator import attrgetter, itemgetter
from typing import Final

from orchestrator.core.result.delivered import DeliveryResult
from orchestrator.core.result.types import FIELDS, CampaignResult

_OF_DELIVERY: Final = tuple(name for name in DeliveryResult.__annotations__ if name != "recipients")
_NOT_FOLLOWED: Final[tuple[object, ...]] = (None,) * len(_OF_DELIVERY)
_own: Final = attrgetter(*FIELDS[:-1])
_of_delivery: Final = itemgetter(*_OF_DELIVERY)

COLUMNS: Final = (*FIELDS[:-1], *(f"delivery_{name}" for name in _OF_DELIVERY))
"""The columns: a field each, and what became of it since in columns of its own. The people stand in the table once."""


def cells(campaign: CampaignResult) -> tuple[object, ...]:
    """A campaign's values, in the order of the columns."""
    delivery = campaign.delivery
    own: tuple[object, ...] = _own(campaign)
    return own + (_NOT_FOLLOWED if delivery is None else _of_delivery(delivery))
