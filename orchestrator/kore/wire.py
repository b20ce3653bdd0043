"""Paths, queries, bodies and envelopes of the v1 API (kore-api.md sections 1.0 to 1.7). No I/O."""

import re
from codecs import BOM_UTF8
from typing import Any, Final
from urllib.parse import quote

from orchestrator.core import content
from orchestrator.core.json_text import read_json
from orchestrator.errors import CredentialError
from orchestrator.model import CallingHours, CallTarget, LiveState

PAGE_SIZE: Final = 50
"""Campaigns a list call: the samples' value; the platform documents no maximum."""

_DAYS: Final = {"MO": "mon", "TU": "tue", "WE": "wed", "TH": "thu", "FR": "fri", "SA": "sat", "SU": "sun"}

_MAX_PARTS: Final = 400_000  # commas and brackets: a body of 8 MiB of nothing else would become 500 MiB of lists
_MAX_TOTAL: Final = 10**7  # more campaigns, or pages, than any stream has

_AGENT = "/agentassist/api/v1/public/{stream}/campaign"


# Requests: paths, bodies and headers.


def trigger_path(target: CallTarget, trigger: str) -> str:
    """Path and query of a start (`play`) or a stop (sections 1.1 to 1.3)."""
    stream, campaign = segment(target.stream), segment(target.campaign)
    return f"/campaign/api/v1/public/{stream}/campaign/{campaign}?campaignType={target.type}&trigger={trigger}"


def status_path(target: CallTarget) -> str:
    """Path and query of a status call (section 1.5)."""
    return f"{get_path(target)}/status?view=status"


def get_path(target: CallTarget) -> str:
    """Path of a get-by-id call (section 1.6)."""
    return f"{_AGENT.format(stream=segment(target.stream))}/{segment(target.campaign)}"


def list_path(target: CallTarget) -> str:
    """Path of a list call (section 1.7)."""
    return f"{_AGENT.format(stream=segment(target.stream))}/getAllCampaignDetails"


def list_body(target: CallTarget, page: int, *, is_ordered: bool = True) -> dict[str, Any]:
    """Body of a list call for a page, from 1. Oldest first, so that a new campaign cannot shift the pages.

    The documentation says that `sortBy` must hold `name`, and its own sample does not: a platform may refuse it.
    """
    body = {"type": str(target.type), "limit": PAGE_SIZE, "skip": (page - 1) * PAGE_SIZE, "page": page}
    return body | {"sortBy": {"createdAt": "asc"}} if is_ordered else body


def headers(target: CallTarget, token: str, length: int) -> dict[str, str]:
    """The headers of every campaign call (section 1.0), whose body has `length` bytes.

    Raises CredentialError for a malformed token.
    """
    if not (token and token.isascii() and token.isprintable() and " " not in token):
        # A newline would end the header: what follows it would be a header, or a request, of its own.
        raise CredentialError(
            f"the token of account {target.account_id} contains a character that is not allowed in a header",
            next_step="check the program that makes the token: it must be one line without spaces",
        )
    ours = {"auth": token, "iid": target.iid, "accountId": target.account_id, "Content-Type": "application/json"}
    return ours | {"Content-Length": str(length)} if length else ours


# Replies.


def read_body(raw: bytes) -> Any:
    """The JSON value of a reply; None for invalid, ambiguous or boundless JSON, and for anything but UTF-8."""
    if len(raw) > _MAX_PARTS and sum(map(raw.count, (b",", b"[", b"{"))) > _MAX_PARTS:
        return None
    try:
        return read_json(raw.removeprefix(BOM_UTF8).decode())
    except ValueError:
        return None


def read_list(payload: Any, page: int) -> tuple[dict[str, LiveState], bool, int | None]:
    """The campaigns of a list page by id, whether there are more pages, and how many; None: unknown."""
    data = mapping(mapping(payload).get("data"))
    results = data.get("results")
    items = [item for item in results if isinstance(item, dict)] if isinstance(results, list) else []
    names = ((item.get("id") or item.get("_id"), item) for item in items)
    live = {str(name): _live(item, names_instance=True) for name, item in names if name}
    total = _pages(data)
    left = total - page if total is not None and total > page else None
    more = bool(data["hasMore"]) if "hasMore" in data else left is not None
    # An empty page is the last one, even if it promises more: the list would never end.
    return live, more and bool(items), left


def _pages(data: dict[str, Any]) -> int | None:
    """How many pages a list has; None if it gives no credible number."""
    pages, results = _natural(data.get("totalPages")), _natural(data.get("totalResults"))
    return pages or (results and -(-results // PAGE_SIZE))


def _natural(value: Any) -> int | None:
    # In Python, `true` is a whole number.
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_TOTAL else None


def _count(value: Any) -> int | None:
    """A number of messages; None if there is none: it must not be taken for 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def read_status(payload: Any) -> dict[str, LiveState]:
    """The campaign of a status or get reply, by id."""
    data = mapping(mapping(payload).get("data"))
    identity = data.get("id") or data.get("_id")
    if not identity or not isinstance(data.get("status"), str):
        return {}
    return {str(identity): _live(data, names_instance=False)}


def segment(text: str) -> str:
    """A text as one segment of a path, or one value of a query."""
    return quote(text, safe="")


def mapping(value: Any) -> dict[str, Any]:
    """The JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _live(item: dict[str, Any], *, names_instance: bool) -> LiveState:
    return LiveState(
        status=str(item.get("status", "")),
        name=str(item.get("name") or ""),
        # Only campaigns that have run have an instance, and only a list names it (section 1.7).
        instance_id=text_of(item.get("campaignInstanceId")),
        instance_updated_at=text_of(item.get("campaignInstanceUpdatedAt")),
        scheduled=mapping(item.get("schedule")).get("isSchedulingEnabled") is True,
        contact_lists=_names(item.get("contactLists")),
        dnc_lists=_names(item.get("dncLists")),
        calling_hours=_calling_hours(mapping(item.get("dialingStrategy")).get("callingHours")),
        names_instance=names_instance,
        updated_at=text_of(item.get("updatedAt")),
        content=_content(item, is_listed=names_instance),
        messages_sent=_count(item.get("totalMessagesSent")),
    )


def _content(item: dict[str, Any], *, is_listed: bool) -> bytes:
    """Digests of what a campaign would send, and to whom (sections 1.6 and 1.7).

    A list names all that it can: what is missing there, the campaign does not have. The two kinds of reply write a
    schedule differently, and by id `dncLists` is left out by v1: such a field counts as not named.
    """
    named: dict[str, Any] = {"name": item.get("name"), "contact lists": _names(item.get("contactLists"))}
    if is_listed:
        message = mapping(item.get("message"))
        named |= {"message": message.get("message"), "template": message.get("templateId"),
                  "experience flow": item.get("experienceFlow"), "DNC lists": _names(item.get("dncLists")),
                  "schedule": item.get("schedule")}  # fmt: skip
    if isinstance(strategy := item.get("dialingStrategy"), dict):
        named |= {"sender": strategy.get("callerId"), "calling hours": strategy.get("callingHours")}
    return content.digest(named)


def _calling_hours(value: Any) -> CallingHours | None:
    """Calling hours (section 1.6). Hours without a day hold on every day; one unreadable day makes all void."""
    hours = mapping(value)
    zone, items = hours.get("timezone"), hours.get("days")
    if not items:
        return None
    days = [day for item in items for day in _day_hours(item)] if isinstance(items, list) else []
    is_read = bool(days) and None not in days
    return CallingHours(str(zone), tuple(day for day in days if day is not None) if is_read else ())


def _day_hours(item: Any) -> list[tuple[str, str, str] | None]:
    opens, closes = _clock(mapping(item).get("start")), _clock(mapping(item).get("end"))
    name = str(mapping(item).get("day") or "").upper()[:2]
    if opens is None or closes is None or (name and name not in _DAYS):
        return [None]
    days = [_DAYS[name]] if name else list(_DAYS.values())
    # Both stand for the end of the day.
    return [(day, opens, "24:00" if closes in {"00:00", "23:59"} else closes) for day in days]


def _clock(value: Any) -> str | None:
    """`9:00 AM` or `09:00` as `09:00`."""
    match = re.fullmatch(r"\s*([0-9]{1,2}):([0-9]{2})\s*([AaPp][Mm])?\s*", value) if isinstance(value, str) else None
    if match is None:
        return None
    hour, half = int(match[1]), (match[3] or "").upper()
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    return f"{hour:02}:{match[2]}"


def text_of(value: Any) -> str | None:
    """The text; None for an empty one, and for anything else."""
    return value if isinstance(value, str) and value else None


def _names(value: Any) -> tuple[str, ...]:
    """Names out of a list of texts, a list of objects or one object: the samples show all three."""
    items = value if isinstance(value, list) else [value]
    named = (item.get("name") if isinstance(item, dict) else item for item in items)
    return tuple(name for name in named if isinstance(name, str) and name)
