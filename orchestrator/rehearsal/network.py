"""The network between us and the platform, in virtual time: a call's fate is decided when it is made."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Final, Protocol

from orchestrator.core.attempt.permit import Permit, PermitError
from orchestrator.kore import contacts, wire
from orchestrator.model import CallTarget, CampaignKey, Fault, PosixSeconds, Progress, Read, Reply
from orchestrator.ports import Check, Clock
from orchestrator.sandbox.platform import Call, Platform

_TEXT: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers: a JSON value, or a text that is not JSON."""

    http_status: int
    payload: Any = None
    text: str = ""
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class CallFate:
    """What happens to one call on its way. Times are in seconds.

    Fields that are set rule out those after them, in this order: `unsent`, `lost`, `cut`, `refused`, `limited`,
    `acts_after`, `answer`, `broken`.
    """

    connecting: float = 0.0  # before the first byte
    unsent: str = ""  # no connection, and why
    there: float = 0.05  # until the request arrives: at most the client's timeout
    lost: bool = False  # the request never arrives
    cut: float | None = None  # the caller loses the connection after this time, whether or not the request arrived
    refused: Answer | None = None  # the platform answers this and does nothing
    limited: bool = False  # its rate limiter refuses, because another client used the account's rate limit
    acts_after: float = 0.0  # the platform acts this much later than it answers
    answer: Answer | None = None  # the platform acts, and answers this
    back: float = 0.05  # until the answer arrives
    broken: Progress | None = None  # how far the answer gets


class Watcher(Protocol):
    """Watches calls on their way. Its methods are called at the moment when the thing happens."""

    def sent(self, call: Call, permit: Permit | None) -> None:
        """The first byte leaves."""
        ...

    def arrived(self, call: Call) -> None:
        """The request is at the platform."""
        ...

    def answered(self, call: Call, answer: Reply | Fault) -> None:
        """The caller knows how it ended."""
        ...


class NoWatcher:
    """Nobody watches."""

    def sent(self, call: Call, permit: Permit | None) -> None:
        """Nothing."""

    def arrived(self, call: Call) -> None:
        """Nothing."""

    def answered(self, call: Call, answer: Reply | Fault) -> None:
        """Nothing."""


class VirtualApi:
    """A CampaignApi over a model of the platform. `fate` decides what happens to a call; `timeout` is in seconds.

    `platform_clock` is the platform's clock, where it differs from the callers'.
    """

    def __init__(
        self,
        platform: Platform,
        clock: Clock,
        fate: Callable[[Call], CallFate],
        timeout: float,
        *,
        watcher: Watcher | None = None,
        platform_clock: Clock | None = None,
    ) -> None:
        self._platform = platform
        self._clock = clock
        self._fate_of = fate
        self._timeout = timeout
        self._watcher = watcher or NoWatcher()
        self._platform_clock = platform_clock or clock
        self._loop = asyncio.get_running_loop()

    async def start(self, target: CallTarget, permit: Permit, *, check: Check) -> Reply | Fault:
        """Send one start; the permit is used up right before the first byte, or the call is UNSENT."""
        return await self._call(_call_of("start", target, {}), check, permit)

    async def stop(self, target: CallTarget, *, check: Check | None = None) -> Reply | Fault:
        """Send `trigger=stop`."""
        return await self._call(_call_of("stop", target, {}), check)

    async def list(self, target: CallTarget, page: int, *, is_ordered: bool = True, check: Check | None = None) -> Read:
        """One page, from 1, of the campaigns of the target's stream and type."""
        answer = await self._call(_call_of("list", target, wire.list_body(target, page, is_ordered=is_ordered)), check)
        return Read(answer, *wire.read_list(answer.payload, page)) if isinstance(answer, Reply) else Read(answer)

    async def status(self, target: CallTarget, *, check: Check | None = None) -> Read:
        """The state of one campaign."""
        answer = await self._call(_call_of("status", target, {}), check)
        return Read(answer, wire.read_status(answer.payload) if isinstance(answer, Reply) else {})

    async def get(self, target: CallTarget, *, check: Check | None = None) -> Read:
        """Everything that the platform reports about one campaign."""
        answer = await self._call(_call_of("get", target, {}), check)
        return Read(answer, wire.read_status(answer.payload) if isinstance(answer, Reply) else {})

    async def contact_lists(self, target: CallTarget, *, check: Check | None = None) -> Read:
        """All contact lists of the target's stream."""
        answer = await self._call(_call_of("lists", replace(target, campaign=""), {}), check)
        return Read(answer, lists=contacts.read(answer.payload) if isinstance(answer, Reply) else None)

    async def _call(self, call: Call, check: Check | None, permit: Permit | None = None) -> Reply | Fault:
        begun, fate = self._clock.now(), self._fate_of(call)
        # 1. Connect.
        if fate.connecting:
            await asyncio.sleep(fate.connecting)
        # 2. The last look, as late as a real client takes it.
        withheld = None if fate.unsent or check is None else check()
        forbidden = fate.unsent or withheld or self._use(permit, call)
        if forbidden:
            elapsed = self._clock.now() - begun
            return Fault(Progress.UNSENT, forbidden, None, elapsed, withheld=withheld is not None)
        # 3. The first byte leaves: from here on it may be carried out.
        self._watcher.sent(call, permit)
        answer = await _Exchange(self, call, fate).wait()
        self._watcher.answered(call, answer)
        return answer

    def _use(self, permit: Permit | None, call: Call) -> str | None:
        """Use the permit up, right before the first byte. Why it cannot be used, in words; None otherwise."""
        if permit is not None:
            try:
                permit.use(CampaignKey(call.key), self._clock.now())
            except PermitError as why:
                return str(why)
        return None

    def arrive(self, call: Call, fate: CallFate) -> Answer:
        """The platform's answer to a request that has arrived, and what the platform does because of it."""
        now = self._platform_clock.now()
        self._watcher.arrived(call)
        # The rate limit first: on the platform, too, it counts calls that are then refused.
        limited = self._platform.arrive(call.account_id, now)
        if limited is None and fate.limited:
            limited = self._platform.refuse(call.account_id, now)
        if limited is not None:
            return Answer(limited.http_status, limited.json, retry_after=limited.headers.get("Retry-After"))
        if fate.refused is not None:
            return fate.refused
        if fate.acts_after:
            # Answered as failed, and carried out all the same: the case in which a repeated start texts people twice.
            self._loop.call_later(fate.acts_after, self._act, call)
            return fate.answer or Answer(504, text="Gateway Time-out")
        status, payload = self._act(call)
        return fate.answer or Answer(status, payload)

    def _act(self, call: Call) -> tuple[int, dict[str, Any]]:
        return self._platform.act(call, self._platform_clock.now())

    @property
    def clock(self) -> Clock:
        """The callers' clock."""
        return self._clock

    @property
    def date(self) -> PosixSeconds:
        """The time by the platform's clock, in POSIX seconds."""
        return self._platform_clock.now()

    @property
    def timeout(self) -> float:
        """Seconds a call may take."""
        return self._timeout


class _Exchange:
    """A request on its way. It arrives, and acts, whether or not its caller still waits."""

    def __init__(self, api: VirtualApi, call: Call, fate: CallFate) -> None:
        self._api = api
        self._fate = fate
        self._loop = asyncio.get_running_loop()
        self._sent_at = api.clock.now()
        self._done: asyncio.Future[Reply | Fault] = self._loop.create_future()
        # Whatever comes first ends the wait. The request goes on without its caller.
        self._timer = self._loop.call_later(api.timeout, self._end, Progress.SENDING, "timeout")
        if fate.cut is not None:
            self._loop.call_later(fate.cut, self._end, Progress.SENDING, "the connection was lost")
        if fate.lost:
            self._loop.call_later(fate.back, self._end, Progress.SENDING, "the connection was lost")
        else:
            self._loop.call_later(fate.there, self._arrive, call)

    async def wait(self) -> Reply | Fault:
        try:
            return await self._done
        finally:
            self._timer.cancel()

    def _arrive(self, call: Call) -> None:
        answer = self._api.arrive(call, self._fate)
        self._loop.call_later(self._fate.back, self._answer, answer)

    def _answer(self, answer: Answer) -> None:
        broken = self._fate.broken
        if broken is not None:
            status = answer.http_status if broken is Progress.ANSWERED else None
            self._end(broken, "the connection was lost", status)
        elif not self._done.done():
            text = answer.text if answer.payload is None else json.dumps(answer.payload)[:_TEXT]
            date = None if answer.retry_after is None else formatdate(self._api.date, usegmt=True)
            self._done.set_result(
                Reply(
                    answer.http_status, answer.payload, text, self._sent_at, self._elapsed(), answer.retry_after, date
                )
            )

    def _end(self, progress: Progress, text: str, http_status: int | None = None) -> None:
        if not self._done.done():
            self._done.set_result(Fault(progress, text, self._sent_at, self._elapsed(), http_status))

    def _elapsed(self) -> float:
        return self._api.clock.now() - self._sent_at


def _call_of(op: str, target: CallTarget, body: dict[str, Any]) -> Call:
    return Call(op, target.account_id, target.stream, target.campaign, str(target.type), body)
