"""Who uses the contact lists of one account: the campaigns that run by reads, and those that this run has started."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from typing import Final

from orchestrator.core.journal.states import UNRESOLVED, State
from orchestrator.core.plan.plan import Entry
from orchestrator.core.rules.shared_lists import Conflict, ListUser, ListUsers, is_over, named_users, runs
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.engine.states import CampaignStates
from orchestrator.model import CallTarget, CampaignKey, ContactList, LiveState, key_of

_OURS: Final = "was started by this run"
_BEGINS: Final = "was started by this launch, and is still Ready"
_MAYBE: Final = "may be running: nobody knows whether its start was carried out"
_UNREAD: Final = "may be running: its state could not be read"
_MOST_BY_ID: Final = 20
"""Campaigns of a stream that are read one by one; more of them are looked for in the stream's list."""


class ListWatch:
    """Follows every read of a lane, no matter why it was made, and every start. `is_on`: whether anybody needs it."""

    def __init__(self, states: CampaignStates, *, is_on: bool) -> None:
        self.users = ListUsers()
        self._states = states
        self._is_on = is_on
        self._targets: dict[CampaignKey, CallTarget] = {}  # of all users
        self._own: set[CampaignKey] = set()  # those that this run has started, or is about to
        self._seen: set[CampaignKey] = set()  # those that a read has shown

    def saw(self, target: CallTarget, live: Mapping[str, LiveState]) -> None:
        """A read of the target's stream shows these campaigns."""
        for campaign, state in live.items() if self._is_on else ():
            key = key_of(target.stream, campaign)
            self._seen.add(key)
            # A read that was on its way while we started the campaign proves nothing: see `refresh`.
            if key not in self._own:
                self._follow(replace(target, campaign=campaign), key, state)

    def _follow(self, target: CallTarget, key: CampaignKey, live: LiveState) -> None:
        state = f"is {live.status}" if runs(live) else self._may_run(key, live)
        if not state:
            self.give_back(key)
        elif lists := live.contact_lists or self.users.lists_of(key):  # a status call names none
            self._take(target, ListUser(key, live.name, lists, state))

    async def look_for(
        self, reader: Reader, target: CallTarget, needed: Collection[str], lists: Iterable[ContactList]
    ) -> bool:
        """Read the campaigns that the needed lists of the target's stream name, and that no read has shown so far.

        A campaign that cannot be read counts as running. Returns whether there were any. Raises StopRequested and
        LeaseLost.
        """
        unread: list[CallTarget] = []
        for campaign, on in named_users(lists, needed).items() if self._is_on else ():
            key = key_of(target.stream, campaign)
            if key not in self._seen and key not in self._own:
                unread.append(replace(target, campaign=campaign))
                self._take(unread[-1], ListUser(key, "", on, _UNREAD))
        names = [one.campaign for one in unread]
        with suppress(ReadFailed):  # what a read has shown by then is known, and the others stay users
            live = await reader.by_id(target, names[:_MOST_BY_ID])
            live |= await _found(reader, target, set(names[_MOST_BY_ID:]))
            for one in unread:
                if one.campaign not in live:
                    self.give_back(one.key)
        return bool(unread)

    def _may_run(self, key: CampaignKey, live: LiveState) -> str:
        """Why a campaign may run although the platform does not show it, in words; empty: it does not run."""
        if self._is(key, *UNRESOLVED):
            return _MAYBE
        # Right after its start it may still be Ready. A campaign that has run and was edited is also Ready, but has an
        # instance.
        begins = self._is(key, State.STARTED) and not is_over(live) and live.instance_id is None
        return _BEGINS if begins else ""

    def conflict(self, entry: Entry) -> Conflict | None:
        """What keeps a campaign from starting now; None: nothing that is known."""
        return self.users.conflict(entry.key, lists_of(entry)) if self._is_on else None

    def is_unknown(self, key: CampaignKey) -> bool:
        """Whether only a person can say if the campaign runs."""
        return self._is(key, State.UNKNOWN)

    def take(self, entry: Entry) -> None:
        """The campaign is about to start: it has its lists to itself."""
        if self._is_on and lists_of(entry):
            self._take(entry.target, user_of(entry, _OURS))
            self._own.add(entry.key)

    def give_back(self, key: CampaignKey) -> None:
        """The campaign does not run: it failed, did not start after all, or is over."""
        self.users.free(key)
        self._own.discard(key)
        self._targets.pop(key, None)

    def let_go(self, key: CampaignKey) -> None:
        """The campaign does not start now, although its lists were its own.

        What reads have shown of it meanwhile was not followed: it counts as one that nobody has seen.
        """
        self.give_back(key)
        self._seen.discard(key)

    async def refresh(self, reader: Reader, keys: Iterable[CampaignKey]) -> None:
        """Read some users again, those of a stream together. Raises StopRequested and LeaseLost.

        What cannot be read stays as it was.
        """
        streams: dict[CallTarget, set[CampaignKey]] = defaultdict(set)
        for key in sorted(keys):
            if key in self._targets:
                streams[replace(self._targets[key], campaign="")].add(key)
        for target, users in streams.items():
            # Started before the read began: the Completed of a campaign that runs again may be that of its last run.
            begun = {key for key in users if key in self._own and self._is(key, State.STARTED)}
            wanted = {self._targets[key].campaign for key in users}
            try:
                live = await _found(reader, target, wanted)
            except ReadFailed:
                continue
            for key in users & self._targets.keys():
                state = live.get(self._targets[key].campaign)
                if is_over(state) if key in begun else key not in self._own and state is None:
                    self.give_back(key)

    def _take(self, target: CallTarget, user: ListUser) -> None:
        self.users.take(user)
        self._targets[user.key] = target

    def _is(self, key: CampaignKey, *states: State) -> bool:
        known = self._states.get(key)
        return known is not None and known.state in states


async def _found(reader: Reader, target: CallTarget, wanted: AbstractSet[str]) -> dict[str, LiveState]:
    """The wanted campaigns of a stream, by id; one that is not among them is gone. Raises as the reader does."""
    live = await reader.states(target, wanted)
    # When an older one is deleted between two pages, a campaign moves to a page that was read before: only by its id is
    # it known to be gone.
    return live | await reader.by_id(target, sorted(wanted - live.keys()))


def lists_of(entry: Entry) -> tuple[str, ...]:
    """The contact lists that a campaign of the plan needs, as far as they are known."""
    return entry.live.contact_lists if entry.live else ()


def user_of(entry: Entry, state: str) -> ListUser:
    """A campaign of the plan as one that uses its contact lists; `state` says why, in words."""
    return ListUser(entry.key, entry.name or (entry.live.name if entry.live else ""), lists_of(entry), state)
