"""End points for notices on loopback, good and hostile: each in a thread of its own, and with what it received."""

import asyncio
import json
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class EndPoint:
    """An HTTP server that answers each request as `behaviour` does; `port` is where it listens."""

    behaviour: str = "ok"
    elsewhere: str = ""
    port: int = 0
    requests: list = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def place(self):
        return f"127.0.0.1:{self.port}"

    @property
    def notices(self):
        """The JSON that webhooks got."""
        return [json.loads(body) for _, _, body in self.requests]

    def events(self):
        return [notice["event"] for notice in self.notices]

    async def serve(self, reader, writer):
        try:
            await self.answer(reader, writer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append((lines[0], headers, body))
        await getattr(self, f"answer_{self.behaviour}")(writer)

    async def answer_ok(self, writer):
        writer.write(OK)
        await writer.drain()

    async def answer_late_ok(self, writer):
        """Fails once, and then answers."""
        writer.write(OK if len(self.requests) > 1 else b"HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def answer_released(self, writer):
        """Answers once it is released."""
        await asyncio.to_thread(self.released.wait, 60)
        await self.answer_ok(writer)

    async def answer_fails(self, writer):
        writer.write(b"HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def answer_redirects(self, writer):
        writer.write(f"HTTP/1.1 307 go\r\nLocation: {self.elsewhere}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    async def answer_silent(self, writer):  # noqa: ARG002 - as all answers
        await asyncio.sleep(60)

    async def answer_drips(self, writer):
        for byte in OK[:-1] * 9:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.2)

    async def answer_endless_body(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        await self._flood(writer, b"x" * 65536)

    async def answer_endless_failure(self, writer):
        writer.write(b"HTTP/1.1 500 no\r\nContent-Type: text/plain\r\n\r\n")
        await self._flood(writer, b"x" * 65536)

    async def answer_endless_headers(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await self._flood(writer, b"X-More: " + b"x" * 1000 + b"\r\n")

    async def answer_huge_header(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nX-More: " + b"x" * 5_000_000 + b"\r\n\r\n")
        await writer.drain()

    async def answer_garbage(self, writer):
        writer.write(b"\x16\x03\x01 no http at all\r\n\r\n")
        await writer.drain()

    async def answer_resets(self, writer):
        handle = writer.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _flood(self, writer, chunk):
        while True:
            writer.write(chunk)
            await writer.drain()


@contextmanager
def end_point(behaviour="ok", elsewhere=""):
    """An end point that serves while the block runs."""
    made, loop, ready = EndPoint(behaviour, elsewhere), asyncio.new_event_loop(), threading.Event()

    async def listen():
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        return server

    async def end(server):
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # connections that were aborted are closed now

    def run():
        server = loop.run_until_complete(listen())
        loop.run_forever()
        loop.run_until_complete(end(server))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
