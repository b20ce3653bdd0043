"""Calls that may be repeated, reads and stops; they spend the lane's budget like any call."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from orchestrator.core.attempt.verdict import ReadKind, backoff, classify_read, classify_stop, message_of
from orchestrator.core.rules.pacing import arrived_by
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.run_state import Context
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.engine.throttle import Throttle
from orchestrator.model import CallTarget, Fault, LiveState, Read, Reply


@dataclass(slots=True)
class ReadFailed(Exception):  # noqa: N818 - the caller decides what it means
    """A read was refused, or failed as often as the manifest allows."""

    message: str
    unauthorized: bool = False


class Reader:
    """Lists, status calls and stops of one lane, paced and retried."""

    def __init__(self, context: Context, gate: RateLimiter, stop_signal: StopSignal, throttle: Throttle) -> None:
        self._context = context
        self._gate = gate
        self._stop_signal = stop_signal
        self._throttle = throttle

    async def status(self, target: CallTarget) -> LiveState | None:
        """The state of one campaign; None where the platform does not tell. Raises ReadFailed and Halted."""
        read = await self._read(lambda: self._context.api.status(target, check=self._gate.objection))
        return read.live.get(target.campaign)

    async def details(self, target: CallTarget) -> LiveState | None:
        """All of one campaign; None where the platform does not tell. Raises ReadFailed and Halted."""
        read = await self._read(lambda: self._context.api.get(target, check=self._gate.objection))
        return read.live.get(target.campaign)

    async def states(self, target: CallTarget, wanted: set[str]) -> dict[str, LiveState]:
        """The wanted campaigns of the target's stream and type, by id. Raises ReadFailed and Halted."""
        found: dict[str, LiveState] = {}
        page, more = 1, True
        while more and not wanted <= found.keys():
            call = partial(self._context.api.list, target, page, check=self._gate.objection)
            read = await self._read(call)
            known = len(found)
            found.update(read.live)
            # A list that says "more" for ever, with nothing new on it, must end too.
            page, more = page + 1, read.more and len(found) > known
        return {key: live for key, live in found.items() if key in wanted}

    async def stop(self, target: CallTarget) -> str:
        """Send a stop until it is confirmed; the platform's words. Raises ReadFailed, Halted and LeaseLost."""

        async def call() -> Read:
            return Read(await self._context.api.stop(target, check=self._gate.objection))

        read = await self._read(call, classify_stop)
        return message_of(read.answer) if isinstance(read.answer, Reply) else ""

    async def look(self, target: CallTarget) -> Read:
        """One page of the target's stream, asked for once, whatever comes back. Raises Halted and LeaseLost."""
        return await self._once(lambda: self._context.api.list(target, 1, check=self._gate.objection))

    async def _read(
        self,
        call: Callable[[], Awaitable[Read]],
        classify: Callable[[Reply | Fault], ReadKind] = classify_read,
    ) -> Read:
        retry = self._context.manifest.retry
        begun: list[float] = []  # when the first answer came: waiting for the rate is no failure
        tries = dict.fromkeys(ReadKind, 0)

        async def once() -> tuple[ReadKind, Read]:
            read = await self._once(call)
            begun.append(self._context.clock.now())
            kind = classify(read.answer)
            tries[kind] += 1
            if kind is ReadKind.LIMITED:
                self._throttle.limited(read.answer)
            return kind, read

        def is_final(_: RetryCallState) -> bool:
            late = self._context.clock.now() - begun[0] >= retry.max_elapsed
            return (
                late
                or self._stop_signal.stop is not None
                or tries[ReadKind.UNAUTHORIZED] > 1
                or tries[ReadKind.RETRY] >= retry.attempts
            )

        def pause(_: RetryCallState) -> float:
            return backoff(max(1, tries[ReadKind.RETRY]), *retry.backoff, self._context.random)

        again = {ReadKind.RETRY, ReadKind.LIMITED, ReadKind.UNAUTHORIZED}
        outcome: tuple[ReadKind, Read] = await AsyncRetrying(
            sleep=self._stop_signal.sleep,
            wait=pause,
            stop=is_final,
            retry=retry_if_result(lambda result: result[0] in again),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )(once)
        kind, read = outcome
        if kind is not ReadKind.OK:
            self._context.stop_signal.check()  # a run that was told to stop has not failed
            raise ReadFailed(_words(read.answer), unauthorized=kind is ReadKind.UNAUTHORIZED)
        return read

    async def _once(self, call: Callable[[], Awaitable[Read]]) -> Read:
        await self._gate.enter()
        read: Read | None = None
        try:
            read = await call()
        finally:
            answer = read.answer if read else None
            self._gate.leave(arrived_by(answer, self._context.clock.now(), self._context.manifest.timeouts.total))
        return read


def _words(answer: Reply | Fault) -> str:
    if isinstance(answer, Fault):
        return answer.text
    return f"HTTP {answer.http_status}: {message_of(answer)}"
