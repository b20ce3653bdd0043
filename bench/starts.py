"""The cost of a start: 20 accounts, rate unlimited, from the process's start to its reports written.

Ours has its whole job to do: intent committed before each send (synchronous=FULL), outcome after it, result.json and
CSV. The durable Go program does the same without limiter, leases, retries and probes; all others do less.

python -m bench.starts [COUNT ...]
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.harness import ENVIRONMENT, ROUNDS, RUN, Timed, in_turn, manifest, median, table, timed, wall
from bench.target import target

_COUNTS: Final = (10_000, 100_000)
_MOST_PROCESSES: Final = 10_000  # starts that are measured with a process for each: they take minutes
_RIVALS: Final = Path(__file__).parent / "rivals"
_OURS, _SPEED, _GATHER = "ours", "ours, `speed` (uvloop)", "aiohttp: gather and a semaphore, nothing else"
_AFTERNOON, _XARGS = "an afternoon's script: aiolimiter, tenacity, a commit per row", "`xargs -P64 curl`"
_CURL, _LIMIT = "`curl --parallel`, 64 at once", "asyncio protocols, HTTP by hand"
_GO, _JOBLOG = "a durable Go program on SQLite", "GNU `parallel -j64 --joblog`, curl"
_HEY = "`hey -c 64`: the network alone"

Actions = dict[str, Callable[[], Timed]]


def _ours(directory: Path, *, speed: bool, count: int) -> Callable[[], Timed]:
    return lambda: _checked(
        RUN, directory, count, (".orchestrator", "reports"), ORCHESTRATOR_LOOP="uvloop" if speed else "asyncio"
    )


def _checked(command: Sequence[str | Path], directory: Path, count: int, left: Sequence[str], **said: str) -> Timed:
    """Run it in a folder without what an earlier run left. Raises RuntimeError where not all were started."""
    for path in (path for pattern in left for path in directory.glob(pattern)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    seen = timed(command, directory, {**ENVIRONMENT, **said})
    if f"{count} started" not in seen.out:
        raise RuntimeError(f"not all were started: {seen.out[-300:]}")
    return seen


def _rivals(directory: Path, url: str, count: int) -> Actions:
    def script(name: str) -> Callable[[], Timed]:
        return lambda: _checked([sys.executable, _RIVALS / name, url, "rows.csv"], directory, count, ["afternoon.db*"])

    found = {_LIMIT: script("protocol.py"), _GATHER: script("gather.py"), _AFTERNOON: script("afternoon.py")}
    if program := _built(directory):
        found[_GO] = lambda: _checked([program, url, "rows.csv"], directory, count, ["durable.*"])
    if shutil.which("hey"):
        hey = ["hey", "-n", str(count), "-c", "64", "-m", "POST", "-T", "application/json", "-d", "{}", url]
        found[_HEY] = lambda: timed(hey, directory)
    return found


def _built(directory: Path) -> Path | None:
    """The Go program, where Go and the SQLite driver are: Debian's golang-go, golang-github-mattn-go-sqlite3-dev."""
    program, sources = directory / "durable", Path("/usr/share/gocode")
    if shutil.which("go") is None or not (sources / "src/github.com/mattn/go-sqlite3").is_dir():
        return None
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(sources)}
    command = ["go", "build", "-o", program, _RIVALS / "durable" / "main.go"]
    subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own
    return program


def _curls(directory: Path, url: str, count: int) -> Actions:
    lines = (directory / "rows.csv").read_text(encoding="utf-8").splitlines()[1:]
    urls = [
        f"{url}/campaign/api/v1/public/{stream}/campaign/{campaign}?campaignType=sms&trigger=play"
        for _, stream, campaign in (line.split(",") for line in lines)
    ]
    (directory / "urls").write_text("\n".join(urls) + "\n", encoding="utf-8")
    each = ('request = "POST"', 'data = "{}"', 'header = "auth: token"', 'output = "/dev/null"', "silent")
    config = "\nnext\n".join("\n".join([f'url = "{one}"', *each]) for one in urls)
    (directory / "curlrc").write_text(config + "\n", encoding="utf-8")
    found: Actions = {_CURL: lambda: timed(["curl", "--parallel", "--parallel-max", "64", "-K", "curlrc"], directory)}
    if count <= _MOST_PROCESSES:
        curl = "curl -s -o /dev/null -X POST -H 'auth: token' -d '{}'"
        xargs = ["xargs", "-a", "urls", "-P64", "-I{}", "sh", "-c", f'{curl} "$1"', "start", "{}"]
        found[_XARGS] = lambda: timed(xargs, directory)
        if shutil.which("parallel"):
            parallel = ["parallel", "--will-cite", "-j64", "--joblog", "joblog", "-a", "urls", curl]
            found[_JOBLOG] = lambda: timed(parallel, directory)
    return found


def _measured(count: int, rounds: int) -> Mapping[str, list[Timed]]:
    with tempfile.TemporaryDirectory() as name, target() as url:
        directory = Path(name)
        manifest(directory, url, count, rate="unlimited", in_flight=3)
        ours = {_OURS: _ours(directory, speed=False, count=count), _SPEED: _ours(directory, speed=True, count=count)}
        return in_turn(ours | _rivals(directory, url, count) | _curls(directory, url, count), rounds)


def measure(counts: Sequence[int] = _COUNTS, rounds: int = ROUNDS) -> str:
    """A table for each count. The ratios are medians of the rounds' own ratios: noise of a minute hits both sides."""
    return "\n\n".join(_table(count, _measured(count, rounds)) for count in counts)


def _table(count: int, seen: Mapping[str, list[Timed]]) -> str:
    base = seen[_GATHER]

    def ratio(one: Sequence[Timed], of: Callable[[Timed], float]) -> str:
        return f"{median(of(mine) / of(theirs) for mine, theirs in zip(one, base, strict=True)):.2f}"

    return table(
        [f"{count:,} starts", "seconds", "of CPU", "x gather", "CPU x gather", "MB"],
        [
            [name, f"{wall(one):.2f}", f"{median(t.cpu for t in one):.2f}", ratio(one, lambda t: t.wall),
             ratio(one, lambda t: t.cpu), f"{median(t.memory for t in one):.0f}"]
            for name, one in sorted(seen.items(), key=lambda pair: wall(pair[1]))
        ],
    )  # fmt: skip


if __name__ == "__main__":
    print(measure(tuple(map(int, sys.argv[1:])) or _COUNTS))
