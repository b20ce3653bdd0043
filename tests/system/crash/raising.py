"""The real program, with an exception at one of its statements: the first time that it is reached after a permit.

Started once, it imports the program and then forks a process per line on stdin, a JSON object with `cwd`, `arguments`,
`environment`, `site` (FILE:LINE, or nothing) and `kind`; when the process has ended it prints its exit status. The
statements that were reached after the first permit are left in `seen.json`. The product knows nothing of this.
"""

import asyncio
import errno
import importlib
import json
import linecache
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import click

from orchestrator import errors
from orchestrator.__main__ import main
from orchestrator.core.attempt import permit
from orchestrator.engine.stop_signal import StopRequested
from tests.paths import PRODUCT

HANGS = 90  # seconds: only a hang takes so long, on a crowded machine too
KINDS = {
    "os": lambda: OSError(errno.EMFILE, "Too many open files"),
    "full": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "pipe": BrokenPipeError,
    "encode": lambda: UnicodeEncodeError("ascii", "\u00fc", 0, 1, "ordinal not in range(128)"),
    "decode": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    "import": lambda: ImportError("no module of that name"),
    "memory": MemoryError,
    "recursion": RecursionError,
    "runtime": lambda: RuntimeError("of no known kind"),
    "key": lambda: KeyError("x"),
    "timeout": TimeoutError,
    "cancelled": asyncio.CancelledError,
    "interrupt": KeyboardInterrupt,
    "exit": lambda: SystemExit(3),
    "generator": GeneratorExit,
    "usage": lambda: click.UsageError("of the command line"),
    "abort": click.Abort,
    "ledger": lambda: errors.LedgerError("of the ledger"),
    "selected": lambda: errors.NothingSelected("nothing"),
    "refused": lambda: errors.Refused("refused"),
    "leased": lambda: errors.LaneLeased("leased"),
    "credential": lambda: errors.CredentialError("a credential"),
    "manifest": lambda: errors.ManifestError(()),
    "lost": lambda: errors.LeaseLost("a lease"),
    "journal": lambda: errors.JournalWriteError("the journal"),
    "stop": lambda: StopRequested("a stop"),
}
_OURS = f"{PRODUCT}{os.sep}"
_NOT_OURS = f"{PRODUCT / 'sandbox'}{os.sep}"  # stands for another machine
_state = {"is_permitted": False, "site": "", "kind": "", "seen": {}}


def trace(frame, event, _):
    """Follow the frames of our own files only."""
    name = frame.f_code.co_filename
    return trace_lines if name.startswith(_OURS) and not name.startswith(_NOT_OURS) else None


def trace_lines(frame, event, _):
    if event == "line" and _state["is_permitted"] and does_something(frame):
        reach(f"{frame.f_code.co_filename.removeprefix(_OURS)}:{frame.f_lineno}")
    return trace_lines


def does_something(frame):
    """A bare `try:` does nothing, so nothing can fail there: an error in front of the guard is not the guard's."""
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip() != "try:"


def reach(site):
    _state["seen"][site] = None
    if site == _state["site"]:
        _state["site"] = ""
        Path("raised").write_text(site, encoding="utf-8")
        error = KINDS[_state["kind"]]()
        raise error


def permitted(real):
    def grant(intent):
        _state["is_permitted"] = True
        return real(intent)

    return grant


def run_job(job):
    _state.update(site=job["site"], kind=job["kind"])
    os.chdir(job["cwd"])
    os.environ.update(job["environment"])
    log = os.open("child.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.alarm(HANGS)
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        main(job["arguments"])
    finally:
        sys.settrace(None)
        if not job["site"]:
            seen = {"sites": list(_state["seen"]), "modules": sorted(sys.modules)}
            Path("seen.json").write_text(json.dumps(seen), encoding="utf-8")


def serve():
    for line in sys.stdin:
        job = json.loads(line)
        for module in job["modules"]:  # once here, and not in each of the forks
            with suppress(ImportError):  # some are made while others are imported, and have no file
                importlib.import_module(module)
        pid = os.fork()
        if pid == 0:
            run_job(job)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    from orchestrator.ledger import committer

    committer.grant = permitted(permit.grant)
    serve()
