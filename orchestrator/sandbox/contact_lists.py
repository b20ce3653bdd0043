"""Contact lists as the platform shows them, with the campaigns that use them. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

RECIPIENTS: Final = 3600
"""People whom a campaign texts, where nothing says how many."""


@dataclass(frozen=True, slots=True)
class ContactList:
    """People to be texted. Campaigns of its stream name it."""

    stream: str
    name: str
    account_id: str
    records: int = RECIPIENTS
    status: str = "Ready"
    source: str = "localDrive"  # `passiveApi`: an API feeds it, and it shows 0 records
    updated_at: str = "2025-06-01T00:00:00.000Z"

    @property
    def id(self) -> str:
        """An id that depends on its stream and name alone."""
        return f"cl-{hashlib.sha256(f'{self.stream}/{self.name}'.encode()).hexdigest()[:12]}"


class _Campaign(Protocol):
    @property
    def stream(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def recipients(self) -> int: ...
    @property
    def contact_lists(self) -> tuple[str, ...]: ...


def own_list(campaign: str) -> str:
    """The name of the contact list of a campaign that shares none, by its id."""
    return f"Contacts of {campaign}"


def all_lists(campaigns: Iterable[_Campaign], named: Iterable[ContactList]) -> list[dict[str, Any]]:
    """The lists of a stream as the API shows them: those that are `named`, and the others that campaigns use.

    A list that nobody named has its share of the first campaign that uses it.
    """
    lists = {one.name: one for one in named}
    users: dict[str, list[_Campaign]] = defaultdict(list)
    for campaign in campaigns:
        for name in dict.fromkeys(campaign.contact_lists):
            users[name].append(campaign)
            lists.setdefault(name, ContactList(campaign.stream, name, campaign.account_id, _share(campaign, name)))
    return [_shown(one, users[one.name]) for one in lists.values()]


def _share(campaign: _Campaign, name: str) -> int:
    names = list(dict.fromkeys(campaign.contact_lists))
    least, rest = divmod(campaign.recipients, len(names))
    return least + (names.index(name) < rest)


def _shown(one: ContactList, users: list[_Campaign]) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "totalRecordCount": 0 if one.source.endswith("Api") else one.records,
        "status": one.status,
        "isListInUse": bool(users),
        "campaignInUse": [{"id": user.id, "name": user.name} for user in users],
        "source": one.source,
        "dataSyncMode": "allowDuplicates",
        "updatedAt": one.updated_at,
    }
