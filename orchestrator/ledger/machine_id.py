"""The name of this machine, within which a process id is unique, and of its user."""

import functools
import getpass
import hashlib
import os
import socket
from pathlib import Path

from orchestrator.core.journal.lease import Holder


@functools.cache
def this_machine() -> str:
    """The host's name, with a mark that differs between two containers or two boots of the same name.

    With the name alone, a host would look for another host's pid among its own, not find it, and take over the lane of
    a run that is alive.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        known = f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}#{hashlib.sha256(known.encode()).hexdigest()[:8]}"


def this_holder(run_id: str, launch: str) -> Holder:
    """The holder of the leases of a run in this process."""
    return Holder(run_id, launch, this_machine(), os.getpid())


def this_user() -> str:
    """Who types the commands, for the journal; the number where it has no name, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}"
