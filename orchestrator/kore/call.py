"""One call on its way: the last look before its first byte, and how far it got."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import aiohttp
from aiohttp.http import StreamWriter

from orchestrator.kore.connection import Connection
from orchestrator.model import Fault, PosixSeconds, Progress
from orchestrator.ports import Check, Clock

if TYPE_CHECKING:
    from aiohttp.connector import Connection as Borrowed


class NotNowError(Exception):
    """The last look forbids the call."""


@dataclass(slots=True)
class Call:
    """One call's trace: how far it got."""

    clock: Clock
    token: str = field(repr=False)
    last_look: Callable[[], None]
    body: bytes = b""
    progress: Progress = Progress.UNSENT
    begun: PosixSeconds = field(init=False)
    sent_at: PosixSeconds | None = None
    http_status: int | None = None

    def __post_init__(self) -> None:
        self.begun = self.clock.now()

    def first_byte(self, connection: Connection) -> None:
        """The last look. Raises NotNowError, PermitError or UnaskedError, and then no byte leaves."""
        self.last_look()
        connection.ask()
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

    def not_sent(self, error: Exception) -> Fault:
        """The fault of a call of which nothing was written."""
        elapsed, withheld = self.clock.now() - self.begun, isinstance(error, NotNowError)
        return Fault(Progress.UNSENT, str(error), None, elapsed, withheld=withheld)

    def fault(self, text: str, fix: str = "", lacks: str = "") -> Fault:
        """The fault that the call ended with, given how far it got."""
        return Fault(self.progress, text, self.sent_at, self.elapsed, self.http_status, fix=fix, lacks=lacks)


CALL: Final[ContextVar[Call]] = ContextVar("CALL")
"""The call that the current task makes; aiohttp makes the request, and tells it nothing of the call."""


class Request(aiohttp.ClientRequest):
    """Looks, then hands head and body to the kernel in one piece.

    aiohttp's own `send` writes a body in a task of its own, on Python 3.11 one turn of the event loop later. In a busy
    process these are many milliseconds: a host suspended in between would wake up and send a call that is too late.
    Traces of headers and chunks are left out for the same reason: they are coroutines, and may wait.
    """

    async def send(self, conn: "Borrowed") -> aiohttp.ClientResponse:
        """Look, then write. Raises NotNowError, PermitError or UnaskedError, and writes nothing."""
        call, connection = CALL.get(), cast("Connection", conn.protocol)
        # 1. The head is made, and kept by the writer until the end is written.
        writer = StreamWriter(connection, self.loop)
        await writer.write_headers(f"{self.method} {self.url.raw_path_qs} HTTP/1.1", self.headers)
        # 2. From the look to the write, nothing waits.
        call.first_byte(connection)
        await writer.write_eof(call.body)
        call.written()
        # 3. aiohttp reads the answer; it has nothing left to write.
        return self.response_class(
            self.method,
            self.original_url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=self._traces,
            loop=self.loop,
            session=self.session,
            stream_writer=writer,
        )


def look(check: Check | None) -> None:
    """Ask whether the call may be sent. Raises NotNowError if it may not."""
    forbidden = check() if check is not None else None
    if forbidden is not None:
        raise NotNowError(forbidden)
