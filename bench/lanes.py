"""Many accounts at the platform's default rates, 20 campaigns each: in one process, and on workers over PostgreSQL.

python -m bench.lanes [ACCOUNTS ...]     one process, against nginx; 100, 1000 and 5000 unless told
python -m bench.lanes workers            1 and 2 workers with 200 lanes each

The least time is that of the rate: 10 starts, and 10 more after 10 s. A process cannot be faster than its CPU either,
so the last column divides by the greater of the two. Connections are the most that nginx had at a time.
"""

import sqlite3
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

import psycopg

from bench.fleet import SpeedFleet, cpu, running, submitted
from bench.harness import RUN, manifest, table, timed
from bench.target import target
from tests import postgres

_EACH: Final = 20
_RATE: Final = ["50/60s", "10/10s"]
_LANES: Final = 200
"""Of a worker."""
_LEAST: Final = 10.0
"""Seconds. At 50/60s and 10/10s, the last of 20 starts may leave after these."""


def _intents(ledger: Path) -> int:
    """How many attempts the journal has: as many as campaigns, where every first one was sent."""
    with closing(sqlite3.connect(ledger)) as connection:
        count: int = connection.execute("SELECT count(*) FROM journal WHERE kind = 'intent'").fetchone()[0]
    return count


def _measure(accounts: int) -> list[str]:
    """A row of the table. Raises RuntimeError where not every campaign was started."""
    with tempfile.TemporaryDirectory() as name:
        directory, count = Path(name), accounts * _EACH
        log = directory / "calls.log"
        with target(log) as url:
            manifest(directory, url, count, accounts=accounts, rate=f"[{', '.join(_RATE)}]")
            run = timed(RUN, directory)
        calls = [line.split() for line in log.read_text(encoding="ascii").splitlines()]
        again = _intents(directory / ".orchestrator" / "ledger.db") - count
        most, came = max(int(active) for *_, active in calls), [float(at) for at, *_ in calls]
    return [
        f"{accounts:,}", f"{count:,}", f"{run.wall:.1f}", f"{run.cpu:.1f}", f"{1000 * run.cpu / count:.2f}",
        f"{run.memory:.0f}", str(most), str(again), f"{max(came) - min(came):.1f}",
        f"{run.wall / max(_LEAST, run.cpu):.2f}",
    ]  # fmt: skip


def measure(sizes: tuple[int, ...] = (100, 1000, 5000)) -> str:
    """The table."""
    rows = []
    for accounts in sizes:
        rows.append(_measure(accounts))
        print("  " + ", ".join(rows[-1]), file=sys.stderr)
    heads = ["accounts", "starts", "seconds", "CPU seconds", "CPU ms a start", "MB", "connections", "sent again",
             "first to last start, s", "seconds / max(10, CPU)"]  # fmt: skip
    return table(heads, rows)


@contextmanager
def _watched(url: str) -> Iterator[list[int]]:
    """How many connections the database has, again and again while the block runs."""
    seen, done = [0], threading.Event()

    def look() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not done.wait(0.1):
                query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                seen.extend(row[0] - 1 for row in connection.execute(query))  # without this one

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _measure_workers(server: postgres.Server, workers: int) -> list[str]:
    """A row of the table. Raises RuntimeError where not every campaign was started exactly once."""
    accounts = workers * _LANES
    database = cpu(server.pid)
    with running(SpeedFleet, server.url, workers, accounts=accounts, campaigns=_EACH) as fleet:
        named = {name: {**one, "rate": _RATE} for name, one in fleet.raw["accounts"].items()}
        fleet.write(accounts=named, preflight={"check": "off"}, timeouts={"connect": "5s", "total": "30s"})
        ready, begun = [cpu(process.pid) for process in fleet.processes], perf_counter()
        with _watched(server.url) as connections:
            submitted(fleet)
        wall = perf_counter() - begun
        spent = sum(cpu(process.pid) - was for process, was in zip(fleet.processes, ready, strict=False))
        starts = fleet.target.starts()
    count = sum(map(len, starts.values()))
    if not count == len(starts) == accounts * _EACH:
        raise RuntimeError(f"{count} starts of {len(starts)} campaigns arrived, not {accounts * _EACH}")
    database = cpu(server.pid) - database
    each = [f"{1000 * used / count:.2f}" for used in (spent, database)]
    return [str(workers), str(accounts), f"{count:,}", f"{wall:.1f}", *each, str(max(connections))]


def measure_workers() -> str:
    """The table."""
    server = postgres.own_server()
    try:
        rows = [_measure_workers(server, workers) for workers in (1, 2)]
    finally:
        server.close()
    heads = ["workers", "accounts", "starts", "seconds", "CPU ms a start: workers", "PostgreSQL",
             "connections to it"]  # fmt: skip
    return table(heads, rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["workers"]:
        print(measure_workers())
    else:
        print(measure(tuple(map(int, sys.argv[1:])) or (100, 1000, 5000)))
