"""Contact lists as the v2 API writes them (kore-api.md section 1.7b). No I/O.

Its envelope is not documented, and one odd list must not hide the others: each is read by itself.
"""

from typing import Any, Final

from orchestrator.kore.wire import mapping, segment, text_of
from orchestrator.model import CallTarget, ContactList

_MOST_RECORDS: Final = 10**9  # more people than a list can have

_ENVELOPES: Final = ("results", "contactLists", "lists")


def path(target: CallTarget) -> str:
    """Path and query of a call for all contact lists of a stream. `call` is what the samples use for SMS, too."""
    stream, account = segment(target.stream), segment(target.account_id)
    return f"/campaign/api/v2/public/{stream}/campaign/contactList/getAllListDetails?accountId={account}&type=call"


def read(payload: Any) -> tuple[ContactList, ...] | None:
    """The contact lists of a reply, in its order; None if it holds no list of any."""
    items = _items(payload)
    return None if items is None else tuple(one for item in items if (one := _contact_list(mapping(item))) is not None)


def _items(payload: Any) -> list[Any] | None:
    data = mapping(payload).get("data")
    places = (payload, data, *(mapping(holder).get(name) for holder in (data, payload) for name in _ENVELOPES))
    return next((place for place in places if isinstance(place, list)), None)


def _contact_list(item: dict[str, Any]) -> ContactList | None:
    identity, name = text_of(item.get("id")) or text_of(item.get("_id")), text_of(item.get("name"))
    if identity is None and name is None:
        return None
    source, count = text_of(item.get("source")) or "", _count(item.get("totalRecordCount"))
    # A list that an API feeds shows 0 records, whatever it holds; one that does not say who feeds it may be such a one.
    is_unknown = "api" in source.casefold() or not (source or count)
    return ContactList(
        id=identity or "",
        name=name or "",
        records=None if is_unknown else count,
        status=text_of(item.get("status")) or "",
        in_use=item.get("isListInUse") is True,
        used_by=_users(item.get("campaignInUse")),
        source=source,
        updated_at=text_of(item.get("updatedAt")),
    )


def _users(value: Any) -> tuple[str, ...]:
    """The ids of campaigns; the names beside them can be stale."""
    items = value if isinstance(value, list) else [value]
    ids = (text_of(mapping(item).get("id")) or text_of(mapping(item).get("_id")) or text_of(item) for item in items)
    return tuple(dict.fromkeys(one for one in ids if one))


def _count(value: Any) -> int | None:
    """A number of people; None for anything but a whole number that can be true. The API writes some as texts."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 12:
        value = int(value)
    # In Python, `true` is a whole number.
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_RECORDS
    return value if is_count else None
