"""Campaigns as the platform's replies show them. Pure."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

MAX_PAGE: Final = 50
INVALID_ARGUMENTS: Final = "Validation errors/ Invalid arguments"


class _Campaign(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def instance_id(self) -> str | None: ...
    @property
    def updated_at(self) -> str | None: ...
    @property
    def messages_sent(self) -> int: ...
    @property
    def scheduled(self) -> bool: ...
    @property
    def contact_lists(self) -> tuple[str, ...]: ...
    @property
    def dnc_list(self) -> str | None: ...
    @property
    def created_at(self) -> str: ...
    @property
    def calling_hours(self) -> Mapping[str, Any] | None: ...
    @property
    def message(self) -> str | None: ...
    @property
    def template(self) -> str | None: ...
    @property
    def experience_flow(self) -> str: ...
    @property
    def sender(self) -> str: ...


_SORTABLE: Final[Mapping[str, Callable[[_Campaign], str]]] = {
    "createdAt": lambda one: one.created_at,
    "updatedAt": lambda one: one.updated_at or one.created_at,
    "name": lambda one: one.name,
}


def stamp(at: float) -> str:
    """POSIX seconds as the platform writes times: `2025-06-26T14:37:50.069Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def campaign_details(campaign: _Campaign) -> dict[str, Any]:
    """One campaign, as in the reply to a get-by-id call."""
    hours = campaign.calling_hours or {"frequency": "DAILY", "timezone": "Etc/UTC", "days": []}
    own = {
        "_id": campaign.id,
        "lname": campaign.name.lower(),
        "description": "",
        "dialingStrategy": {"callerId": {"phoneNumber": campaign.sender}, "callingHours": hours},
    }
    details = own | _common(campaign)
    details["schedule"] = {"isSchedulingEnabled": campaign.scheduled, "isRecurrenceEnabled": False}
    return details


def list_page(campaigns: Iterable[_Campaign], body: dict[str, Any]) -> dict[str, Any] | None:
    """The page of a list that the body asks for; None if the body is invalid."""
    numbers = [_number(body.get(name), fallback) for name, fallback in (("skip", 0), ("page", 1), ("limit", MAX_PAGE))]
    if body.get("type") not in {"sms", "voice"} or any(number is None for number in numbers):
        return None
    skip, page, limit = (number or 0 for number in numbers)
    limit = min(limit, MAX_PAGE) or MAX_PAGE
    # The documentation has both; where a body has both, `skip` counts.
    skip = skip or max(page - 1, 0) * limit
    chosen = _chosen(campaigns, body)
    if chosen is None:
        return None
    return {
        "results": [_item(one) for one in chosen[skip : skip + limit]],
        "skip": skip,
        "limit": limit,
        "hasMore": skip + limit < len(chosen),
        "totalPages": -(-len(chosen) // limit),
        "totalResults": len(chosen),
    }


def _chosen(campaigns: Iterable[_Campaign], body: dict[str, Any]) -> list[_Campaign] | None:
    filters, orders = body.get("filters") or {}, body.get("sortBy") or {}
    if not isinstance(filters, dict) or not isinstance(orders, dict) or not set(orders) <= set(_SORTABLE):
        return None
    wanted = filters.get("status") or ()
    found = [one for one in campaigns if one.type == body["type"] and (not wanted or one.status in wanted)]
    # The last key first: sorting is stable, so the first key decides in the end.
    for name, order in reversed(orders.items()):
        found.sort(key=_SORTABLE[name], reverse=order == "desc")
    return found


def _item(campaign: _Campaign) -> dict[str, Any]:
    voice = campaign.type == "voice"
    # The samples differ by type, and a reader must take both.
    item = {"_id" if voice else "id": campaign.id} | _common(campaign)
    sent = 0 if voice else campaign.messages_sent
    item |= {"totalCallsCompleted" if voice else "totalMessagesSent": sent, "campaignExecutionType": "NORMAL"}
    # Not only with an instance: the vendor's samples show it on campaigns that never ran (kore-api.md section 1.7).
    item["campaignInstanceUpdatedAt"] = item["updatedAt"]
    texts = {"message": _encoded(campaign.message), "templateId": campaign.template}
    if named := {name: value for name, value in texts.items() if value is not None}:
        item["message"] = named
    return item if campaign.instance_id is None else item | {"campaignInstanceId": campaign.instance_id}


def _common(campaign: _Campaign) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "name": campaign.name,
        "status": campaign.status,
        "priority": "5",
        "schedule": {"isSchedulingEnabled": campaign.scheduled},
        "createdAt": campaign.created_at,
        "updatedAt": campaign.updated_at or campaign.created_at,
        "contactLists": list(campaign.contact_lists),
        "format": "advanced",
        "experienceFlow": campaign.experience_flow,
    }
    return shared if campaign.dnc_list is None else shared | {"dncLists": {"name": campaign.dnc_list}}


def _encoded(message: str | None) -> str | None:
    """A message as most of the samples write it."""
    return None if message is None else b64encode(message.encode()).decode()


def _number(value: Any, fallback: int) -> int | None:
    """A page number: `fallback` where it is left out or empty, None if it is no natural number."""
    if value is None or value == "":
        return fallback
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
