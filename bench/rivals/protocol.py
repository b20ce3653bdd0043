"""The limit in Python: HTTP written by hand on asyncio's protocols, 64 connections, and nothing else."""

import asyncio
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[int]) -> None:
        self._requests, self._done, self._seen = requests, done, b""
        self.started = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self._done.set_result(self.started)
        else:
            self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) if found else 0
        if found and len(body) >= length:
            self.started += b'"status":"Active"' in body
            self._seen = body[length:]
            self._next()


async def _main(url: str, campaigns: Path) -> None:
    host = urlsplit(url)
    with campaigns.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    form = (
        "POST /campaign/api/v1/public/{stream}/campaign/{campaign}?campaignType=sms&trigger=play HTTP/1.1\r\n"
        f"Host: {host.netloc}\r\nauth: token\r\niid: {{stream}}\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\n\r\n{{}}"
    )
    requests = (form.format(**row).encode() for row in rows)
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[int]] = [loop.create_future() for _ in range(64)]
    for done in ends:
        await loop.create_connection(lambda done=done: _Connection(requests, done), host.hostname, host.port)  # type: ignore[misc]
    print(sum(await asyncio.gather(*ends)), "started")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
