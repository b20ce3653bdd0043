"""Prints what a program finds at its first line: what a fresh Python and a forked one must have in common."""

import gc
import json
import os
import signal
import sys
import threading
import time
import warnings


def stream(one):
    return {
        "name": one.fileno(), "encoding": one.encoding, "errors": one.errors, "newlines": one.newlines,
        "by line": one.line_buffering, "through": one.write_through, "is a terminal": one.isatty(),
        "raw": type(getattr(one.buffer, "raw", one.buffer)).__name__, "buffer": type(one.buffer).__name__,
    }  # fmt: skip


def state():
    main = sys.modules["__main__"]
    return {
        "arguments": [sys.argv, sys.orig_argv],
        "main": [main.__name__, main.__package__, main.__spec__ and main.__spec__.name],
        "path": sys.path,
        "folder": os.getcwd(),  # noqa: PTH109
        "environment": dict(os.environ),
        "umask": os.umask(0),
        "session": [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()],
        "terminal": [stream(one) for one in (sys.stdin, sys.stdout, sys.stderr)],
        "own streams": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
        "files": sorted(int(fd) for fd in os.listdir("/dev/fd") if os.path.exists(f"/dev/fd/{fd}")),  # noqa: PTH110, PTH208
        "signals": {number.name: str(signal.getsignal(number)) for number in signal.Signals},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "threads": [thread.name for thread in threading.enumerate()],
        "time zone": [time.tzname, time.timezone],
        "collector": [gc.isenabled(), gc.get_threshold()],
        "warnings": [str(one[:3]) for one in warnings.filters if one[2].__module__ == "builtins"],
        "flags": str(sys.flags),
    }


if __name__ == "__main__":
    json.dump(state(), sys.stdout)
    sys.exit(3)
