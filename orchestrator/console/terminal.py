"""What a terminal can show, by the environment (NO_COLOR, FORCE_COLOR, TERM, CI), and a question asked at one."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TextIO

import click

from orchestrator.console import signals
from orchestrator.core.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH: Final = 110
_DUMB: Final = frozenset({"dumb", "unknown"})


def has_bars(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether lines can be drawn over. Some CI systems give their jobs a terminal, and keep every frame of it."""
    return stream.isatty() and environ.get("TERM") not in _DUMB and not environ.get("CI")


def has_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is a terminal whose text may be styled."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") not in _DUMB


def console_for(stream: TextIO, environ: Mapping[str, str]) -> "Console":
    """A console that styles its text only where the environment allows or demands it."""
    from rich.console import Console

    is_dumb = environ.get("TERM") in _DUMB
    is_plain = bool(environ.get("NO_COLOR")) or is_dumb
    # FORCE_COLOR asks for colors in a pipe, too. NO_COLOR and a dumb terminal outrank it.
    is_terminal = stream.isatty() or (bool(environ.get("FORCE_COLOR")) and not is_plain)
    return Console(
        file=stream,
        force_terminal=is_terminal,
        # rich's own reading of NO_COLOR keeps bold, which needs the same escape sequences.
        color_system=None if is_plain else "auto" if stream.isatty() else "standard" if is_terminal else None,
        width=None if stream.isatty() else _PIPE_WIDTH,
        highlight=False,
        markup=False,
    )


def plain(text: str) -> str:
    """Foreign text on its way to a terminal or a CI log: no control sequences, no line of its own."""
    # GitHub's runner takes "##[" for a command wherever it stands in a line.
    return one_line(text).replace("##[", "## [")


def ask(question: str) -> str | None:
    """A person's answer at the terminal without spaces around it; empty: only Enter; None: the input has ended."""
    click.echo(question, nl=False, err=True)
    # A signal may come between the question and the read: it ends the wait as one that comes later.
    signals.wait_for_input(sys.stdin)
    line = sys.stdin.readline()
    return line.strip() if line else None
