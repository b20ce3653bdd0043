import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from orchestrator.sandbox.limiter import Arrivals, Limit
from orchestrator.sandbox.server import SandboxServer
from orchestrator.sandbox.world import world_of
from tests.canaries import SECRET, heard, no_secret_leaves
from tests.commands import Command, run
from tests.paths import ROOT

__all__ = ["SECRET", "no_secret_leaves"]

ACCOUNT = "67777ce93e25326494e90001"
_AROUND = ("CI", "GITHUB_", "GITLAB_", "OTEL_", "NO_COLOR", "FORCE_COLOR", "COLUMNS")


class Program(Command):
    """The real command; what it prints is searched for secrets when the test is over."""

    def communicate(self, *args, **kwargs):
        said = super().communicate(*args, **kwargs)
        heard(*said)
        return said


class Workplace:
    """An empty directory in which the real command is run."""

    def __init__(self, path):
        self.path = path
        # A CI system around the tests is not the one that a test pretends to be in.
        ours = {key: value for key, value in os.environ.items() if not key.startswith(_AROUND)}
        self.environment = {**ours, "PYTHONPATH": str(ROOT), "ACME_ID": "cs-acme", "ACME_SECRET": SECRET}

    def manifest(self, name="launch.yaml", **changes):
        raw = {
            "version": 1,
            "launch": "spring",
            "host": "sandbox",
            "accounts": {"acme": {"account_id": ACCOUNT, "rate": "unlimited"}},
            "defaults": {"account": "acme"},
            "campaigns": [{"stream": "st-1", "campaign": f"cd-{n}"} for n in range(3)],
            "retry": {"attempts": 2, "backoff": "0.01s..0.02s"},
            # Much more than a call takes: on a crowded machine an answer may come seconds late, and is no lost one.
            "timeouts": {"connect": "10s", "total": "10s"},
            "probe": {"settle": "0.2s"},
            # Two attempts of each campaign, all lost: by the default of 5 the last would sometimes wait half a minute.
            "breaker": {"opens_after": 7},
        } | changes
        file = self.path / name
        file.write_text(json.dumps({k: v for k, v in raw.items() if v is not None}), encoding="utf-8")
        return name

    def credentials(self, **changes):
        reference = {"client_id": {"env": "ACME_ID"}, "client_secret": {"env": "ACME_SECRET"}}
        return {"acme": {"account_id": ACCOUNT, "rate": "unlimited", **reference, **changes}}

    def command(self, *arguments):
        return [sys.executable, "-m", "orchestrator", *arguments]

    def start(self, *arguments, stdout=subprocess.PIPE, **options):
        return Program(
            self.command(*arguments), cwd=self.path, env=self.environment, text=True,
            stdout=stdout, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def run(self, *arguments):
        done = run(self.command(*arguments), cwd=self.path, env=self.environment, stdin=subprocess.DEVNULL)
        heard(done.stdout, done.stderr)
        return done

    def result(self, launch="spring"):
        return json.loads((self.path / "reports" / launch / "result.json").read_text(encoding="utf-8"))


@pytest.fixture
def workplace(tmp_path):
    tmp_path.chmod(0o700)
    return Workplace(tmp_path)


class Platform:
    """A sandbox that outlives the runs: serves in a thread of its own."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = None
        self._held = []

    def start(self, campaigns=("cd-0", "cd-1", "cd-2"), secret=SECRET, streams=("st-1",), **options):
        world = world_of(
            [(ACCOUNT, "cs-acme", secret, "HS256")],
            [(ACCOUNT, stream, campaign, campaign, "sms") for stream in streams for campaign in campaigns],
            Limit(10_000, 1.0),
        )
        return self.serve(world, **options)

    def serve(self, world, **options):
        self._server = SandboxServer(world, **options)
        return self._do(self._server.start())

    def hold(self, campaign):
        """The start of a campaign is answered once the event that this returns is set: until then, all stands still."""
        answered, act = threading.Event(), self._server.platform.act

        def held(call, now):
            if (call.op, call.campaign) == ("start", campaign):
                answered.wait()
            return act(call, now)

        self._server.platform.act = held
        self._held.append(answered)
        return answered

    def refuse(self, campaign, message="no such sender", times=1000):
        """The next starts of a campaign are refused, a number of times."""
        act, left = self._server.platform.act, iter(range(times))

        def refused(call, now):
            if (call.op, call.campaign) == ("start", campaign) and next(left, None) is not None:
                return 422, {"errors": [{"msg": message}]}
            return act(call, now)

        self._server.platform.act = refused

    def set_state(self, campaign, status, **changes):
        found = self._server.platform.campaign("st-1", campaign)
        self._server.platform.put(dataclasses.replace(found, status=status, **changes))

    def limit(self, calls, seconds):
        """From now on, a number of calls is let through in a time; one was a moment ago."""
        arrivals = self._server.platform.arrivals[ACCOUNT] = Arrivals(Limit(calls, seconds))
        arrivals.arrive(time.time())

    def state(self, campaign):
        return self._server.platform.campaign("st-1", campaign).status

    @property
    def starts(self):
        return dict(self._server.platform.start_counts)

    @property
    def calls(self):
        return self._server.platform.arrivals[ACCOUNT].total

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def close(self):
        for answered in self._held:
            answered.set()
        if self._server is not None:
            self._do(self._server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def platform():
    platform = Platform()
    yield platform
    platform.close()
