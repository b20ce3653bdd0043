"""The program as another system would run it: python -m tests.other_system windows run launch.yaml

What Windows or macOS does not have is taken away before a module of ours is imported. The libraries are imported first:
they have branches of their own for each system, and would take those that this machine cannot run.
"""

import asyncio
import ctypes
import errno
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from types import ModuleType, SimpleNamespace

import aiohttp.web
import click
import jinja2
import jwt
import orjson
import pydantic
import rich.console
import rich.progress
import sqlalchemy.dialects.sqlite
import structlog
import tenacity
import yaml

LIBRARIES = (aiohttp, click, jinja2, jwt, orjson, pydantic, rich, sqlalchemy, structlog, tenacity, yaml)

MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
SIGNALS = (
    "SIGALRM",
    "SIGHUP",
    "SIGKILL",
    "SIGPIPE",
    "SIGQUIT",
    "SIGTSTP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGWINCH",
    "SIG_BLOCK",
)
FUNCTIONS = (
    "chown", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getpgid", "getpgrp", "getpriority",
    "getsid", "getuid", "killpg", "lchown", "mkfifo", "nice", "pread", "pwrite", "sched_getaffinity", "setsid",
    "statvfs", "sysconf", "uname",
)  # fmt: skip
CLOCKS = ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_REALTIME", "clock_gettime")


def take_away(owner, *names):
    for name in names:
        if hasattr(owner, name):
            delattr(owner, name)


def no_loop_signals(*_):
    raise NotImplementedError


def hide_linux():
    """No system but Linux has /proc, or knows of these."""
    read_text = pathlib.Path.read_text

    def without_proc(path, *args, **kwargs):
        if path.is_relative_to("/proc"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return read_text(path, *args, **kwargs)

    pathlib.Path.read_text = without_proc
    take_away(socket, "TCP_USER_TIMEOUT")
    take_away(time, "CLOCK_BOOTTIME")


def windows():
    hide_linux()
    for name in MODULES:
        sys.modules[name] = None
    take_away(signal, *SIGNALS)
    take_away(os, *FUNCTIONS)
    take_away(time, *CLOCKS)
    asyncio.SelectorEventLoop.add_signal_handler = no_loop_signals
    asyncio.SelectorEventLoop.remove_signal_handler = no_loop_signals
    ctypes.windll = SimpleNamespace(kernel32=SimpleNamespace(GetDriveTypeW=lambda _: int(os.environ["DRIVE_TYPE"])))

    def kill(pid, number):
        # What it does there with 0, as with most numbers.
        sys.exit(f"process {pid} would be ended by {number}")

    real_open = os.open

    def open_file(path, flags, *args, **kwargs):
        if os.path.isdir(path):  # noqa: PTH112
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real_open(path, flags, *args, **kwargs)

    os.kill, os.open = kill, open_file

    from orchestrator import places
    from orchestrator.console import signals

    # Not os.name itself: pathlib would then make paths that this machine cannot use.
    places.IS_WINDOWS = True
    signals.os = ModuleType("os")
    vars(signals.os).update(vars(os) | {"name": "nt"})


def macos():
    hide_linux()
    real_run = subprocess.run

    def run_mount(command, **options):
        if command != ["/sbin/mount"]:
            return real_run(command, **options)
        said = "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n"
        return subprocess.CompletedProcess(command, 0, said, "")

    subprocess.run = run_mount


if __name__ == "__main__":
    {"windows": windows, "macos": macos}[sys.argv[1]]()
    from orchestrator.__main__ import main

    main(sys.argv[2:])
