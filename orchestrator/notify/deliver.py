"""Delivers a notice in a process of its own, which is killed when its time is over."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 5.0
"""How long one notice may take in all, both tries included."""

LATE: Final = f"it took longer than {SECONDS:g} s"
_CHILD: Final = Path(__file__).with_name("child.py")
_MOST: Final = 200  # characters of what the process says


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes to one address: title and text for people, or a webhook's body and headers."""

    address: str = field(repr=False)
    title: str
    text: str
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self, seconds: float) -> dict[str, Any]:
        """What the process reads; it takes `seconds` at most."""
        return {"address": self.address, "title": self.title, "text": self.text, "body": self.body,
                "headers": dict(self.headers), "seconds": seconds}  # fmt: skip


def deliver(parcel: Parcel, until: float) -> str:
    """Deliver a parcel before `until` (of time.monotonic). Why that failed, without its address; empty: it did not."""
    left = until - time.monotonic()
    if left <= 0:
        return LATE
    try:
        # By its path, so that nothing in the working folder is imported; in a session of its own, so that a Ctrl-C
        # does not end it; and by its input, since anyone on this machine can read a command line.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-P", str(_CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError, MemoryError):
        return "no process could be started for it"
    with process:
        try:
            said, _ = process.communicate(json.dumps(parcel.as_json(left)).encode(), timeout=left)
        except subprocess.TimeoutExpired:
            return LATE
        finally:
            process.kill()
    return _why(said)


def _why(said: bytes) -> str:
    try:
        return str(json.loads(said)["why"])[:_MOST]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "its process ended without an answer"
