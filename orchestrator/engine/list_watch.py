"""Who uses the contact lists of one account: what reads show to run, and what this run has started."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from orchestrator.core.journal.states import UNRESOLVED, State
from orchestrator.core.plan.plan import Entry
from orchestrator.core.rules.shared_lists import Conflict, ListUser, ListUsers, is_over, runs
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.engine.states import CampaignStates
from orchestrator.model import CallTarget, CampaignKey, LiveState, key_of

_OURS: Final = "was started by this run"
_BEGINS: Final = "was started by this launch, and is still Ready"
_MAYBE: Final = "may be running: nobody knows whether its start was carried out"


class ListWatch:
    """Follows every read of a lane, whatever it was made for, and every start. `is_on`: whether anybody asks."""

    def __init__(self, states: CampaignStates, *, is_on: bool) -> None:
        self.users = ListUsers()
        self._states = states
        self._is_on = is_on
        self._targets: dict[CampaignKey, CallTarget] = {}  # of all users
        self._own: set[CampaignKey] = set()  # those that this run has started, or is about to

    def saw(self, target: CallTarget, live: Mapping[str, LiveState]) -> None:
        """A read of the target's stream shows these campaigns."""
        for campaign, state in live.items() if self._is_on else ():
            key = key_of(target.stream, campaign)
            # A read that was on its way while we started it says nothing: see `refresh`.
            if key not in self._own:
                self._follow(replace(target, campaign=campaign), key, state)

    def _follow(self, target: CallTarget, key: CampaignKey, live: LiveState) -> None:
        state = f"is {live.status}" if runs(live) else self._may_run(key, live)
        if not state:
            self.give_back(key)
        elif live.contact_lists:  # a status call names none
            self._take(target, ListUser(key, live.name, live.contact_lists, state))

    def _may_run(self, key: CampaignKey, live: LiveState) -> str:
        """Why a campaign may run although the platform does not show it, in words; empty: it does not run."""
        if self._is(key, *UNRESOLVED):
            return _MAYBE
        # Right after its start it may still be Ready. One that has run and was edited is, too, but has an instance.
        begins = self._is(key, State.STARTED) and not is_over(live) and live.instance_id is None
        return _BEGINS if begins else ""

    def conflict(self, entry: Entry) -> Conflict | None:
        """What keeps a campaign from starting now; None: nothing that is known."""
        return self.users.conflict(entry.key, _lists(entry)) if self._is_on else None

    def is_unknown(self, key: CampaignKey) -> bool:
        """Whether only a person can say if the campaign runs."""
        return self._is(key, State.UNKNOWN)

    def take(self, entry: Entry) -> None:
        """The campaign is about to start: its lists are its own."""
        if self._is_on and (lists := _lists(entry)):
            name = entry.name or (entry.live.name if entry.live else "")
            self._take(entry.target, ListUser(entry.key, name, lists, _OURS))
            self._own.add(entry.key)

    def give_back(self, key: CampaignKey) -> None:
        """The campaign does not run: it failed, did not start after all, or is over."""
        self.users.free(key)
        self._own.discard(key)
        self._targets.pop(key, None)

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
                live = await reader.states(target, wanted)
                # When an older one is deleted between two pages, a campaign moves to a page that was read before: only
                # by its id is it known to be gone.
                live |= await reader.by_id(target, sorted(wanted - live.keys()))
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


def _lists(entry: Entry) -> tuple[str, ...]:
    return entry.live.contact_lists if entry.live else ()
