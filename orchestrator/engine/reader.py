"""Calls that may be repeated, reads and stops; they spend the lane's budget like any call."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from orchestrator.core.attempt.verdict import ReadKind, backoff, classify_read, classify_stop, message_of
from orchestrator.core.rules.pacing import arrived_by
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.errors import LeaseLost
from orchestrator.model import CallTarget, Fault, Lane, LiveState, Read, Reply

_RETRIED = frozenset({ReadKind.RETRY, ReadKind.LIMITED, ReadKind.UNAUTHORIZED})


@dataclass(slots=True)
class ReadFailed(Exception):  # noqa: N818 - the caller decides what it means
    """A read was refused, or failed as often as the manifest allows."""

    message: str
    unauthorized: bool = False


class Reader:
    """Lists, status calls and stops of one lane, paced and retried."""

    def __init__(self, deps: RunDeps, lane: Lane, limiter: RateLimiter, stop_signal: StopSignal) -> None:
        self._deps = deps
        self._lane = lane
        self._limiter = limiter
        self._stop_signal = stop_signal

    def check(self) -> None:
        """Raise StopRequested or LeaseLost where no call, not even a read, may leave this lane now."""
        self._stop_signal.check()
        if not self._deps.journal.holds(self._lane):
            # The run that has the lane now relies on it that nothing leaves here.
            raise LeaseLost("this run's lease has ended, or another run has taken it")

    async def status(self, target: CallTarget) -> LiveState | None:
        """The state of one campaign; None where the platform names none. Raises ReadFailed and StopRequested."""
        read = await self._read(lambda: self._deps.api.status(target, check=self._last_look))
        return read.live.get(target.campaign)

    async def details(self, target: CallTarget) -> LiveState | None:
        """All of one campaign; None where the platform names none. Raises ReadFailed and StopRequested."""
        read = await self._read(lambda: self._deps.api.get(target, check=self._last_look))
        return read.live.get(target.campaign)

    async def states(self, target: CallTarget, wanted: set[str]) -> dict[str, LiveState]:
        """The wanted campaigns of the target's stream and type, by id. Raises ReadFailed and StopRequested."""
        found: dict[str, LiveState] = {}
        page, more = 1, True
        while more and not wanted <= found.keys():
            read = await self._read(partial(self._deps.api.list, target, page, check=self._last_look))
            known = len(found)
            found.update(read.live)
            # A list that says "more" for ever, with nothing new on it, must end too.
            page, more = page + 1, read.more and len(found) > known
        return {key: live for key, live in found.items() if key in wanted}

    async def stop(self, target: CallTarget) -> str:
        """Send a stop until it is confirmed; the platform's words. Raises ReadFailed, StopRequested and LeaseLost."""

        async def call() -> Read:
            return Read(await self._deps.api.stop(target, check=self._last_look))

        read = await self._read(call, classify_stop)
        return message_of(read.answer) if isinstance(read.answer, Reply) else ""

    async def list_once(self, target: CallTarget) -> Read:
        """The first page of the target's stream, asked for once. Raises StopRequested and LeaseLost."""
        return await self._once(lambda: self._deps.api.list(target, 1, check=self._last_look))

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
        begun: list[float] = []  # when the first answer came: waiting for the rate is no failure
        tries = dict.fromkeys(ReadKind, 0)

        async def once() -> tuple[ReadKind, Read]:
            read = await self._once(call)
            begun.append(self._deps.clock.now())
            kind = classify(read.answer)
            tries[kind] += 1
            if kind is ReadKind.LIMITED:
                self._limiter.on_limited(read.answer)
            return kind, read

        def is_final(_: RetryCallState) -> bool:
            late = self._deps.clock.now() - begun[0] >= retry.max_elapsed
            return (
                late
                or self._stop_signal.stop is not None
                or tries[ReadKind.UNAUTHORIZED] > 1
                or tries[ReadKind.RETRY] >= retry.attempts
            )

        def pause(_: RetryCallState) -> float:
            return backoff(max(1, tries[ReadKind.RETRY]), *retry.backoff, self._deps.draw)

        # 1. Ask until an answer is final.
        outcome: tuple[ReadKind, Read] = await AsyncRetrying(
            sleep=self._stop_signal.sleep,
            wait=pause,
            stop=is_final,
            retry=retry_if_result(lambda result: result[0] in _RETRIED),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )(once)
        # 2. Is it one that can be used?
        kind, read = outcome
        if kind is not ReadKind.OK:
            self._deps.stop_signal.check()  # a run that was told to stop has not failed
            raise ReadFailed(_message(read.answer), unauthorized=kind is ReadKind.UNAUTHORIZED)
        return read

    async def _once(self, call: Callable[[], Awaitable[Read]]) -> Read:
        await self._limiter.acquire(self.check)
        # Whatever happens, the slot is released: with no answer, at the latest time the call can arrive.
        read: Read | None = None
        try:
            read = await call()
        finally:
            answer = read.answer if read else None
            self._limiter.release(arrived_by(answer, self._deps.clock.now(), self._deps.manifest.timeouts.total))
        return read


def _message(answer: Reply | Fault) -> str:
    if isinstance(answer, Fault):
        return answer.text
    return f"HTTP {answer.http_status}: {message_of(answer)}"
