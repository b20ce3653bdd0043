"""HTTP replies as they are written: whole ones, and the ways in which they go wrong."""

import json
import socket
import struct
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from orchestrator.sandbox.limiter import Reply

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_MISSING_BYTES: Final = 64


def whole(reply: Reply, now: float) -> web.Response:
    """A complete JSON reply."""
    headers = {"Date": formatdate(now, usegmt=True)} | reply.headers
    return web.json_response(reply.json, status=reply.http_status, headers=headers)


def raw(reply: Reply, now: float) -> bytes:
    """The same reply as the bytes that go over the wire."""
    body = json.dumps(reply.json).encode()
    head = [f"HTTP/1.1 {reply.http_status} {HTTPStatus(reply.http_status).phrase}"]
    head += [f"{name}: {value}" for name, value in reply.headers.items()]
    head += [f"Date: {formatdate(now, usegmt=True)}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def write(request: web.Request, data: bytes) -> None:
    """Write to a request's connection, where it is still open."""
    if request.transport is not None and not request.transport.is_closing():
        request.transport.write(data)


def page(http_status: int, title: str) -> web.Response:
    """A gateway's web page."""
    text = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return web.Response(status=http_status, text=text, content_type="text/html")


def reset(request: web.Request) -> ConnectionResetError:
    """Abort the connection with a TCP RST. Raise the result: aiohttp then gives up on the reply."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        # Lingering for 0 seconds: closing sends an RST instead of an orderly FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return ConnectionResetError("reset by a fault")


async def truncated(request: web.Request, http_status: int, payload: dict[str, Any]) -> web.StreamResponse:
    """Headers that promise more than the body holds, half the body, and a closed connection."""
    body = json.dumps(payload).encode()
    response = web.StreamResponse(status=http_status, headers={"Content-Type": "application/json"})
    response.content_length = len(body) + _MISSING_BYTES
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        # The rest that was promised never comes: the closed connection is what tells the caller.
        request.transport.close()
    return response
