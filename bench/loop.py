"""Who texts people twice? 240 campaigns on 8 accounts, on a platform that loses answers, counted by the platform.

The sandbox serves with `--faults nasty`: 60 % of first attempts meet a fault, and half of these are after the start. A
campaign is doubled when a second start request arrives after the first was carried out.

python -m bench.loop
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import jwt

from bench.harness import ENVIRONMENT, RUN, started, table

_ACCOUNTS, _EACH, _PORT = 8, 30, 8799
_HOST: Final = f"http://127.0.0.1:{_PORT}"
_SCRIPT: Final = Path(__file__).parent / "rivals" / "loop.sh"
_SEED: Final = "5"


def _rows() -> list[tuple[int, str, str]]:
    return [(n % _ACCOUNTS, f"st-{n % _ACCOUNTS}", f"cd-{n}") for n in range(_ACCOUNTS * _EACH)]


def _world(folder: Path) -> None:
    secret = ENVIRONMENT["BENCH_SECRET"]
    accounts = [{"account_id": f"{n:024x}", "client_id": "cs-bench", "secret": secret} for n in range(_ACCOUNTS)]
    campaigns = [{"account_id": f"{n:024x}", "stream": stream, "campaign": campaign} for n, stream, campaign in _rows()]
    (folder / "world.yaml").write_text(json.dumps({"accounts": accounts, "campaigns": campaigns}), encoding="utf-8")


def _manifest(folder: Path) -> None:
    """As for a real host: default rates, preflight and probes."""
    ids = {"client_id": {"env": "BENCH_ID"}, "client_secret": {"env": "BENCH_SECRET"}}
    said = {
        "version": 1,
        "launch": "loop",
        "host": _HOST,
        "accounts": {f"a{n}": {"account_id": f"{n:024x}", **ids} for n in range(_ACCOUNTS)},
        "campaigns": [{"account": f"a{n}", "stream": stream, "campaign": campaign} for n, stream, campaign in _rows()],
        "timeouts": {"connect": "2s", "total": "2s"},
        "stop_when": {"unknown": "100%"},
        "breaker": {"opens_after": 1000},
    }
    (folder / "launch.yaml").write_text(json.dumps(said), encoding="utf-8")


def _calls() -> str:
    claims = {"appId": "cs-bench", "sub": "loop", "iat": int(time.time()), "exp": int(time.time()) + 3000}
    token = jwt.encode(claims, ENVIRONMENT["BENCH_SECRET"], algorithm="HS256")
    path = _HOST + "/campaign/api/v1/public/{1}/campaign/{2}?campaignType=sms&trigger=play&accountId={0:024x}"
    return "".join(f"{token} {row[0]:024x} {row[1]} {path.format(*row)}\n" for row in _rows())


@contextmanager
def _platform(folder: Path) -> Iterator[None]:
    """Our stand-in, as a process of its own."""
    command = ["sandbox", "--port", str(_PORT), "--world", "world.yaml", "--faults", "nasty", "--seed", _SEED]
    process = started([sys.executable, "-m", "orchestrator", *command], folder)
    try:
        while not _answers():
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _answers() -> bool:
    try:
        return bool(_record())
    except URLError:
        return False


def _record() -> dict[str, Any]:
    with urlopen(f"{_HOST}/sandbox/record", timeout=5) as reply:  # noqa: S310 - our own server
        found: dict[str, Any] = json.load(reply)
        return found


def _loop(retries: int, passes: int) -> Callable[[Path], str]:
    """The loop, then the same again with what it called failed, `passes` times in all. Returns what it believes."""

    def run(folder: Path) -> str:
        failed = _calls()
        for _ in range(passes):
            command = [_SCRIPT, str(retries)]
            failed = subprocess.run(  # noqa: S603 - our own
                command, input=failed, check=True, capture_output=True, text=True, cwd=folder
            ).stdout
        return f"{failed.count(chr(10))} failed"

    return run


def _ours(folder: Path) -> str:
    subprocess.run(RUN, env=ENVIRONMENT, cwd=folder, check=False, capture_output=True)  # noqa: S603 - 11 is expected
    (file,) = folder.glob("reports/*/result.json")
    totals = json.loads(file.read_text(encoding="utf-8"))["totals"]
    return ", ".join(f"{count} {outcome}" for outcome, count in totals.items() if count and outcome != "started")


_WAYS: Final[dict[str, Callable[[Path], str]]] = {
    "`for … curl`, once": _loop(0, 1),
    "the same, then the failed ones again": _loop(0, 2),
    "`for … curl --retry 3 --retry-all-errors`": _loop(3, 1),
    "ours": _ours,
}


def _measured(way: Callable[[Path], str]) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _world(folder)
        _manifest(folder)
        with _platform(folder):
            begun = perf_counter()
            believed = way(folder)
            seconds = perf_counter() - begun
            time.sleep(1.5)  # a late start is carried out a second after its answer
            counts = _record()["start_counts"].values()
    doubled = sum(count > 1 for count in counts)
    print(f"  {believed}: {doubled} twice, {seconds:.0f} s", file=sys.stderr)
    return [str(sum(count > 0 for count in counts)), str(doubled), believed or "all started", f"{seconds:.0f}"]


def measure() -> str:
    """The table."""
    heads = (
        "240 campaigns",
        "started in truth",
        "**started twice or more**",
        "what it reports besides started",
        "seconds",
    )
    return table(heads, ([name, *_measured(way)] for name, way in _WAYS.items()))


if __name__ == "__main__":
    print(measure())
