"""A run of 10,000 campaigns seen live by 20 viewers: how late the pages are, and what the server takes.

python -m bench.serve [COUNT]
"""

import asyncio
import json
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import aiohttp

from bench.harness import ENVIRONMENT, RUN, manifest, table
from bench.hour import look
from bench.target import target

_VIEWERS: Final = 20
_ACCOUNTS: Final = 20
_STARTED: Final = re.compile(r"<b>([\d,]+)</b> <span>started")

_Seen = list[tuple[float, int]]
"""When a page showed how many campaigns as started: POSIX seconds."""


def measure(count: int = 10_000) -> str:
    """The table."""
    with tempfile.TemporaryDirectory() as name, target() as url:
        directory = Path(name)
        manifest(directory, url, count, accounts=_ACCOUNTS, rate="[5/1s]", in_flight=3)
        return asyncio.run(_watched(directory, count))


async def _watched(directory: Path, count: int) -> str:
    serve = subprocess.Popen(  # noqa: ASYNC220, S603 - our own
        [*RUN[:3], "serve", "--port", "0"], cwd=directory, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    assert serve.stdout is not None  # noqa: S101 - a pipe
    url = serve.stdout.readline().removeprefix("serving ").strip()
    run = subprocess.Popen(  # noqa: ASYNC220, S603 - our own
        RUN, cwd=directory, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession(read_bufsize=2**24, max_line_size=2**24) as session:
            while (await session.get(f"{url}launches/bench")).status != 200:  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.1)
            before, begun = look(serve.pid), time.monotonic()
            tasks = [asyncio.create_task(_view(session, url, count)) for _ in range(_VIEWERS)]
            while run.poll() is None:  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.5)
            after, took = look(serve.pid), time.monotonic() - begun
            seen = await asyncio.gather(*tasks)
    finally:
        serve.terminate()
        run.wait()
        serve.wait()
    lags = _lags(directory, seen)
    cuts = statistics.quantiles(lags, n=100)
    rows = [[f"{count:,}", str(_VIEWERS), f"{took:.0f}", f"{cuts[49]:.2f}", f"{cuts[94]:.2f}", f"{max(lags):.2f}",
             f"{after[0]:.0f}", f"{(after[2] - before[2]) / took:.1%}"]]  # fmt: skip
    heads = ["campaigns", "viewers", "seconds", "lag p50 s", "lag p95 s", "most s", "MB", "of a core"]
    return table(heads, rows)


async def _view(session: aiohttp.ClientSession, url: str, count: int) -> _Seen:
    """Watch until all have started."""
    seen: _Seen = []
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.get(f"{url}launches/bench/events", timeout=timeout) as reply:
        async for line in reply.content:
            if not line.startswith(b"data: {"):
                continue
            found = _STARTED.search(json.loads(line[6:]).get("now", ""))
            if found is not None:
                seen.append((time.time(), int(found[1].replace(",", ""))))
                if seen[-1][1] >= count:
                    break
    return seen


def _lags(directory: Path, seen: list[_Seen]) -> list[float]:
    """For each viewer and campaign, how long after its record the page showed it, in seconds."""
    with closing(sqlite3.connect(directory / ".orchestrator" / "ledger.db")) as ledger:
        at = [row[0] for row in ledger.execute("SELECT at FROM journal WHERE kind = 'verdict' ORDER BY id")]
    lags = []
    for viewer in seen:
        shown = viewer[0][1] if viewer else 0  # what was there before it came
        for moment, started in viewer:
            lags += [moment - one for one in at[shown:started]]
            shown = max(shown, started)
    return lags


if __name__ == "__main__":
    print(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
