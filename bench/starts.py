"""The cost of a start: 10,000 starts on 20 accounts, rate unlimited, from the process's start to its reports written.

Ours has its whole job to do: intent committed before each send (synchronous=FULL), outcome after it, result.json and
CSV. What it is compared with does less, and says so.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.harness import ENVIRONMENT, ROUNDS, RUN, Timed, in_turn, manifest, median, table, timed, wall
from bench.target import target

_COUNT: Final = 10_000
_RIVALS: Final = Path(__file__).parent / "rivals"
_OURS, _SPEED, _GATHER = "ours", "ours, `speed` (uvloop)", "aiohttp: gather and a semaphore, nothing else"
_AFTERNOON, _XARGS = "an afternoon's script: aiolimiter, tenacity, a commit per row", "`xargs -P64 curl`"
_CURL, _LIMIT = "`curl --parallel`, 64 at once", "asyncio protocols, HTTP by hand"


def _ours(directory: Path, *, speed: bool) -> Callable[[], Timed]:
    def run() -> Timed:
        for left in (".orchestrator", "reports"):
            shutil.rmtree(directory / left, ignore_errors=True)
        seen = timed(RUN, directory, {**ENVIRONMENT, "ORCHESTRATOR_LOOP": "uvloop" if speed else "asyncio"})
        _check(seen.out)
        return seen

    return run


def _rival(directory: Path, script: str, url: str) -> Callable[[], Timed]:
    def run() -> Timed:
        for left in directory.glob("afternoon.db*"):
            left.unlink()
        seen = timed([sys.executable, _RIVALS / script, url, "rows.csv"], directory)
        _check(seen.out)
        return seen

    return run


def _check(out: str) -> None:
    if f"{_COUNT} started" not in out:
        raise RuntimeError(f"not all were started: {out[-300:]}")


def _curls(directory: Path, url: str) -> dict[str, Callable[[], Timed]]:
    lines = (directory / "rows.csv").read_text(encoding="utf-8").splitlines()[1:]
    urls = [
        f"{url}/campaign/api/v1/public/{stream}/campaign/{campaign}?campaignType=sms&trigger=play"
        for _, stream, campaign in (line.split(",") for line in lines)
    ]
    (directory / "urls").write_text("\n".join(urls) + "\n", encoding="utf-8")
    each = ('request = "POST"', 'data = "{}"', 'header = "auth: token"', 'output = "/dev/null"', "silent")
    config = "\nnext\n".join("\n".join([f'url = "{one}"', *each]) for one in urls)
    (directory / "curlrc").write_text(config + "\n", encoding="utf-8")
    command = "curl -s -o /dev/null -X POST -H 'auth: token' -d '{}' \"$1\""
    return {
        _XARGS: lambda: timed(["xargs", "-a", "urls", "-P64", "-I{}", "sh", "-c", command, "start", "{}"], directory),
        _CURL: lambda: timed(["curl", "--parallel", "--parallel-max", "64", "-K", "curlrc"], directory),
    }


def measure(rounds: int = ROUNDS) -> str:
    """The table."""
    with tempfile.TemporaryDirectory() as name, target() as url:
        directory = Path(name)
        manifest(directory, url, _COUNT, rate="unlimited", in_flight=3)
        seen = in_turn(
            {
                _LIMIT: _rival(directory, "protocol.py", url),
                _GATHER: _rival(directory, "gather.py", url),
                _OURS: _ours(directory, speed=False),
                _SPEED: _ours(directory, speed=True),
                **_curls(directory, url),
                _AFTERNOON: _rival(directory, "afternoon.py", url),
            },
            rounds,
        )
    base = wall(seen[_GATHER])
    return table(
        ["10,000 starts", "seconds", "of CPU", "x gather", "MB"],
        [
            [name, f"{wall(one):.2f}", f"{median(t.cpu for t in one):.2f}", f"{wall(one) / base:.2f}",
             f"{median(t.memory for t in one):.0f}"]
            for name, one in sorted(seen.items(), key=lambda pair: wall(pair[1]))
        ],
    )  # fmt: skip


if __name__ == "__main__":
    print(measure())
