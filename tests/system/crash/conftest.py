import asyncio
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager

from orchestrator.core.journal.states import fold
from orchestrator.ledger.store import Store
from orchestrator.sandbox.limiter import Limit
from orchestrator.sandbox.server import SandboxServer
from orchestrator.sandbox.world import world_of
from tests.canaries import SECRET, no_secret_leaves
from tests.commands import Command
from tests.paths import ROOT

__all__ = ["SECRET", "no_secret_leaves"]

ACCOUNT = "67777ce93e25326494e90001"
KILLED = -9
HANGS = 600  # seconds: only a hang takes so long; beside thirty busy processes the imports alone took 65


class Zygote:
    """Processes of the real program, with points to die at, forked from one that has them; one at a time."""

    def __init__(self, jobs, codes):
        self._jobs = jobs
        self._codes = codes

    @classmethod
    @asynccontextmanager
    async def started(cls):
        command = [sys.executable, "-m", "tests.system.crash.child"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        codes = asyncio.StreamReader()
        with Command(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(codes), process.stdout
            )
            try:
                yield cls(process.stdin, codes)
            finally:
                transport.close()

    async def run(self, directory, *arguments, **how):
        job = {"cwd": str(directory), "arguments": list(arguments), **how,
               "environment": {"ACME_ID": "cs-acme", "ACME_SECRET": SECRET}}  # fmt: skip
        self._jobs.write(json.dumps(job).encode() + b"\n")
        self._jobs.flush()
        return int(await asyncio.wait_for(self._codes.readline(), HANGS))


class Scene:
    """A launch of some campaigns on a sandbox of its own, which outlives the crashes."""

    def __init__(self, directory, server, campaigns, changes):
        self.directory = directory
        self.server = server
        self.campaigns = campaigns
        reference = {"client_id": {"env": "ACME_ID"}, "client_secret": {"env": "ACME_SECRET"}}
        self.raw = {
            "version": 1,
            "launch": "crash",
            "host": server.url,
            "accounts": {"acme": {"account_id": ACCOUNT, "rate": "unlimited", "in_flight": 2, **reference}},
            "defaults": {"account": "acme"},
            "campaigns": [{"stream": "st-1", "campaign": c} for c in campaigns],
            # Many: on a crowded machine a permit's short deadline passes before the first byte, time after time.
            "retry": {"attempts": 20, "backoff": "0.01s..0.05s"},
            "timeouts": {"connect": "0.3s", "total": "0.4s"},
            "probe": {"settle": "0.1s"},
        } | changes
        (directory / "m.yaml").write_text(json.dumps(self.raw), encoding="utf-8")

    @classmethod
    @asynccontextmanager
    async def opened(cls, directory, *, count=5, scripted=None, profile="none", seed=0, **changes):
        directory.mkdir(mode=0o700, exist_ok=True)
        campaigns = [f"cd-{n}" for n in range(count)]
        world = world_of(
            [(ACCOUNT, "cs-acme", SECRET, "HS256")],
            [(ACCOUNT, "st-1", c, c, "sms") for c in campaigns],
            Limit(100_000, 1.0),
        )
        async with SandboxServer(world, scripted=scripted, profile=profile, seed=seed) as server:
            yield cls(directory, server, campaigns, changes)

    @property
    def starts(self):
        return dict(self.server.platform.start_counts)

    @property
    def result(self):
        return json.loads((self.directory / "reports" / "crash" / "result.json").read_text(encoding="utf-8"))

    def histories(self):
        store = Store.open(f"sqlite:///{self.directory}/.orchestrator/ledger.db", create=False)
        try:
            return fold(store.read("crash"))
        finally:
            store.close()

    def check_never_twice(self):
        assert all(count == 1 for count in self.starts.values()), self.starts

    def check_the_end(self, code):
        """Every campaign has one outcome, and it agrees with what the platform did."""
        self.check_never_twice()
        outcomes = {f"{c['stream']}/{c['campaign']}": c["outcome"] for c in self.result["campaigns"]}
        assert set(outcomes) == {f"st-1/{c}" for c in self.campaigns}
        assert code == (11 if "unknown" in outcomes.values() else 0), (code, outcomes, self.log)
        for key, outcome in outcomes.items():
            sent = self.starts.get(key, 0)
            assert (outcome in {"started", "already_started"}) <= (sent == 1), (key, outcome, sent)
            assert (sent == 1) <= (outcome in {"started", "already_started", "unknown"}), (key, outcome, sent)

    @property
    def log(self):
        return (self.directory / "child.log").read_text(encoding="utf-8")[-3000:]
