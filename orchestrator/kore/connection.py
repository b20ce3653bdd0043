"""Kept connections: bytes that come before our own first byte are no answer to our call."""

import asyncio
import select
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler


class UnaskedError(aiohttp.ClientConnectionError):
    """The connection spoke, or ended, before our own first byte: the call was not sent."""


class TunnelPageError(aiohttp.ClientConnectionError):
    """A proxy answered the request for a tunnel with 200 and a page."""


class Connection(ResponseHandler):
    """A connection that listens only while a call of ours is out.

    A second answer to the call before, or a proxy's 408 for an idle connection, would otherwise count as the answer to
    the next start, whose own bytes never left.
    """

    is_asked = False  # from a request's first byte until the connection is put back
    is_kept = False  # it has carried a call before

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop when there is a connection."""
        super().connection_made(transport)
        self._unread = select.poll()
        self._unread.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def ask(self) -> None:
        """Our first byte leaves right after this. Raises UnaskedError, and then the connection is closed."""
        if self.transport is None or self.transport.is_closing():
            raise UnaskedError("the connection was lost before the first byte was sent")
        # What the kernel holds unread came before our request, too. On a new TLS connection it may be of the handshake.
        of_a_handshake = not self.is_kept and self.transport.get_extra_info("sslcontext") is not None
        if not of_a_handshake and self._unread.poll(0):
            raise self._give_up()
        self.is_asked = True

    def start_timeout(self) -> None:
        """Called by aiohttp right before it writes a request of its own, which asks a proxy for a tunnel."""
        self.ask()
        super().start_timeout()

    def data_received(self, data: bytes) -> None:
        """Bytes from the server; they close the connection where nothing was asked."""
        if self.is_asked or not data:  # aiohttp itself calls it with nothing, to go on with what it has
            super().data_received(data)
        else:
            self._give_up()

    def _give_up(self) -> UnaskedError:
        error = UnaskedError("the server sent something or hung up before the first byte was sent")
        self.set_exception(error)
        if self.transport is not None:
            self.transport.close()
        return error


class Connector(aiohttp.TCPConnector):
    """Makes such connections, and notes when one is put back."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = cast("partial[ResponseHandler]", partial(Connection, loop=self._loop))

    async def _start_tls_connection(
        self,
        underlying_transport: asyncio.Transport,
        req: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
        client_error: type[Exception] = aiohttp.ClientConnectorError,
    ) -> tuple[asyncio.BaseTransport, ResponseHandler]:
        """TLS through a proxy's tunnel. Raises TunnelPageError if the proxy sent a page: TLS would wait in vain."""
        payload = getattr(underlying_transport.get_protocol(), "_payload", None)
        if getattr(payload, "total_bytes", 0):
            underlying_transport.close()
            raise TunnelPageError
        return await super()._start_tls_connection(underlying_transport, req, timeout, client_error)

    def _release(self, key: Any, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        if isinstance(protocol, Connection):
            protocol.is_asked, protocol.is_kept = False, True
        super()._release(key, protocol, should_close=should_close)
