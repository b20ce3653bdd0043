"""Campaigns that share a contact list: the platform cannot run two of them at the same time (kore-api.md section 0).

A list belongs to a stream of one account, and is known by its name there.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from orchestrator.core.text import duration, plural, titled
from orchestrator.model import CampaignKey, ContactList, Lane, LiveState, value

RUNS: Final = frozenset({"active", "preparing", "paused"})
"""States, in lower case, in which a campaign keeps its contact lists to itself."""

_NOT_BEGUN: Final = RUNS | {"ready"}
_MAX_SHOWN: Final = 3


def runs(live: LiveState) -> bool:
    """Whether a campaign keeps its contact lists to itself."""
    return live.status.casefold() in RUNS


def is_over(live: LiveState | None) -> bool:
    """Whether a campaign that we started is over: Completed, Stopped or gone. Right after a start it may be Ready."""
    return live is None or live.status.casefold() not in _NOT_BEGUN


@value
class ListUser:
    """A campaign that keeps its contact lists to itself. `state` says why, in words: `is Active`."""

    key: CampaignKey
    name: str
    lists: tuple[str, ...]
    state: str

    @property
    def words(self) -> str:
        """`Spring NE (st-1/cd-1) is Active`."""
        return f"{titled(self.name, self.key)} {self.state}"


@value
class Conflict:
    """A contact list that another campaign keeps to itself."""

    name: str
    user: ListUser

    @property
    def words(self) -> str:
        """`contact list 'east' is in use: Spring NE (st-1/cd-1) is Active`."""
        return f"contact list {self.name!r} is in use: {self.user.words}"


class ListUsers:
    """Who keeps which contact lists of one account to itself, as far as is known."""

    def __init__(self, users: Iterable[ListUser] = ()) -> None:
        self._users: dict[CampaignKey, ListUser] = {}
        self._by_list: dict[tuple[str, str], dict[CampaignKey, None]] = {}  # (stream, list): who came first is first
        for user in users:
            self.take(user)

    def copy(self) -> "ListUsers":
        """The same users, to be changed by themselves."""
        return ListUsers(self._users.values())

    def take(self, user: ListUser) -> None:
        """From now on the campaign keeps its lists to itself."""
        self.free(user.key)
        self._users[user.key] = user
        for name in user.lists:
            self._by_list.setdefault((_stream(user.key), name), {})[user.key] = None

    def lists_of(self, key: CampaignKey) -> tuple[str, ...]:
        """The lists that the campaign keeps to itself."""
        user = self._users.get(key)
        return user.lists if user else ()

    def free(self, key: CampaignKey) -> None:
        """The campaign keeps nothing to itself any longer; it may be one that is not known."""
        user = self._users.pop(key, None)
        for name in user.lists if user else ():
            self._by_list[_stream(key), name].pop(key, None)

    def conflict(self, key: CampaignKey, lists: Iterable[str]) -> Conflict | None:
        """What keeps a campaign with these lists from starting; None: nothing that is known."""
        for name in lists:
            for other in self._by_list.get((_stream(key), name), ()):
                if other != key:
                    return Conflict(name, self._users[other])
        return None


def named_users(lists: Iterable[ContactList], needed: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The campaigns, by id, that lists in use name, with those of the `needed` lists that name them.

    A list also names campaigns that merely refer to it: only their state tells whether they use it.
    """
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for one in lists:
        for name in (one.name, one.id) if one.in_use else ():
            for campaign in one.used_by if name in needed else ():
                found[campaign][name] = None
    return {campaign: tuple(names) for campaign, names in found.items()}


def conflicts(
    starts: Iterable[tuple[Lane, ListUser]], users: Mapping[Lane, ListUsers], mode: str
) -> dict[tuple[Lane, CampaignKey], Conflict]:
    """The starts whose contact list is in use, by one of `users` or by a start before them.

    `starts` are in the order of the plan. A start that does not begin keeps no list from those after it.
    """
    taken = {lane: known.copy() for lane, known in users.items()}
    found: dict[tuple[Lane, CampaignKey], Conflict] = {}
    for lane, start in starts:
        own = taken.setdefault(lane, ListUsers())
        conflict = own.conflict(start.key, start.lists)
        if conflict is not None:
            found[lane, start.key] = conflict
        if conflict is None or mode == "warn":
            own.take(start)
    return found


def held_message(conflict: Conflict) -> str:
    """Why a campaign is held, and until when."""
    return f"{conflict.words}; run again when that one is Completed or Stopped (same_list: hold)"


def freed_message(conflict: Conflict) -> str:
    """Why a campaign was held for a list that is free after all, because the one before it surely did not start."""
    return f"contact list {conflict.name!r} is free: {conflict.user.words}; run again at any time (same_list: hold)"


def waits_message(conflict: Conflict) -> str:
    """What a campaign waits for."""
    return f"waits: {conflict.words} (same_list: sequence)"


def warning(mode: str, met: Iterable[Conflict]) -> tuple[str, ...]:
    """One sentence about all starts of a plan that meet a list in use; none where no start does."""
    found = list(met)
    if not found:
        return ()
    lists = list(dict.fromkeys(f"{one.name!r}: {one.user.words}" for one in found))
    named = "; ".join(lists[:_MAX_SHOWN]) + ("; ..." if len(lists) > _MAX_SHOWN else "")
    count = plural(len(found), "campaign")
    what = {
        "hold": f"{count} held because of a contact list in use",
        "sequence": f"{count} to wait for a contact list in use",
        "warn": f"{count} to start although a contact list is in use: the platform cannot run them at the same time",
    }[mode]
    return (f"{what} ({named})",)


def sentences(mode: str, wait: float) -> tuple[str, ...]:
    """What `same_list` means, where it is not the default. `wait` is how long a run waits for lists, in seconds."""
    if mode == "sequence":
        patience = f"a run waits {duration(wait)} at most for that" if wait else "this run does not wait for that"
        return (
            f"contact lists: of campaigns that share one, each starts after the one before it has ended; {patience}",
        )
    if mode == "warn":
        return ("contact lists: campaigns that share one are started together, with a warning",)
    return ()


def _stream(key: CampaignKey) -> str:
    return key.partition("/")[0]
