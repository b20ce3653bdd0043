"""The name of this machine, within which a process id is unique, and of its user."""

import functools
import getpass
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

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


_ACTORS: Final = (
    "GITHUB_TRIGGERING_ACTOR",
    "GITHUB_ACTOR",
    "GITLAB_USER_LOGIN",
    "GITLAB_USER_EMAIL",
    "BUILDKITE_BUILD_CREATOR_EMAIL",
)
_LONGEST_NAME: Final = 256


def this_user() -> str:
    """Who types the commands, for the journal: the person whom the CI system names, else the login."""
    return user_names()[0]


def user_names() -> tuple[str, ...]:
    """All names of who types the commands: those that the CI system gives, then the login and the account's own name.

    The number of an account that has no name, as in many containers.
    """
    actors = (os.environ.get(name, "") for name in _ACTORS)
    try:
        login = getpass.getuser()
    except (KeyError, OSError, ImportError):
        login = f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
    # getpass believes variables: the account's name is there as well, whatever they say.
    return _names(*actors, login, *_account_names())


def _account_names() -> Iterator[str]:
    """The name of this process's account; none where it has no name, or the system no such list."""
    with suppress(ImportError, KeyError):
        import pwd

        yield pwd.getpwuid(os.getuid()).pw_name


def _names(*found: str) -> tuple[str, ...]:
    # A variable may hold anything; the journal takes what can be printed.
    return tuple(dict.fromkeys(name[:_LONGEST_NAME] for name in found if name.isprintable() and name))
