"""Calls that may be repeated, reads and stops; they spend the lane's budget like any call."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial

from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from orchestrator.core.attempt.verdict import (
    ReadKind,
    backoff,
    classify_lists,
    classify_read,
    classify_stop,
    is_not_found,
    may_refuse_order,
    message_of,
    wait_of,
    words_of,
)
from orchestrator.core.rules.pacing import arrived_by
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.errors import LeaseLost
from orchestrator.model import CallTarget, ContactList, Fault, Lane, LiveState, PosixSeconds, Read, Reply

OnRead = Callable[[CallTarget, Mapping[str, LiveState]], None]
"""Gets every read's target, and the campaigns of its stream that the answer shows, by id."""


def _ignored(target: CallTarget, live: Mapping[str, LiveState]) -> None:
    """Nobody asks."""


_RETRIED = frozenset({ReadKind.RETRY, ReadKind.LIMITED, ReadKind.UNAUTHORIZED})


@dataclass(slots=True)
class ReadFailed(Exception):  # noqa: N818 - the caller decides what it means
    """A read was refused, or failed as often as the manifest allows."""

    message: str
    answer: Reply | Fault

    @property
    def unauthorized(self) -> bool:
        """Whether the platform refused the token."""
        return classify_read(self.answer) is ReadKind.UNAUTHORIZED


class Reader:
    """Lists, status calls and stops of one lane, paced and retried."""

    def __init__(
        self, deps: RunDeps, lane: Lane, limiter: RateLimiter, stop_signal: StopSignal, on_read: OnRead = _ignored
    ) -> None:
        self._deps = deps
        self.lane = lane
        self._limiter = limiter
        self._stop_signal = stop_signal
        self._on_read = on_read
        self.read = 0
        """Campaigns whose live state was read, each as often as it was."""
        self.calls = 0
        """Calls that were made, repeated ones included."""
        self._is_ordered = True  # until the platform refuses to sort its lists

    def check(self) -> None:
        """Raise StopRequested or LeaseLost if no call, not even a read, may leave this lane now."""
        self._stop_signal.check()
        if not self._deps.journal.holds(self.lane):
            # The run that has the lane now relies on it that nothing leaves here.
            raise LeaseLost("this run's lease has ended, or another run has taken it")

    async def status(self, target: CallTarget) -> LiveState | None:
        """The state of one campaign; None if the platform names none. Raises ReadFailed and StopRequested."""
        return await self._one(target, lambda: self._deps.api.status(target, check=self._last_look))

    async def details(self, target: CallTarget) -> LiveState | None:
        """All of one campaign; None if the platform names none. Raises ReadFailed and StopRequested."""
        return await self._one(target, lambda: self._deps.api.get(target, check=self._last_look))

    async def states(
        self, target: CallTarget, wanted: AbstractSet[str], listed: AbstractSet[str] = frozenset()
    ) -> dict[str, LiveState]:
        """The wanted campaigns of the target's stream and type, by id. Raises ReadFailed and StopRequested.

        Uses as few calls as possible: if more pages are left than campaigns, the campaigns are read one by one. The
        `listed` ones need what only a list shows, so every page is read for them.
        """
        found: dict[str, LiveState] = {}
        page, more = 1, True
        while more and (missing := wanted - found.keys()):
            read = await self._page(target, page)
            known = len(found)
            found.update(read.live)
            self.read += len(missing & found.keys())
            missing -= found.keys()
            # A list that says "more" forever, with nothing new on it, must end too.
            page, more = page + 1, read.more and len(found) > known
            if more and read.left is not None and read.left > len(missing) and not missing & listed:
                return _only(found, wanted) | await self.by_id(target, sorted(missing))
        return _only(found, wanted)

    async def listing(
        self, target: CallTarget, on_page: Callable[[int, int | None], None] = lambda _read, _left: None
    ) -> dict[str, LiveState]:
        """All campaigns of the target's stream and type, by id, in a call per page. Raises as `states` does.

        After each page, `on_page` gets the number of campaigns that are read, and of pages that are left (None:
        unknown).
        """
        found: dict[str, LiveState] = {}
        page, more = 1, True
        while more:
            read = await self._page(target, page)
            # As in `states`: a list that says "more" forever must end, too.
            page, more = page + 1, read.more and not read.live.keys() <= found.keys()
            found.update(read.live)
            on_page(len(found), read.left)
        return found

    async def by_id(self, target: CallTarget, campaigns: Iterable[str]) -> dict[str, LiveState]:
        """These campaigns of the target's stream, in a call for each. Raises as `states` does."""
        details = [(one, await self.details(replace(target, campaign=one))) for one in campaigns]
        return {one: live for one, live in details if live is not None}

    async def _one(self, target: CallTarget, call: Callable[[], Awaitable[Read]]) -> LiveState | None:
        try:
            read = await self._read(call)
        except ReadFailed as failure:
            if is_not_found(failure.answer):
                return None
            raise
        finally:
            self.read += 1
        self._on_read(target, read.live)
        return read.live.get(target.campaign)

    async def contact_lists(self, target: CallTarget) -> tuple[ContactList, ...]:
        """All contact lists of the target's stream, in one call. Raises ReadFailed, StopRequested and LeaseLost.

        An answer that cannot be understood is a ReadFailed, too: no lists would mean something else.
        """
        read = await self._read(partial(self._deps.api.contact_lists, target, check=self._last_look), classify_lists)
        if read.lists is None:
            raise ReadFailed("the answer names no contact lists", read.answer)
        return read.lists

    async def stop(self, target: CallTarget) -> str:
        """Send a stop until it is confirmed; the platform's words. Raises ReadFailed, StopRequested and LeaseLost."""

        async def call() -> Read:
            return Read(await self._deps.api.stop(target, check=self._last_look))

        read = await self._read(call, classify_stop)
        return message_of(read.answer) if isinstance(read.answer, Reply) else ""

    async def list_once(self, target: CallTarget, page: int = 1) -> Read:
        """A page of the target's stream, not repeated after a failure. Raises StopRequested and LeaseLost."""
        read = await self._once(self._list_call(target, page))
        if self._is_ordered and may_refuse_order(read.answer):
            self._is_ordered = False
            read = await self._once(self._list_call(target, page))
        return read

    async def details_once(self, target: CallTarget) -> Read:
        """All of one campaign, not repeated after a failure. Raises StopRequested and LeaseLost."""
        return await self._once(lambda: self._deps.api.get(target, check=self._last_look))

    async def _page(self, target: CallTarget, page: int) -> Read:
        """One page of a list; where the platform refuses it, once more without an order."""
        read = await self._ordered_page(target, page)
        self._on_read(target, read.live)
        return read

    async def _ordered_page(self, target: CallTarget, page: int) -> Read:
        try:
            return await self._read(self._list_call(target, page))
        except ReadFailed as failure:
            if not (self._is_ordered and may_refuse_order(failure.answer)):
                raise
        self._is_ordered = False
        return await self._read(self._list_call(target, page))

    def _list_call(self, target: CallTarget, page: int) -> Callable[[], Awaitable[Read]]:
        return partial(self._deps.api.list, target, page, is_ordered=self._is_ordered, check=self._last_look)

    def _last_look(self) -> str | None:
        """Why the call may not be sent now, asked right before its first byte."""
        try:
            self.check()
        except (StopRequested, LeaseLost) as reason:
            return f"not sent: {reason}"
        return None

    async def _read(
        self,
        call: Callable[[], Awaitable[Read]],
        classify: Callable[[Reply | Fault], ReadKind] = classify_read,
    ) -> Read:
        retry = self._deps.manifest.retry
        begun: list[PosixSeconds] = []  # when the first answer came: waiting for the rate is no failure
        tries = dict.fromkeys(ReadKind, 0)
        asked = 0.0  # seconds that the last answer asks to wait

        async def once() -> tuple[ReadKind, Read]:
            nonlocal asked
            read = await self._once(call)
            begun.append(self._deps.clock.now())
            kind = classify(read.answer)
            # A call that this machine could not make is not an attempt; `max_elapsed` ends such calls.
            tries[kind] += not (isinstance(read.answer, Fault) and read.answer.lacks)
            asked = _asked(kind, read.answer)
            if kind is ReadKind.LIMITED:
                self._limiter.on_limited(read.answer)
            return kind, read

        def is_final(_: RetryCallState) -> bool:
            # Do not begin a wait that is longer than the time left: a call before its end would ignore what the
            # platform asked.
            elapsed = self._deps.clock.now() - begun[0]
            return (
                elapsed + asked >= retry.max_elapsed
                or self._stop_signal.stop is not None
                or tries[ReadKind.UNAUTHORIZED] > 1
                or tries[ReadKind.RETRY] >= retry.attempts
            )

        def pause(_: RetryCallState) -> float:
            return max(asked, backoff(max(1, tries[ReadKind.RETRY]), *retry.backoff, self._deps.draw))

        # 1. Ask until an answer is final.
        outcome: tuple[ReadKind, Read] = await AsyncRetrying(
            sleep=self._stop_signal.sleep,
            wait=pause,
            stop=is_final,
            retry=retry_if_result(lambda result: result[0] in _RETRIED),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )(once)
        # 2. Can the answer be used?
        kind, read = outcome
        if kind is not ReadKind.OK:
            self._deps.stop_signal.check()  # a run that was told to stop has not failed
            raise ReadFailed(_message(read.answer), read.answer)
        return read

    async def _once(self, call: Callable[[], Awaitable[Read]]) -> Read:
        await self._limiter.acquire(self.check)
        self.calls += 1
        # Whatever happens, the slot is released: with no answer, at the latest time the call can arrive.
        read: Read | None = None
        try:
            read = await call()
        finally:
            answer = read.answer if read else None
            self._limiter.release(arrived_by(answer, self._deps.clock.now(), self._deps.manifest.timeouts.total))
            self._limiter.on_shortage(answer)
        return read


def _only(found: dict[str, LiveState], wanted: AbstractSet[str]) -> dict[str, LiveState]:
    return {key: live for key, live in found.items() if key in wanted}


def _asked(kind: ReadKind, answer: Reply | Fault) -> float:
    """Seconds that a failed read's `Retry-After` asks to wait; the limiter waits for those of a 429."""
    return (wait_of(answer) or 0.0) if kind is ReadKind.RETRY and isinstance(answer, Reply) else 0.0


def _message(answer: Reply | Fault) -> str:
    return answer.text if isinstance(answer, Fault) else words_of(answer)
