"""Workers side by side: how fast they get through unlimited work, and how much of the real limits they use.

python bench/fleet.py            both, about four minutes
python bench/fleet.py speed      1, 2 and 4 workers, 40 accounts, 4,000 campaigns, no limit
python bench/fleet.py budget     2 workers, 8 accounts, 100 campaigns each, 50/60s and 10/10s
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import postgres
from tests.fleet.conftest import Fleet, select_nothing


def carried_out(
    url: str, workers: int, *, accounts: int, campaigns: int, limit: tuple[int, float], rate: list[str] | None = None
) -> dict[str, Any]:
    """The platform's record of a launch that so many workers carry out."""
    with tempfile.TemporaryDirectory() as directory:
        place = postgres.fresh(url)
        fleet = Fleet(Path(directory), place, accounts=accounts, campaigns=campaigns, limit=limit)
        if rate is not None:
            fleet.write(accounts={name: {**one, "rate": rate} for name, one in fleet.raw["accounts"].items()})
        try:
            for number in range(workers):
                fleet.worker(f"worker-{number}", stalled_after=15, concurrency=-(-fleet.accounts // workers))
            select_nothing(3.0)  # the workers are ready
            code = fleet.submit("--yes").wait(900)
            if code != 0:
                raise SystemExit(fleet.log("submit"))
            return fleet.record()
        finally:
            fleet.close()
            postgres.drop(place)


def speed(url: str) -> None:
    base = None
    for workers in (1, 2, 4):
        record = carried_out(url, workers, accounts=40, campaigns=100, limit=(100_000, 1.0))
        times = [start["at"] for start in record["starts"]]
        seconds = max(times) - min(times)
        base = base or seconds
        print(f"{workers} workers: {len(times)} starts in {seconds:.1f} s, {len(times) / seconds:.0f}/s, "
              f"{base / seconds:.2f} x as fast as one")  # fmt: skip


def budget(url: str) -> None:
    accounts, each = 8, 100
    record = carried_out(url, 2, accounts=accounts, campaigns=each, limit=(50, 60.0), rate=["50/60s", "10/10s"])
    uses = []
    for number in range(accounts):
        times = sorted(start["at"] for start in record["starts"] if start["account"] == f"{number:024x}")
        calls = record["accounts"][f"{number:024x}"]["arrivals"]
        # Between the first start and the last, at the limit: 10 in each 10 s of the first 50, then the next minute.
        before = calls - len(times)  # the look at the live state spends budget, too
        uses.append(ideal(calls - 1) / (times[-1] - times[0] + ideal(before)))
    throttled = sum(one["throttled"] for one in record["accounts"].values())
    peak = max(one["peak"] for one in record["accounts"].values())
    print(f"budget use {min(uses):.1%} to {max(uses):.1%}, fullest window {peak} of 50, throttled {throttled}")


def ideal(calls: int) -> float:
    """Seconds after the first call at which call number `calls` (from 0) may leave at 50/60s and 10/10s."""
    minutes, rest = divmod(calls, 50)
    return 60.0 * minutes + 10.0 * (rest // 10)


if __name__ == "__main__":
    server = postgres.own_server()
    try:
        for name in sys.argv[1:] or ["speed", "budget"]:
            {"speed": speed, "budget": budget}[name](server.url)
    finally:
        server.close()
