"""Pacing over real connections: 20 accounts at 60 calls a second each for 20 s, against a server that counts.

The budget used is counted by the server: whole windows of 60 admitted calls, over the seconds between an account's
first call and its last. The last window's calls do not count, or a burst at the beginning would look like a rate.
The tool may use what is provably safe without knowing latencies beforehand: a slot is held until its reply + window
(design section 7), so that of windows as short as these a latency L takes L / (1 + L).
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.harness import RUN, manifest, table, timed
from bench.limited import LIMIT
from bench.rivals.paced import LIMITERS

_SECONDS: Final = 20
_ACCOUNTS: Final = 20
_LATENCIES: Final = (0.001, 0.050, 0.500)


@contextlib.contextmanager
def _server(kind: str, latency: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Its address, and its record once it has ended."""
    record: dict[str, Any] = {}
    command = [sys.executable, "-m", "bench.limited", kind, str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield f"http://127.0.0.1:{(process.stdout.readline() if process.stdout else '').strip()}", record
        record.update(json.loads(process.communicate("\n")[0]))


def _ours(url: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        manifest(directory, url, LIMIT * _ACCOUNTS * _SECONDS, accounts=_ACCOUNTS, rate="[60/1s]", in_flight=100)
        timed(RUN, directory)


def _theirs(limiter: str, url: str) -> None:
    timed([sys.executable, Path(__file__).parent / "rivals" / "paced.py", limiter, url, str(_SECONDS)], Path.cwd())


def _said(record: dict[str, Any]) -> tuple[str, str]:
    """The share of the budget that was used, and how many calls were refused."""
    shares = [
        (len(times) - record["refused"][account] - 1) // LIMIT / (max(times) - min(times))
        for account, times in record["arrivals"].items()
    ]
    return f"{sum(shares) / len(shares):.1%}", str(sum(record["refused"].values()))


def measure() -> str:
    """The table."""
    rows = []
    for name in ("ours", *LIMITERS):
        cells = [name]
        for kind in ("sliding", "fixed"):
            for latency in _LATENCIES:
                with _server(kind, latency) as (url, record):
                    _ours(url) if name == "ours" else _theirs(name, url)
                cells.append(" / ".join(_said(record)))
                print(f"  {name}, {kind}, {latency * 1000:g} ms: {cells[-1]}", file=sys.stderr)
        rows.append(cells)
    heads = [f"{kind}, {latency * 1000:g} ms" for kind in ("sliding", "fixed") for latency in _LATENCIES]
    return table(["budget used / 429s", *heads], rows)


if __name__ == "__main__":
    print(measure())
