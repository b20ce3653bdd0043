"""A fleet on one machine: a PostgreSQL, a sandbox in a process of its own, workers and submitters as real programs."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests import postgres
from tests.canaries import SECRET, leaks, no_secret_leaves
from tests.commands import Command
from tests.paths import ROOT

__all__ = ["SECRET", "no_secret_leaves"]

SERVED = ROOT / "tests" / "fleet" / "served.py"


def account_id(number):
    return f"{number:024x}"


class Fleet:
    """Workers and submitters over one ledger, and the platform that counts what arrives."""

    def __init__(self, directory, url, *, accounts=2, campaigns=10, limit=(100_000, 1.0), **changes):
        self.directory = directory
        self.url = url
        self.accounts = accounts
        self.total = accounts * campaigns
        self.processes = []
        names = [f"a{n}" for n in range(accounts)]
        self.world = {
            "limit": {"calls": limit[0], "seconds": limit[1]},
            "accounts": [
                {"account_id": account_id(n), "client_id": f"cs-{n}", "secret": SECRET, "algorithm": "HS256"}
                for n in range(accounts)
            ],
            "campaigns": [
                {"account_id": account_id(n), "stream": f"st-{n}", "campaign": f"cd-{n}-{m}"}
                for n in range(accounts)
                for m in range(campaigns)
            ],
        }
        (directory / "world.json").write_text(json.dumps(self.world), encoding="utf-8")
        self.host = self._serve()
        self.raw = {
            "version": 1,
            "launch": "fleet",
            "host": self.host,
            "ledger": url,
            "accounts": {
                name: {"account_id": account_id(n), "rate": "unlimited", "client_id": {"env": f"ID_{n}"},
                       "client_secret": {"env": "FLEET_SECRET"}} for n, name in enumerate(names)
            },
            "campaigns": [
                {"stream": one["stream"], "campaign": one["campaign"], "account": names[int(one["account_id"], 16)]}
                for one in self.world["campaigns"]
            ],
            "retry": {"attempts": 4, "backoff": "0.01s..0.1s"},
            "timeouts": {"connect": "5s", "total": "10s"},
            "probe": {"settle": "0.5s"},
        }  # fmt: skip
        self.write(**changes)

    def write(self, **changes):
        self.raw |= changes
        (self.directory / "m.yaml").write_text(json.dumps(self.raw), encoding="utf-8")

    @property
    def environment(self):
        ids = {f"ID_{n}": f"cs-{n}" for n in range(self.accounts)}
        return {**os.environ, "PYTHONPATH": str(ROOT), "FLEET_SECRET": SECRET, **ids}

    def _serve(self):
        self.server = self.start(sys.executable, "-m", "tests.fleet.served", "world.json", "127.0.0.1")
        return self.server.stdout.readline().strip()

    def record(self):
        """What the platform saw."""
        with urllib.request.urlopen(f"{self.host}/sandbox/record", timeout=10) as reply:  # noqa: S310 - our own
            return json.load(reply)

    @property
    def starts(self):
        return self.record()["start_counts"]

    def start(self, *command, log=None, secrets=True, **how):
        sink = (self.directory / log).open("ab") if log else subprocess.PIPE
        environment = self.environment if secrets else {**os.environ, "PYTHONPATH": str(ROOT)}
        process = Command(
            command, cwd=self.directory, env=environment, stdout=sink, text=True,
            stderr=subprocess.STDOUT if log else None, stdin=subprocess.DEVNULL, **how,
        )  # fmt: skip
        if log:
            sink.close()
        self.processes.append(process)
        return process

    def program(self, *arguments, log, prefix=(), secrets=True):
        return self.start(*prefix, sys.executable, "-m", "orchestrator", *arguments, log=log, secrets=secrets)

    def worker(self, name="worker", *, stalled_after=2, concurrency=20, prefix=(), url=None):
        return self.program("worker", "--ledger", url or self.url, "--stalled-after", str(stalled_after),
                            "--concurrency", str(concurrency), log=f"{name}.log", prefix=prefix)  # fmt: skip

    def submit(self, *arguments, log="submit.log"):
        """The process that submits knows no secret."""
        return self.program("run", "m.yaml", "--fleet", *arguments, log=log, secrets=False)

    def soon(self):
        """A time that is near, and yet far enough for a submitter that is to wait, as fast as this machine is today."""
        begun = time.monotonic()
        self.program("validate", "m.yaml", log="look.log").wait()
        at = datetime.now(UTC) + timedelta(seconds=max(10, 10 * (time.monotonic() - begun)))
        return at.isoformat(timespec="seconds")

    def log(self, name):
        return (self.directory / f"{name}.log").read_text(encoding="utf-8")

    def wait_started(self, count, within=60.0):
        """Poll the platform until this number of starts has arrived. Returns how many had."""
        end = time.monotonic() + within
        while (seen := sum(self.starts.values())) < count:
            assert time.monotonic() < end, f"{seen} of {count} starts; " + self.log("submit")[-2000:]
            select_nothing(0.05)
        return seen

    def wait_for_file(self, name, within=60.0):
        """Wait until a command of ours has made a file."""
        end = time.monotonic() + within
        while not (self.directory / name).exists():
            assert time.monotonic() < end, self.log("submit")
            select_nothing(0.05)

    def wait_for_log(self, name, words, *, count=1, within=60.0):
        """Poll a program's log until it has the words so often."""
        end = time.monotonic() + within
        while self.log(name).count(words) < count:
            assert time.monotonic() < end, self.log(name)
            select_nothing(0.05)

    def wait_put_off(self, name, within=60.0):
        """Poll a worker's log until it says that the worker has put a lane off: all it knew is journaled by then."""
        end = time.monotonic() + within
        while " lane_put_off " not in self.log(name):
            assert time.monotonic() < end, self.log(name)
            select_nothing(0.05)

    @property
    def result(self):
        return json.loads((self.directory / "reports" / "fleet" / "result.json").read_text(encoding="utf-8"))

    def check_the_end(self, *, naps=0):
        """Nothing was started twice; every campaign has one outcome, and it agrees with what the platform saw.

        No window was exceeded, but for the call that a suspended worker may have been in the middle of writing.
        """
        record = self.record()
        starts = record["start_counts"]
        assert all(count == 1 for count in starts.values()), {k: n for k, n in starts.items() if n != 1}
        outcomes = {f"{c['stream']}/{c['campaign']}": c["outcome"] for c in self.result["campaigns"]}
        assert len(outcomes) == self.total
        for key, outcome in outcomes.items():
            sent = starts.get(key, 0)
            assert (outcome == "started") <= (sent == 1), (key, outcome, sent)
            assert (sent == 1) <= (outcome in {"started", "unknown"}), (key, outcome, sent)
        peaks = {key: account["peak"] for key, account in record["accounts"].items()}
        held_up = self.held_up()
        over = [key for key, peak in peaks.items() if peak > self.world["limit"]["calls"] + held_up[key]]
        assert over == [], self.evidence(record, over[0])
        assert held_up.total() <= naps, held_up  # a process writes one call at a time
        return self.result["totals"]

    def held_up(self):
        """By account id, the starts that left after their permits' deadline.

        The last look would have refused them: their process was suspended between that look and its write.
        """
        with postgres.connected(self.url) as connection:
            rows = connection.execute(
                "SELECT i.lane FROM journal i JOIN journal v USING (launch, campaign, attempt, run_id)"
                " WHERE i.kind = 'intent' AND v.kind IN ('verdict', 'late_verdict')"
                " AND (v.data::json->>'sent_at')::float8 > (i.data::json->>'deadline')::float8"
            )
            return Counter(lane.rpartition(" ")[2] for (lane,) in rows)

    def taken_over(self, worker, since):
        """By lane that a worker had, the seconds from its end until another began with it."""
        had = set(re.findall(r" lane_taken .*account=(\w+)", self.log(worker)))
        with postgres.connected(self.url) as connection:
            rows = connection.execute("SELECT at, data::json->>'account' FROM journal WHERE kind = 'run' ORDER BY id")
            began = {account: at - since for at, account in reversed(rows.fetchall()) if at > since}
        return sorted(round(seconds, 1) for account, seconds in began.items() if account in had)

    def evidence(self, record, account):
        """Where an account's starts are written down as they arrived, among what the journal knows of them."""
        with postgres.connected(self.url) as connection:
            rows = connection.execute("SELECT campaign, kind, run_id, at FROM journal ORDER BY id").fetchall()
        arrived = {f"{s['stream']}/{s['campaign']}": s["at"] for s in record["starts"] if s["account"] == account}
        runs = {run for key, _, run, _ in rows if key in arrived}
        lines = [(round(at, 3), run, kind, key) for key, kind, run, at in rows if run in runs or key in arrived]
        lines += [(round(at, 3), "", "ARRIVED", key) for key, at in arrived.items()]
        (self.directory / "evidence.txt").write_text("\n".join(map(str, sorted(lines))), encoding="utf-8")
        return self.directory / "evidence.txt"

    def close(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(10)
            if process.stdout:
                process.stdout.close()


def rated(scene):
    """The same accounts at the platform's own rate."""
    limit = scene.world["limit"]
    rate = [f"{limit['calls']}/{limit['seconds']:g}s"]
    accounts = {name: {**account, "rate": rate} for name, account in scene.raw["accounts"].items()}
    scene.write(accounts=accounts)
    return scene


def select_nothing(seconds):
    """Give other processes a moment: what a test waits for is in them, and cannot be awaited."""
    import select

    select.select([], [], [], seconds)


@pytest.fixture(autouse=True)
def _no_secret_in_the_database(postgres_url):
    """Ledger, jobs and their arguments are searched like files."""
    yield
    with postgres.connected(postgres_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
        for (table,) in tables:
            assert leaks(str(connection.execute(f'SELECT * FROM "{table}"').fetchall()).encode()) == [], table  # noqa: S608


@pytest.fixture
def fleet(tmp_path, postgres_url):
    made = []

    def make(url=None, **how):
        made.append(Fleet(tmp_path, url or postgres_url, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def own_server():
    server = postgres.own_server()
    yield server
    server.close()
