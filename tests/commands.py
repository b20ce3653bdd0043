"""Commands as tests start them: real processes, forked where that makes no difference to the command.

Most of what a command costs is the import of the program. `Command` is a `subprocess.Popen` that has its process forked
by a server which has imported the program already (tests/fork_server.py): with arguments, folder, environment, streams
and session of its own, it gets real signals and has a real exit status. A command whose environment changes how Python
itself starts, or that is not one of the modules below, gets a fresh Python.
"""

import atexit
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

from tests.paths import ROOT

MODULES = ("orchestrator", "tests.fleet.served", "tests.process_state", "tests.system.crash.child")
"""What the server runs: the program, and what the tests make of it."""
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "DYLD_", "COVERAGE_", "OPENSSL_", "MALLOC_", "TZ")
"""Beginnings of variables that are read when Python starts or the program is imported."""
_PLAIN = {
    "executable": None, "preexec_fn": None, "pass_fds": (), "shell": False, "gid": None, "gids": None, "uid": None,
    "umask": -1,
}  # fmt: skip
HANGS = 200
"""Seconds: only a hang takes so long, however crowded the machine is."""
_PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")


class _Server:
    """The process that forks commands; it ends when the tests do."""

    def __init__(self):
        self._control, theirs = socket.socketpair()
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())], cwd=ROOT, env=self._environment,
            stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
        )  # fmt: skip
        theirs.close()
        self._lock = threading.Lock()
        atexit.register(self.close)

    def starts_alike(self, environment):
        """Whether a fresh Python in this environment would start as the server did."""
        return _start_up(environment) == _start_up(self._environment)

    def fork(self, request, streams):
        """Start a process; its pid, and the socket that its wait status will come by."""
        ours, theirs = socket.socketpair()
        with theirs:
            with self._lock:
                socket.send_fds(self._control, [b"f"], [theirs.fileno(), *streams])
            ours.sendall(json.dumps(request).encode() + b"\n")
        return _number(ours), ours

    def close(self):
        self._control.close()
        self._process.wait()


def _start_up(environment):
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


def _number(line):
    """The number that the server writes next. Blocks as long as the socket is set to."""
    said = b""
    while not said.endswith(b"\n"):
        part = line.recv(1)
        if not part:
            raise ChildProcessError("the fork server has ended: its own error is on stderr")
        said += part
    return int(said)


@cache
def _server():
    return _Server()


def _is_forkable(how):
    """Whether the server can start this: a module of ours, with no option of Python's or of Popen's that it lacks."""
    args = how["args"]
    is_ours = isinstance(args, list | tuple) and [*args[:2]] == [sys.executable, "-m"] and args[2] in MODULES
    return is_ours and all(how[name] == plain for name, plain in _PLAIN.items() if name in how)


def _umask():
    """This process's; it can be read no other way than by setting it."""
    found = os.umask(0o077)
    os.umask(found)
    return found


class Command(subprocess.Popen):
    """`subprocess.Popen`, forked where that is the same; `is_forked` says whether it was."""

    is_forked = False

    def communicate(self, input=None, timeout=HANGS):  # noqa: A002 - the base class's name
        return super().communicate(input, timeout)

    def wait(self, timeout=HANGS):
        return super().wait(timeout)

    def __exit__(self, kind, error, trace):
        if kind is not None:  # the test has failed: what it began would go on, and be waited for
            self.kill()
        super().__exit__(kind, error, trace)

    def _execute_child(self, *given):
        names = inspect.signature(super()._execute_child).parameters
        how = dict(zip(names, given, strict=True))
        environment = dict(os.environ if how["env"] is None else how["env"])
        if _is_forkable(how) and _server().starts_alike(environment):
            self._fork(how, environment)
        else:
            super()._execute_child(*given)

    def _fork(self, how, environment):
        request = {
            "args": [*map(str, how["args"])], "environment": environment, "umask": _umask(),
            "cwd": str(Path(how["cwd"] or ".").absolute()), "session": how["start_new_session"],
            "group": how["process_group"],
        }  # fmt: skip
        theirs = (how["p2cread"], how["c2pwrite"], how["errwrite"])
        streams = [number if fd == -1 else fd for number, fd in enumerate(theirs)]
        self.pid, self._line = _server().fork(request, streams)
        self.is_forked = self._child_created = True
        self._close_pipe_fds(*(how[name] for name in _PIPES))

    def _try_wait(self, flags):
        if not self.is_forked:
            return super()._try_wait(flags)
        self._line.settimeout(0 if flags & os.WNOHANG else None)
        try:
            status = _number(self._line)
        except BlockingIOError:
            return 0, 0
        self._line.close()
        return self.pid, status

    def _internal_poll(self, *given, **how):
        if self.is_forked:
            how["_waitpid"] = lambda _, flags: self._try_wait(flags)
        return super()._internal_poll(*given, **how)


def run(args, **how):
    """`subprocess.run` with its output captured as text, of a `Command`."""
    with Command(args, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how) as process:
        try:
            stdout, stderr = process.communicate()
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(args, process.returncode, stdout, stderr)
