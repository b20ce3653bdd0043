"""A server that limits: 60 calls a second and account, in a sliding window or in calendar seconds, and answers late.

It keeps an exact record of its own, shares nothing with the tool, and runs in a process of its own:

python -m bench.limited sliding|fixed LATENCY     prints its port; ends, with its record, on a line of input
"""

import asyncio
import json
import random
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from time import time
from typing import ClassVar, Final

LIMIT: Final = 60
"""Calls a second."""

_ACTIVE: Final = b'{"status":"Active"}'
_LIMITED: Final = b'{"errors":[{"msg":"You have exceeded the per-minute rate limit."}]}'


class Sliding:
    """At most LIMIT calls in any second. A refused call counts for nothing."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def admits(self, at: float) -> bool:
        while self._times and self._times[0] <= at - 1.0:
            self._times.popleft()
        if len(self._times) == LIMIT:
            return False
        self._times.append(at)
        return True


class Fixed:
    """At most LIMIT calls in each calendar second."""

    def __init__(self) -> None:
        self._second, self._calls = 0, 0

    def admits(self, at: float) -> bool:
        if int(at) != self._second:
            self._second, self._calls = int(at), 0
        self._calls += 1
        return self._calls <= LIMIT


class Server(asyncio.Protocol):
    """One connection: just enough HTTP for a call without surprises."""

    arrivals: ClassVar[dict[str, list[float]]] = defaultdict(list)
    refused: ClassVar[dict[str, int]] = defaultdict(int)

    def __init__(self, admits: Callable[[str, float], bool], latency: float) -> None:
        self._admits, self._latency, self._seen = admits, latency, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        at = time()
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if b": " in line)
        length = int(fields.get(b"content-length", 0))
        if not found or len(body) < length:
            return
        self._seen = body[length:]
        account = fields[b"accountid"].decode()
        is_admitted = self._admits(account, at)
        self.arrivals[account].append(at)
        self.refused[account] += not is_admitted
        wait = self._latency * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not secrecy
        asyncio.get_running_loop().call_later(wait, self._answer, is_admitted)

    def _answer(self, is_admitted: bool) -> None:  # noqa: FBT001 - called by the loop
        line, body = (b"200 OK", _ACTIVE) if is_admitted else (b"429 Too Many Requests", _LIMITED)
        head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (line, len(body))
        self._transport.write(head + body)  # type: ignore[attr-defined]


async def _main(kind: str, latency: float) -> None:
    windows: dict[str, Sliding | Fixed] = defaultdict(Sliding if kind == "sliding" else Fixed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Server(lambda account, at: windows[account].admits(at), latency), "127.0.0.1", 0, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(json.dumps({"arrivals": Server.arrivals, "refused": Server.refused}), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], float(sys.argv[2])))
