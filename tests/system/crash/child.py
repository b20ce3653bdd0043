"""The real program, with a way to die: kills itself with SIGKILL when it reaches a named point for the n-th time.

Started once, it imports the program and then forks a process per line on stdin, a JSON object with `cwd`, `arguments`,
`point` and `nth`; when the process has ended it prints its exit status. With `shell`, that command is run at the point
and the process lives on. The product knows nothing of this: the points are put around its parts from outside.
"""

import asyncio
import functools
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import aiohttp
import sqlalchemy as sa

import orchestrator.kore.client as client_module
from orchestrator.cli import main
from orchestrator.core.attempt.permit import grant
from orchestrator.engine import preflight
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.waves import PlanExecution
from orchestrator.kore.auth import TokenMinter
from orchestrator.kore.call import Call
from orchestrator.kore.client import KoreClient
from orchestrator.ledger import sqlite_file as place
from orchestrator.ledger.store import Store
from orchestrator.ledger.writer import Writer
from orchestrator.report import files
from tests.fork_server import run_to_the_end

_state = {"point": "", "left": 0, "signal": signal.SIGKILL, "shell": None}


def reached(*points):
    if _state["point"] in points:
        _state["left"] -= 1
        if _state["left"] == 0 and _state["shell"] is not None:
            subprocess.run(["/bin/sh", "-ec", _state["shell"]], check=True)
        elif _state["left"] == 0:
            os.kill(os.getpid(), _state["signal"])


def around(owner, name, before=None, after=None):
    """Put points around a plain function or method; a point may be worked out from the call's arguments."""
    real = getattr(owner, name)

    @functools.wraps(real)
    def wrapper(*args, **kwargs):
        reached(*_names(before, args))
        result = real(*args, **kwargs)
        reached(*_names(after, args))
        return result

    setattr(owner, name, wrapper)


def around_async(owner, name, before=None, after=None):
    real = getattr(owner, name)

    @functools.wraps(real)
    async def wrapper(*args, **kwargs):
        reached(*_names(before, args))
        result = await real(*args, **kwargs)
        reached(*_names(after, args))
        return result

    setattr(owner, name, wrapper)


def around_future(owner, name, before, after):
    """The same for a method that returns a future: `after` is reached in the step that ends it."""
    real = getattr(owner, name)

    @functools.wraps(real)
    def wrapper(*args, **kwargs):
        reached(*_names(before, args))
        future = real(*args, **kwargs)
        future.add_done_callback(lambda done: done.cancelled() or done.exception() or reached(*_names(after, args)))
        return future

    setattr(owner, name, wrapper)


def around_turns(owner, name, before, after):
    """The same for a generator: `after` is reached when it has ended."""
    real = getattr(owner, name)

    @functools.wraps(real)
    def wrapper(*args, **kwargs):
        reached(before)
        result = yield from real(*args, **kwargs)
        reached(after)
        return result

    setattr(owner, name, wrapper)


def _names(point, args):
    return point(args) if callable(point) else (point,)


def _of_batch(suffix):
    return lambda args: {f"{record.kind}_{suffix}" for record in args[1]}


def _of_record(suffix):
    return lambda args: {f"{args[1].kind}_{suffix}"}


def _trace():
    trace = aiohttp.TraceConfig()

    def at(point):
        async def hook(*_):
            reached(point)

        return hook

    trace.on_connection_create_start.append(at("connect"))
    trace.on_connection_create_end.append(at("connected"))
    trace.on_request_end.append(at("headers_in"))
    return trace


def install():
    real_session = aiohttp.ClientSession

    def with_trace(*args, **kwargs):
        return real_session(*args, trace_configs=[_trace()], **kwargs)

    aiohttp.ClientSession = with_trace
    around(place, "_fill", "ledger_draft_empty", "ledger_draft_made")
    around(place, "_link", None, "ledger_linked")
    around(Store, "bind_launch", "before_launch", "after_launch")
    around(Store, "acquire", "before_lease", "after_lease")
    around(Store, "release", "before_release", "after_release")
    around(Store, "commit", _of_batch("queued"), _of_batch("committed"))
    around_future(Writer, "record", _of_record("handed_over"), _of_record("acknowledged"))
    around_async(Writer, "permit", None, "permit_granted")
    around_async(preflight, "live_states", "before_preflight", "after_preflight")
    around(TokenMinter, "mint", "token")
    around(Call, "first_byte", "before_first_byte", "first_byte")
    around(Call, "written", "last_byte")
    around_async(client_module, "_read", None, "body_in")
    around_async(KoreClient, "start", "before_start", "after_start")
    around_async(KoreClient, "status", "before_probe", "after_probe")
    around_async(LaneRunner, "run", "before_lane", "after_lane")
    around_async(PlanExecution, "_write_end", "before_end", "after_end")
    around_turns(files, "_writing", "before_report", "after_report")
    around(Path, "replace", "report_temp", "report_renamed")
    sa.event.listen(sa.Engine, "commit", lambda _: reached("in_transaction"))


def fail_commits(fault, after):
    """Let the ledger's commits fail from the n-th on, as SQLite says it when the disk does."""
    text = {"ENOSPC": "database or disk is full", "EIO": "disk I/O error"}[fault]
    left = [after]

    def before_commit(connection):
        if not connection.get_execution_options().get("writes"):
            return
        left[0] -= 1
        if left[0] < 0:
            raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError(text))

    sa.event.listen(sa.Engine, "commit", before_commit)


def send_before_commit():
    """Break the rule that a permit needs a committed intent: grant first, commit at some later time."""

    async def permit(self, intent):
        asyncio.get_running_loop().call_later(5.0, lambda: asyncio.ensure_future(self.record(intent)))
        return grant(intent)

    Writer.permit = permit


def run_job(job):
    if job.get("mutant") == "send before commit":
        send_before_commit()
    if "fault" in job:
        fail_commits(job["fault"], job["after"])
    _state.update(point=job.get("point", ""), left=job.get("nth", 1))
    _state.update(signal=job.get("signal", signal.SIGKILL), shell=job.get("shell"))
    os.chdir(job["cwd"])
    os.environ.update(job.get("environment", {}))
    log = os.open("child.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    run_to_the_end(lambda: main(job["arguments"]))


def serve():
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            run_job(json.loads(line))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    install()
    serve()
