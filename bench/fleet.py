"""Workers side by side: how fast they get through unlimited work, and how much of the real limits they use.

python bench/fleet.py            all, about five minutes
python bench/fleet.py speed      1, 2 and 4 workers, 40 accounts, 4,000 campaigns, no limit, against nginx
python bench/fleet.py apart      1 and 2 workers with four tenths of a core each, as on hosts of their own (root, Linux)
python bench/fleet.py budget     2 workers, 8 accounts, 100 campaigns each, 50/60s and 10/10s, against the sandbox
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.fleet_target import Target
from tests import postgres
from tests.fleet.conftest import Fleet, select_nothing

_CPU = Path("/sys/fs/cgroup/cpu")
_PERIOD = 10_000  # microseconds
_TICKS = os.sysconf("SC_CLK_TCK")


class SpeedFleet(Fleet):
    """A fleet against a platform that is not what is measured."""

    def _serve(self) -> str:
        self.target = Target(self.directory)
        return self.target.url

    def close(self) -> None:
        super().close()
        self.target.close()


@contextmanager
def small_host(name: str, share: float | None) -> Iterator[tuple[str, ...]]:
    """What goes before a command so that it gets a share of a core and no more. None: no bound. Raises OSError."""
    if share is None:
        yield ()
        return
    folder = (_CPU if _CPU.exists() else _CPU.parent) / f"orchestrator-bench-{name}"
    folder.mkdir()
    try:
        if _CPU.exists():  # cgroup v1
            (folder / "cpu.cfs_period_us").write_text(str(_PERIOD), encoding="ascii")
            (folder / "cpu.cfs_quota_us").write_text(str(int(share * _PERIOD)), encoding="ascii")
        else:
            (folder / "cpu.max").write_text(f"{int(share * _PERIOD)} {_PERIOD}", encoding="ascii")
        yield ("sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "bench")
    finally:
        folder.rmdir()


@contextmanager
def running(kind: type[Fleet], url: str, workers: int, *, share: float | None = None, **how: Any) -> Iterator[Fleet]:
    """A fleet whose workers are ready, with as many lanes each as their part of the accounts."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as directory:
        hosts = [stack.enter_context(small_host(str(number), share)) for number in range(workers)]
        place = postgres.fresh(url)
        fleet = kind(Path(directory), place, **how)
        try:
            for number in range(workers):
                concurrency = -(-fleet.accounts // workers)
                fleet.worker(f"worker-{number}", stalled_after=15, concurrency=concurrency, prefix=hosts[number])
            select_nothing(3.0)
            yield fleet
        finally:
            fleet.close()
            postgres.drop(place)


def submitted(fleet: Fleet) -> float:
    """Submit, and wait for the end. Returns the submitter's processor seconds."""
    before = os.times()
    if fleet.submit("--yes").wait(900) != 0:
        raise SystemExit(fleet.log("submit"))
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def cpu(*pids: int) -> float:
    """The processor seconds that processes have used, and their children, living or waited for."""
    return sum(_ticks(pid) for pid in _families(pids)) / _TICKS


def _families(pids: tuple[int, ...]) -> set[int]:
    parents = {int(path.name): _fields(int(path.name)) for path in Path("/proc").glob("[0-9]*")}
    found = set(pids)
    while more := {pid for pid, fields in parents.items() if fields and int(fields[1]) in found} - found:
        found |= more
    return found


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(") ")[2].split()
    except OSError:
        return []


def _ticks(pid: int) -> int:
    fields = _fields(pid)
    return sum(int(field) for field in fields[11:15])  # utime, stime, and those of children waited for


def apart(server: postgres.Server) -> None:
    speed(server, (1, 2), 0.4)


def speed(server: postgres.Server, counts: tuple[int, ...] = (1, 2, 4), share: float | None = None) -> None:
    base = None
    for workers in counts:
        database = cpu(server.pid)
        with running(SpeedFleet, server.url, workers, share=share, accounts=40, campaigns=100) as fleet:
            # nginx knows no campaigns; the product's own timeouts, for 40 lanes connect at once on busy cores.
            fleet.write(preflight={"check": "off"}, timeouts={"connect": "5s", "total": "30s"})
            ready = [cpu(process.pid) for process in fleet.processes]
            submitter = submitted(fleet)
            spent = [cpu(process.pid) - was for process, was in zip(fleet.processes, ready, strict=False)]
            platform = cpu(fleet.target.process.pid)
            starts = fleet.target.starts()
        database = cpu(server.pid) - database
        times = [at for came in starts.values() for at in came]
        count, seconds = len(times), max(times) - min(times)
        base = base or seconds
        if not len(starts) == count == 4000:
            raise SystemExit(f"{count} starts of {len(starts)} campaigns arrived, not 4000 of 4000")
        print(f"{workers} workers: {count} starts in {seconds:.1f} s, {count / seconds:.0f}/s, "
              f"{base / seconds:.2f} x as fast as one; processor ms a start:", end=" ")  # fmt: skip
        users = {"workers": sum(spent), "submitter": submitter, "PostgreSQL": database, "nginx": platform}
        print(", ".join(f"{name} {1e3 * used / count:.2f}" for name, used in users.items()))


def budget(server: postgres.Server) -> None:
    accounts, each = 8, 100
    with running(Fleet, server.url, 2, accounts=accounts, campaigns=each, limit=(50, 60.0)) as fleet:
        rate = ["50/60s", "10/10s"]
        fleet.write(accounts={name: {**one, "rate": rate} for name, one in fleet.raw["accounts"].items()})
        submitted(fleet)
        record = fleet.record()
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
        for name in sys.argv[1:] or ["speed", "apart", "budget"]:
            {"speed": speed, "apart": apart, "budget": budget}[name](server)
    finally:
        server.close()
