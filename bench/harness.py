"""What the benchmarks share: manifests, whole processes timed in turn, medians, tables."""

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, Final

ROUNDS: Final = 5
"""Of each figure; the medians are quoted. All that is compared takes turns within a round: machines are noisy."""

RUN: Final = (sys.executable, "-m", "orchestrator", "run", "launch.yaml")
ENVIRONMENT: Final = {**os.environ, "BENCH_ID": "cs-bench", "BENCH_SECRET": "bench-" + "0" * 60}


@dataclass(frozen=True, slots=True)
class Timed:
    """One process: seconds by the clock, seconds of CPU, its largest memory in MB, and what it said."""

    wall: float
    cpu: float
    memory: float
    out: str


def timed(command: Sequence[str | Path], directory: Path, environment: Mapping[str, str] = ENVIRONMENT) -> Timed:
    """Run a process to its end. Raises RuntimeError where it fails."""
    begun = perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own commands
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        out = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {out[-500:]}")
    return Timed(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out)


def started(command: Sequence[str], directory: Path) -> "subprocess.Popen[bytes]":
    """A process on its way, unheard."""
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=directory, env=ENVIRONMENT, stdout=nowhere, stderr=nowhere)  # noqa: S603 - ours


def in_turn(actions: Mapping[str, Callable[[], Timed]], rounds: int = ROUNDS) -> dict[str, list[Timed]]:
    """Every action once a round, `rounds` times."""
    seen: dict[str, list[Timed]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            seen[name].append(action())
            print(f"  {name}: {seen[name][-1].wall:.2f} s", file=sys.stderr)
    return seen


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def wall(seen: Sequence[Timed]) -> float:
    """The median of the seconds by the clock."""
    return median(one.wall for one in seen)


def manifest(directory: Path, host: str, count: int, *, accounts: int = 20, **account: Any) -> Path:
    """A manifest of `count` campaigns in a CSV file, dealt out to `accounts`; `account` says more of each."""
    said = ", ".join(f"{key}: {value}" for key, value in account.items())
    secrets = "client_id: {env: BENCH_ID}, client_secret: {env: BENCH_SECRET}"
    lines = [f'  a{n}: {{account_id: "{n:024x}", {secrets}, {said}}}' for n in range(accounts)]
    head = ["version: 1", "launch: bench", f"host: {host}", "accounts:", *lines]
    tail = ['preflight: {check: "off"}', "campaigns_from: [rows.csv]", "report: {formats: [json, csv]}"]
    with (directory / "rows.csv").open("w", encoding="utf-8") as rows:
        rows.write("account,stream,campaign\n")
        rows.writelines(f"a{n % accounts},st-{n % 50},cd-{n}\n" for n in range(count))
    file = directory / "launch.yaml"
    file.write_text("\n".join([*head, *tail]) + "\n", encoding="utf-8")
    return file


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def machine() -> str:
    """Where the figures come from."""
    names = ("aiohttp", "SQLAlchemy", "pydantic", "uvloop")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {python}, {packages}"
