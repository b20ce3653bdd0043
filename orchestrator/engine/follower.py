"""One account's started campaigns, read in rounds: in short turns, so that starts of other runs go first."""

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, TypeVar

from orchestrator.core.attempt.verdict import ReadKind, classify_read, is_not_found, wait_of, words_of
from orchestrator.core.delivery.readings import Reading, Round
from orchestrator.core.delivery.stream_pages import StreamPages
from orchestrator.core.journal.lease import BRIEF_SECONDS, LeasedBriefly
from orchestrator.core.rules.pacing import Pacer
from orchestrator.engine.reader import Reader
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.errors import CredentialError, LaneLeased, LeaseLost
from orchestrator.model import CallTarget, CampaignKey, Fault, Lane, PosixSeconds, Read, Reply
from orchestrator.ports import Clock

_T = TypeVar("_T")

TURN_SECONDS: Final = 3.0
"""Seconds after which a turn begins no further call, and the account is given back for a moment."""

FREE_SECONDS: Final = 1.0
"""Seconds for which an account is free between two turns: a run that waits for it asks more often."""

_ASK_EVERY: Final = FREE_SECONDS / 4
"""Seconds between two tries to take an account from a follower."""

_MOST_DETAILS: Final = 20
"""The most campaigns whose calling hours are read in one round: each takes a call."""

_AT_ONCE: Final = PosixSeconds(0.0)

_MOST_FAILURES: Final = 3
"""Failed calls in a row after which a round is given up."""


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """An account that is held for a turn. The calls of the last holder are in its pacer.

    `on_limited` gets the answer of a limited call: where a run has the account, its starts and stops have to wait, too.
    """

    reader: Reader
    pacer: Pacer
    on_limited: Callable[[Reply | Fault], None] = lambda _: None


HoldAccount = Callable[[Lane], AbstractAsyncContextManager[HeldAccount]]
"""Takes an account for a turn, and hands its recent calls on. Raises LaneLeased while a run holds it."""


async def after_followers(take: Callable[[], Awaitable[_T]], clock: Clock, stop_signal: StopSignal) -> _T:
    """Take accounts, waiting for the short turns of followers.

    Raises what `take` raises, LeasedBriefly where a follower gives nothing back, and StopRequested if a stop comes.
    """
    give_up = clock.now() + BRIEF_SECONDS
    while True:
        try:
            return await take()
        except LeasedBriefly:
            if clock.now() >= give_up:
                raise
        await stop_signal.sleep(_ASK_EVERY)


class AccountFollower:
    """The campaigns of one account, in rounds. `name` is the account's, `targets` are its started campaigns."""

    def __init__(
        self, name: str, lane: Lane, targets: Sequence[CallTarget], *, hold: HoldAccount, clock: Clock,
        stop_signal: StopSignal, free_at: PosixSeconds = _AT_ONCE,
    ) -> None:  # fmt: skip
        self.name = name
        self.lane = lane
        self.keys = [target.key for target in targets]
        self.calls = 0
        """Calls that all rounds took so far."""
        self.free_at = free_at
        """No call leaves before: the platform, or the rate, asks for it."""
        self._hold = hold
        self._clock = clock
        self._stop_signal = stop_signal
        self._targets = {target.key: target for target in targets}
        self._streams = _streams(targets)
        self._failures = 0  # in a row, in this round
        self._refusals = 0  # of the credential, in a row: in a round of one stream there is one
        self._failure = ""  # the last one of this round

    async def round(
        self, wanted: Collection[CampaignKey], suspects: Iterable[CampaignKey], until: PosixSeconds
    ) -> tuple[Round, str]:
        """Read the `wanted` campaigns, and the calling hours of `suspects`. Returns why it ended early, or "".

        It waits for nothing that comes after `until`: the platform may ask for a pause of days. Raises
        CredentialError where the platform refuses the credential.
        """
        done, why = Round(self.name, self._clock.now()), ""
        asks = self._asks(wanted, suspects, done)
        try:
            await self._turns(asks, until)
        except StopRequested as stopped:
            why = str(stopped)
        except (LaneLeased, LeaseLost) as busy:
            why = f"{busy.message}; it is read again when it is free"
        else:
            why = self._failure
        self._conclude(wanted, done)
        return done, why

    def _asks(self, wanted: Collection[CampaignKey], suspects: Iterable[CampaignKey], done: Round) -> "_Asks":
        for stream, pages in self._streams.items():
            pages.begin([self._targets[key].campaign for key in wanted if _stream_of(self._targets[key]) == stream])
        self._failures, self._failure = 0, ""
        details = [self._targets[key] for key in suspects if key in self._targets][:_MOST_DETAILS]
        return _Asks(deque(self._streams.values()), deque(details), done)

    async def _turns(self, asks: "_Asks", until: PosixSeconds) -> None:
        while asks.has_more() and self._failures < _MOST_FAILURES:
            # Outside of a turn: nobody holds an account while it waits for the rate.
            if (wait := self.free_at - self._clock.now()) > 0:
                # A last look at the end of the time may take turns, and no longer pause.
                if wait > FREE_SECONDS and self.free_at > until:
                    self._failure = self._failure or "no call may leave in the time that is left"
                    return
                await self._stop_signal.sleep(wait)
            async with self._hold(self.lane) as account:
                await self._turn(account, asks)
            self.free_at = max(self.free_at, PosixSeconds(self._clock.now() + FREE_SECONDS))

    async def _turn(self, account: HeldAccount, asks: "_Asks") -> None:
        until = self._clock.now() + TURN_SECONDS
        while asks.has_more() and self._failures < _MOST_FAILURES:
            now = self._clock.now()
            # A limited call ends the turn, too: the pacer does not know of it.
            self.free_at = max(self.free_at, PosixSeconds(now + account.pacer.wait(now)))
            if self.free_at > now or now >= until:
                return
            await self._ask(account, asks)

    async def _ask(self, account: HeldAccount, asks: "_Asks") -> None:
        """The next call: a page, or a campaign's calling hours."""
        self.calls += 1
        stream = asks.stream()
        if stream is None:
            target = asks.details.popleft()
            read = await account.reader.details_once(target)
            if self._is_usable(read, account) or is_not_found(read.answer):
                live = read.live.get(target.campaign)
                asks.done.hours[target.key] = live.calling_hours if live else None
            return
        page = stream.next_page()
        if page is None:
            return
        read = await account.reader.list_once(stream.target, page)
        if not self._is_usable(read, account):
            stream.failed()
            return
        stream.took(page, read.live, more=read.more)
        self._take(stream.target, read, asks.done)

    def _take(self, target: CallTarget, read: Read, done: Round) -> None:
        # The platform's count is from when it answered, and not from when the answer arrived.
        now = self._clock.now()
        keys = ((CampaignKey(f"{target.stream}/{one}"), live) for one, live in read.live.items())
        done.readings += [Reading.of(key, now, live) for key, live in keys if key in self._targets]

    def _is_usable(self, read: Read, account: HeldAccount) -> bool:
        kind = classify_read(read.answer)
        if kind is ReadKind.OK:
            self._failures = self._refusals = 0
            return True
        message = read.answer.text if isinstance(read.answer, Fault) else words_of(read.answer)
        self._failures, self._failure = self._failures + 1, message
        self._refusals += kind is ReadKind.UNAUTHORIZED
        if self._refusals == _MOST_FAILURES:
            raise CredentialError(
                f"the platform rejects the credential of account {self.name} ({message})",
                next_step="check client_id, client_secret and algorithm, and the app's Campaign Management scope",
            )
        if kind is ReadKind.LIMITED:
            asked = wait_of(read.answer) if isinstance(read.answer, Reply) else None
            seconds = account.pacer.longest if asked is None else asked
            # A turn's own pacer ends with the turn, and would forget it.
            self.free_at = PosixSeconds(self._clock.now() + seconds)
            account.on_limited(read.answer)
        return False

    def _conclude(self, wanted: Collection[CampaignKey], done: Round) -> None:
        now = self._clock.now()
        for stream in self._streams.values():
            gone = (CampaignKey(f"{stream.target.stream}/{one}") for one in stream.end())
            done.readings += [Reading(key, now, None) for key in gone]
        read = {one.key for one in done.readings}
        done.unread = frozenset(key for key in wanted if key not in read)


@dataclass(slots=True)
class _Asks:
    """What is still to be read in a round, and what was read."""

    streams: deque[StreamPages]
    details: deque[CallTarget]
    done: Round

    def stream(self) -> StreamPages | None:
        """The stream whose next page is to be asked for; None if all are read."""
        while self.streams and self.streams[0].next_page() is None:
            self.streams.popleft()
        return self.streams[0] if self.streams else None

    def has_more(self) -> bool:
        return self.stream() is not None or bool(self.details)


def _stream_of(target: CallTarget) -> tuple[str, str, str]:
    return target.stream, target.iid, target.type


def _streams(targets: Iterable[CallTarget]) -> Mapping[tuple[str, str, str], StreamPages]:
    # The first target of each stream stands for it.
    found: dict[tuple[str, str, str], StreamPages] = {}
    for target in targets:
        found.setdefault(_stream_of(target), StreamPages(target))
    return found
