"""Following a launch: every account in rounds, each journaled, until nothing is left to wait for."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from orchestrator.core.delivery.delivery import Deliveries, Delivery, DeliveryState
from orchestrator.core.delivery.goal import Goal
from orchestrator.core.delivery.readings import DEFAULT_STALLED_AFTER, Round, record_of
from orchestrator.core.text import duration
from orchestrator.engine.follower import AccountFollower
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.model import CampaignKey, Lane, PosixSeconds
from orchestrator.ports import Clock, Journal, Observer


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """How to follow: a round begins every `every` seconds, and all ends after `timeout` seconds, or at the goal.

    An Active campaign that sends nothing for `stalled_after` seconds of its calling hours is stalled.
    """

    goal: Goal = Goal()  # noqa: RUF009 - it is frozen
    every: float = 60.0
    timeout: float = 6 * 3600.0
    stalled_after: float = DEFAULT_STALLED_AFTER


HasMore = Callable[[Lane], Awaitable[bool]]
"""Whether more is to be followed than the followers know, where a lane has been read. Raises nothing."""


class Rounds:
    """Reads the accounts' campaigns, journals what changed and keeps their deliveries.

    `deliveries` hold what earlier runs have journaled; `run_id` is of this one, `number` of its last round so far.
    `is_over`: whether there is nothing more to wait for, where that depends on more than each campaign's goal.
    `has_more` is asked after each round; once it has more, all rounds end, so that it is followed, too.
    """

    def __init__(
        self, followers: Sequence[AccountFollower], deliveries: Deliveries, options: FollowOptions, *,
        launch: str, run_id: str, journal: Journal, clock: Clock, stop_signal: StopSignal, observer: Observer,
        number: int = 0, is_over: Callable[[], bool] | None = None, has_more: HasMore | None = None,
    ) -> None:  # fmt: skip
        self.followers = followers
        self.deliveries = deliveries
        self.timed_out = False
        self.number = number
        """Of the last round that was journaled."""
        self._options = options
        self._launch = launch
        self._run_id = run_id
        self._journal = journal
        self._clock = clock
        self._stop_signal = stop_signal
        self._observer = observer
        self._is_over = is_over
        self._has_more = has_more
        self._is_outdated = False  # the followers do not know all that is to be followed
        self._deadline = PosixSeconds(clock.now() + options.timeout)
        self._skipped: set[str] = set()  # accounts whose last round ended early
        self._stalled: set[CampaignKey] = set()

    async def run(self) -> None:
        """Go on until the goal is reached, nothing is left to wait for, the time is up, or a stop comes.

        Raises CredentialError, and JournalWriteError if a round cannot be journaled.
        """
        jobs = [asyncio.create_task(self._follow(follower)) for follower in self.followers]
        try:
            await asyncio.gather(*jobs)
        finally:
            # What ends one round ends all of them; each gives its account back first.
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)

    async def _follow(self, follower: AccountFollower) -> None:
        # The first round reads all campaigns: somebody may have resumed one that an earlier `follow` found at rest.
        wanted = follower.keys
        with suppress(StopRequested):
            while wanted and self._stop_signal.stop is None and not self._is_outdated:
                began = self._clock.now()
                has_read = await self._round(follower, wanted)
                wanted = self.unfinished(follower)
                if self._is_done(wanted):
                    return
                if has_read and self._has_more is not None and await self._has_more(follower.lane):
                    self._is_outdated = True
                    return
                if self._clock.now() >= self._deadline:
                    self.timed_out = True
                    return
                until = min(PosixSeconds(began + self._options.every), self._deadline)
                await self._stop_signal.sleep(max(0.0, until - self._clock.now()))

    def _is_done(self, wanted: Sequence[CampaignKey]) -> bool:
        if self._is_over is not None:
            return self._is_over()
        return all(self._options.goal.is_over(self.deliveries.of(key)) for key in wanted)

    def standing(self) -> dict[str, dict[CampaignKey, Delivery]]:
        """By account, the deliveries of its campaigns that were read."""
        deliveries = self.deliveries.all()
        return {one.name: {key: deliveries[key] for key in one.keys if key in deliveries} for one in self.followers}

    def unfinished(self, follower: AccountFollower) -> list[CampaignKey]:
        """The account's campaigns that may still send."""
        found = ((key, self.deliveries.of(key)) for key in follower.keys)
        return [key for key, delivery in found if delivery is None or not delivery.has_ended]

    async def _round(self, follower: AccountFollower, wanted: Sequence[CampaignKey]) -> bool:
        """Read an account once. Whether that brought anything: while a run has the account, it does not."""
        # 1. Read.
        done, why = await follower.round(wanted, self.deliveries.suspects(follower.name), self._deadline)
        done.stalled_after = self._options.stalled_after
        done.readings = self.deliveries.news(done.readings)
        has_read = bool(done.readings or done.hours)
        done.readings = [one for one in done.readings if not self.deliveries.is_same(one, self._run_id)]
        before = {one.key: self.deliveries.of(one.key) for one in done.readings}
        # 2. Journal it: a crash loses this round at most.
        if has_read:
            self.number += 1
            record = record_of(done, self._launch, self._run_id, self.number, self._clock.now())
            await self._journal.record(record)
            self.deliveries.add(done, self._run_id, record.at)
        # 3. Report it.
        self._report_changes(before, wanted)
        self._report_round(follower, done, why)
        return has_read

    def _report_changes(self, before: dict[CampaignKey, Delivery | None], wanted: Sequence[CampaignKey]) -> None:
        for key, earlier in before.items():
            now = self.deliveries.of(key)
            if now is None or not now.has_ended or (earlier is not None and earlier.state is now.state):
                continue
            self._observer.event("delivery_ended", campaign=key, state=str(now.state), sent=now.sent)
        for key in wanted:
            now = self.deliveries.of(key)
            if now is not None and now.is_stalled and key not in self._stalled:
                self._stalled.add(key)
                message = f"Active, and nothing was sent for {duration(now.stalled_for or 0.0)} of its calling hours"
                self._observer.event("delivery_stalled", campaign=key, sent=now.sent, message=message)
            elif now is not None and not now.is_stalled:
                self._stalled.discard(key)

    def _report_round(self, follower: AccountFollower, done: Round, why: str) -> None:
        # Only once until it can be read again: a run may have the account for hours.
        if why and follower.name not in self._skipped:
            self._observer.event("follow_skipped", account=follower.name, message=why)
        (self._skipped.add if why else self._skipped.discard)(follower.name)
        found = [self.deliveries.of(key) for key in follower.keys]
        self._observer.event(
            "follow_read", account=follower.name, campaigns=len(found), unread=len(done.unread),
            completed=sum(one is not None and one.state is DeliveryState.COMPLETED for one in found),
            sent=sum(one.sent or 0 for one in found if one is not None),
        )  # fmt: skip
