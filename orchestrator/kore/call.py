"""One call on its way: the last look before its first byte, and how far it got."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from aiohttp.payload import BytesPayload

from orchestrator.core.attempt.permit import PermitError
from orchestrator.kore.connection import Connection, UnaskedError
from orchestrator.model import Fault, PosixSeconds, Progress
from orchestrator.ports import Check, Clock


class NotNowError(Exception):
    """The last look forbids the call."""


@dataclass(slots=True)
class Call:
    """One call's trace: how far it got, and why it was not sent."""

    clock: Clock
    token: str = field(repr=False)
    last_look: Callable[[], None]
    progress: Progress = Progress.UNSENT
    begun: PosixSeconds = field(init=False)
    sent_at: PosixSeconds | None = None
    http_status: int | None = None
    refusal: str | None = None
    withheld: bool = False

    def __post_init__(self) -> None:
        self.begun = self.clock.now()

    def first_byte(self, connection: Connection | None = None) -> None:
        """The last look. Raises NotNowError, PermitError or UnaskedError, and then no byte leaves."""
        try:
            self.last_look()
            if connection is not None:
                connection.ask()
        except (NotNowError, PermitError, UnaskedError) as error:
            self.refusal = str(error)
            self.withheld = isinstance(error, NotNowError)
            raise
        # From here on the platform may have received it, even if the write fails.
        self.progress = Progress.SENDING
        self.sent_at = self.clock.now()

    def written(self) -> None:
        """The kernel has it. A host that slept since the last look sends it only now: its slot counts from now."""
        self.sent_at = self.clock.now()

    @property
    def elapsed(self) -> float:
        """Seconds since it was written, or begun."""
        return self.clock.now() - (self.sent_at if self.sent_at is not None else self.begun)

    def not_sent(self, text: str) -> Fault:
        """The fault of a call of which nothing was written, although its last look allowed it."""
        return Fault(Progress.UNSENT, text, None, self.clock.now() - self.begun)

    def fault(self, text: str, fix: str = "") -> Fault:
        """The fault that the call ended with, given how far it got."""
        return Fault(self.progress, text, self.sent_at, self.elapsed, self.http_status, self.withheld, fix)


class Body(BytesPayload):
    """A request's body. aiohttp writes the headers with it, in one piece.

    The last look is here, because no other task runs between it and the moment at which the kernel has the request.
    aiohttp's own trace of the headers comes one turn of the event loop earlier on Python 3.11, which is many
    milliseconds in a busy process: a host that is suspended in between would wake up and send a call that is too late.
    """

    def __init__(self, call: Call, value: bytes) -> None:
        super().__init__(value)
        self._call = call

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Look, then write. Raises NotNowError, PermitError or UnaskedError, and writes nothing."""
        self._call.first_byte(cast("Connection", cast("StreamWriter", writer).protocol))
        await super().write_with_length(writer, content_length)
        self._call.written()


async def on_headers_sent(_: aiohttp.ClientSession, context: Any, __: aiohttp.TraceRequestHeadersSentParams) -> None:
    """The last look of a call without a body: aiohttp hands its headers to the transport right after this."""
    call: Call = context.trace_request_ctx
    call.first_byte()


def look(check: Check | None) -> None:
    """Ask whether the call may be sent. Raises NotNowError where it may not."""
    forbidden = check() if check is not None else None
    if forbidden is not None:
        raise NotNowError(forbidden)
