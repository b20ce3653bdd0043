"""The result of a command, and the one place that prints it: text or JSON on stdout, remarks on stderr."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

import click

from orchestrator.console.problems import text_of
from orchestrator.console.terminal import has_bars, has_color, plain
from orchestrator.core.exit_codes import ExitCode
from orchestrator.core.text import PROGRAM, called_as, reason
from orchestrator.errors import ManifestError, OrchestratorError

SCHEMA_VERSION: Final = "1"
"""Of every command's JSON: raised when a key is removed or changes its meaning; keys may be added within a version."""

_STARTING: Final = frozenset({"run"})
"""The commands that send starts: only of these does an error say whether one was sent."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command.

    `data` is its JSON beside the envelope's `schema_version`, `command` and `exit_code`, or makes it where it is large.
    For a person, `text` has the same on stdout, and `messages` are remarks on stderr; `said` are remarks that were
    printed before, and are `messages` in the JSON. `again` is the command that shows the result once more.
    `is_styled`: the text is already styled for this terminal. Any other text loses its escape sequences in a pipe.
    `is_silent`: nothing is printed. `is_paged`: a text that does not fit a terminal is shown by a pager.
    """

    command: str
    data: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = field(default_factory=dict)
    text: str = ""
    messages: tuple[str, ...] = ()
    exit_code: int = ExitCode.OK
    again: str = ""
    said: tuple[str, ...] = ()
    is_styled: bool = False
    is_silent: bool = False
    is_paged: bool = False

    def as_json(self) -> dict[str, Any]:
        """The envelope and the data in it."""
        envelope = {"schema_version": SCHEMA_VERSION, "command": self.command, "exit_code": int(self.exit_code)}
        said = {"messages": list(self.said)} if self.said else {}
        return {**envelope, **(self.data() if callable(self.data) else self.data), **said}


class Remarks:
    """An observer that prints on stderr, at once, what a person must know before the first start, and keeps it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def event(self, name: str, **fields: Any) -> None:
        """Print the event, if it is one of these."""
        if name == "ledger_created":
            self.said.append(f"new ledger: {plain(fields['ledger'])}; it knows of no earlier start")
            click.echo(self.said[-1], err=True)


def program() -> str:
    """The program's name for every reader: `orchestrator` where it is installed, else as `core.text.PROGRAM` has it."""
    return "orchestrator" if _called() == "orchestrator" else PROGRAM


def program_here() -> str:
    """How this program was called, such that a shell in any folder runs it: by its path where PATH leads elsewhere."""
    name, script = _called(), sys.argv[0]
    try:
        if os.name == "nt":  # its paths are no words of a shell
            return program()
        if name == "orchestrator" and shutil.which(name) != _absolute(script):
            return shlex.quote(_absolute(script))
        if name == PROGRAM and not sys.orig_argv[0].startswith(os.sep):
            return f"{shlex.quote(_python(sys.orig_argv[0]))} -m orchestrator"
    except OSError:  # the working folder is gone, and with it what a relative path means
        pass
    # A Python with an absolute path was called by a program, whose readers may sit elsewhere.
    return program()


def _called() -> str | None:
    """As click has it: `python -m orchestrator`, or the file's name."""
    context = click.get_current_context(silent=True)
    return context.find_root().info_name if context is not None else None


def _python(typed: str) -> str:
    return _absolute(typed) if os.sep in typed else typed


def _absolute(path: str) -> str:
    # Links are kept: a virtual environment's Python is one to a Python that knows nothing of it.
    return os.path.abspath(path)  # noqa: PTH100


def render(result: CommandResult, *, as_json: bool) -> None:
    """Print a result, with the program named as it was called."""
    if result.is_silent:
        return
    name = program_here()
    try:
        if as_json:
            click.echo(called_as(dumps(result.as_json()), name))
        elif result.is_paged:
            echo_paged(called_as(result.text, name), os.environ, color=result.is_styled or None)
        elif result.text:
            click.echo(called_as(result.text, name), nl=False, color=result.is_styled or None)
    except Exception as error:  # noqa: BLE001 - see below
        # What was sent was sent: a full disk behind stdout must not turn the command's exit code into another.
        click.echo(f"cannot write to standard output: {reason(error)}", err=True)
        if result.again:
            click.echo(f"next: {called_as(result.again, name)}", err=True)
    if not as_json:
        for message in result.messages:
            click.echo(called_as(message, name), err=True)


def echo_paged(text: str, environ: MutableMapping[str, str], *, color: bool | None = None) -> None:
    """Print a text, by a pager where it does not fit a person's terminal."""
    if needs_pager(text, environ):
        environ.setdefault("LESS", "FRX")  # as git does it: the text stays on the screen afterwards
        click.echo_via_pager(text)
    else:
        click.echo(text, nl=False, color=color)


def needs_pager(text: str, environ: Mapping[str, str]) -> bool:
    """Whether a text at a person's terminal is longer than that; never in a pipe or a CI job, nor where PAGER is empty.

    As elsewhere, PAGER=cat asks for none, too.
    """
    if sys.stdin is None or not (sys.stdin.isatty() and has_bars(sys.stdout, environ)):
        return False
    return environ.get("PAGER") not in {"", "cat"} and text.count("\n") >= shutil.get_terminal_size().lines


def dumps(value: Any) -> str:
    """JSON for stdout; in ASCII where the locale has no other letters."""
    is_utf_8 = sys.stdout is not None and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(value, indent=2, ensure_ascii=not is_utf_8)


def error_result(command: str, error: OrchestratorError) -> CommandResult:
    """The result of a command that ended with an error a user can cause."""
    problems = error.problems if isinstance(error, ManifestError) else ()
    message = error.sentence if command in _STARTING else error.message
    data = {
        "error": {
            "exit_code": int(error.exit_code),
            "kind": type(error).__name__,
            "message": message,
            "next": error.next_step,
            "problems": [
                {"file": p.file, "line": p.line, "column": p.column, "cell": p.cell, "path": p.path,
                 "message": p.message, "hint": p.hint, "value": p.value, "source": p.source} for p in problems
            ],
        }
    }  # fmt: skip
    in_color = sys.stderr is not None and has_color(sys.stderr, os.environ)
    lines = [*(text_of(problem, in_color=in_color) for problem in problems), f"error: {plain(message)}"]
    lines += [f"next: {error.next_step}"] if error.next_step else []
    return CommandResult(command, data, messages=tuple(lines), exit_code=error.exit_code)
