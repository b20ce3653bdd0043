"""A campaign's result as a row of a table, such as `result.csv`."""

from typing import Final

from orchestrator.core.result.delivered import DeliveryResult
from orchestrator.core.result.types import FIELDS, CampaignResult, values

_OF_DELIVERY: Final = tuple(name for name in DeliveryResult.__annotations__ if name != "recipients")
_NOT_FOLLOWED: Final = (None,) * len(_OF_DELIVERY)

COLUMNS: Final = (*FIELDS[:-1], *(f"delivery_{name}" for name in _OF_DELIVERY))
"""The columns: a field each, and what became of it since in columns of its own. The people stand in the table once."""


def cells(campaign: CampaignResult) -> tuple[object, ...]:
    """A campaign's values, in the order of the columns."""
    *own, delivery = values(campaign)
    return (*own, *(_NOT_FOLLOWED if delivery is None else (delivery[name] for name in _OF_DELIVERY)))
