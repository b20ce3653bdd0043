"""Forks commands from a process that has imported the program; tests/commands.py is its client.

`python -m tests.fork_server FD`: on the socket FD comes a byte for each command, with its file descriptors: a socket of
its own, and its stdin, stdout and stderr. On the socket of its own the request comes as a line of JSON, and the pid and
later the wait status go back. There is one thread, and no event loop: there is nothing that a fork could tear apart.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading

LIBRARIES = ("uvloop", "encodings.idna", "rich._emoji_codes")
"""What the program's functions import, besides what its modules do."""


def load():
    """Import all of the program, so that no child has to."""
    package = importlib.import_module("orchestrator")
    names = [module.name for module in pkgutil.walk_packages(package.__path__, "orchestrator.")]
    for name in (*names, *LIBRARIES):
        if not name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # an extra that is not installed
                importlib.import_module(name)
    gc.freeze()  # the children share what lies here, as long as no collector writes to it


class Server:
    def __init__(self, control):
        self.control = control
        self.woken, self.waker = socket.socketpair()
        self.lines = {}

    def serve(self):
        """Fork a child for each request. Returns in each child, with its request and streams; at the end, None."""
        for end in (self.woken, self.waker):
            end.settimeout(0)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which then close the socket
        while True:
            ready, _, _ = select.select([self.control, self.woken], [], [])
            if self.woken in ready:
                self.woken.recv(4096)
                self.report()
            if self.control in ready:
                byte, fds, _, _ = socket.recv_fds(self.control, 1, 4)
                if not byte:
                    return None
                if job := self.forked(*fds):
                    return job

    def forked(self, fd, *streams):
        """In the child, the request and its streams; None in the server."""
        line = socket.socket(fileno=fd)
        with line.makefile(encoding="utf-8") as lines:
            request = json.loads(lines.readline())
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for end in (self.control, self.woken, self.waker, line, *self.lines.values()):
                end.close()
            return request, streams
        for stream in streams:
            os.close(stream)
        self.lines[pid] = line
        with contextlib.suppress(OSError):  # who asked may be gone, as a test that took too long: others still ask
            line.sendall(b"%d\n" % pid)
        return None

    def report(self):
        """Tell how each child ended that has."""
        for pid in list(self.lines):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with self.lines.pop(pid) as line, contextlib.suppress(OSError):  # who asked may be gone
                    line.sendall(b"%d\n" % status)


def become(request, streams):
    """Make this child what a fresh Python would be at the first line of the program."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["session"]:
        os.setsid()
    if request["group"] != -1:
        os.setpgid(0, request["group"])
    os.umask(request["umask"])
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = stream_of(0, "r", sys.stdin)
    sys.stdout = sys.__stdout__ = stream_of(1, "w", sys.stdout)
    sys.stderr = sys.__stderr__ = stream_of(2, "w", sys.stderr)
    sys.orig_argv = request["args"]


def stream_of(number, mode, like):
    """The file descriptor as Python opens it at its start, with the encoding and the buffering of the server's own."""
    is_raw = like.write_through and mode == "w"
    binary = open(number, f"{mode}b", 0 if is_raw else -1, closefd=False)  # noqa: SIM115 - open for good
    by_line = not like.write_through and (number == 2 or binary.isatty())
    return io.TextIOWrapper(
        binary, like.encoding, like.errors, newline="\n", line_buffering=by_line, write_through=like.write_through
    )


def run(module, arguments):
    """Run the module as `python -m` does."""
    sys.path[0] = os.getcwd()  # noqa: PTH109 - the same string that Python puts there
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def run_to_the_end(program):
    """Run a program, and end this process as Python does, but leave its modules whole: half of a command's time."""
    code = 0
    try:
        program()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        code = end.code or 0
    except Exception:  # noqa: BLE001 - whatever it is, it is shown as Python shows it
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    gc.collect()  # what was forgotten in a circle, a coroutine for instance, says so now or never
    os._exit((code if flushed() else 120) & 0xFF)


def flushed():
    """Whether stdout and stderr could be written to the end; Python's own exit code is 120 if not."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except OSError as error:
            sys.__stderr__.write(f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}\n")
            return False
    return True


if __name__ == "__main__":
    load()
    server = Server(socket.socket(fileno=int(sys.argv[1])))
    if (job := server.serve()) is not None:
        del server
        become(*job)
        _, _, module, *arguments = job[0]["args"]
        run_to_the_end(lambda: run(module, arguments))
