"""300 campaigns on 3 accounts at 50 per 5 s, against a sandbox that allows exactly 50 per 5 s.

Prints how much of the budget was used and what the sandbox itself counted. The budget of an account is
(calls - 1) // 50 whole windows: the least time in which that many calls can arrive at all.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from orchestrator.sandbox.limiter import Limit
from orchestrator.sandbox.server import SandboxServer
from orchestrator.sandbox.world import world_of

_ACCOUNTS = tuple(f"{n:024x}" for n in (1, 2, 3))
_EACH = 100
_SECRET = "bench-" + "0" * 60
_LIMIT = Limit(50, 5.0)


def _campaigns() -> list[tuple[str, str, str, str, str]]:
    return [(a, f"st-{i}", f"cd-{i}-{n:03d}", f"c {n}", "sms") for i, a in enumerate(_ACCOUNTS) for n in range(_EACH)]


def _manifest(url: str) -> dict[str, object]:
    reference = {"client_id": {"env": "BENCH_ID"}, "client_secret": {"env": "BENCH_SECRET"}}
    return {
        "version": 1,
        "launch": "bench-pacing",
        "host": url,
        "accounts": {f"a{i}": {"account_id": a, "rate": ["50/5s"], **reference} for i, a in enumerate(_ACCOUNTS)},
        "campaigns": [
            {"account": f"a{_ACCOUNTS.index(a)}", "stream": stream, "campaign": campaign}
            for a, stream, campaign, _, _ in _campaigns()
        ],
    }


async def _measure(directory: Path) -> None:
    world = world_of([(a, "cs-bench", _SECRET, "HS256") for a in _ACCOUNTS], _campaigns(), _LIMIT)
    async with SandboxServer(world) as server:
        file = directory / "bench.yaml"
        file.write_text(json.dumps(_manifest(server.url)), encoding="utf-8")
        environment = {**os.environ, "BENCH_ID": "cs-bench", "BENCH_SECRET": _SECRET}
        command = [sys.executable, "-m", "orchestrator", "run", str(file), "--json"]
        begun = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        out, _ = await process.communicate()
        total = time.monotonic() - begun
        url = f"{server.url}/sandbox/record"
        record = json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(url).read()))  # noqa: S310
    _say(json.loads(out), record, process.returncode, total)


def _say(result: dict[str, object], record: dict[str, object], code: int | None, total: float) -> None:
    run, totals = result["run"], result["totals"]
    print(f"exit {code}, totals {totals}, whole process {total:.2f} s, run {run['started_at']} to {run['finished_at']}")
    times = sorted(start["at"] for start in record["starts"])
    for account, seen in record["accounts"].items():
        own = sorted(start["at"] for start in record["starts"] if start["account"] == account)
        least = (seen["arrivals"] - 1) // _LIMIT.calls * _LIMIT.seconds
        first_call = min(times[0], own[0])
        spent = own[-1] - first_call
        print(
            f"account {account[-1]}: {seen['arrivals']} calls, peak {seen['peak']} per {_LIMIT.seconds:g} s, "
            f"{seen['throttled']} throttled, starts spread over {spent:.3f} s, least possible {least:.1f} s, "
            f"budget used {least / spent:.1%}"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_measure(Path(name)))
