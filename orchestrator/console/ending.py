"""The exit code that a process ends with, whatever happens on its way out."""

import atexit
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from orchestrator.console import signals


class _Ending:
    """The process's one promise of an exit code."""

    def __init__(self) -> None:
        self.code: Callable[[], int | None] = lambda: None


_ending: Final = _Ending()


def promise(code: Callable[[], int | None]) -> None:
    """From now on end with `code()`, once it is no longer None: not even an error that nobody caught ends with 1."""
    _ending.code = code


def keep_promises() -> None:
    """Keep what is promised, and ignore signals, as the last thing that the interpreter does for us."""
    atexit.register(_end)


def _end() -> None:
    signals.ignore()
    code = _ending.code()
    if code is None:
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
