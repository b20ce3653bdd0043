"""What the commands share: options, and the step from a result to the exit code."""

import functools
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from orchestrator.cli.documented import Count
from orchestrator.console.render import CommandResult, error_result, render
from orchestrator.console.terminal import ask
from orchestrator.core.exit_codes import ExitCode
from orchestrator.core.text import DEFAULT_LEDGER, duration
from orchestrator.errors import OrchestratorError
from orchestrator.model import PosixSeconds
from orchestrator.places import expanded

if TYPE_CHECKING:
    from orchestrator.core.manifest.start_times import StartTime
    from orchestrator.core.plan.selection import Choice

FORMATS: Final = ("json", "csv", "junit", "markdown", "html", "prometheus", "dotenv")
"""Those of report.files, whose import takes too long for --help."""

_Command = TypeVar("_Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, errors too.")
log_format_option = click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Format of the log on stderr.",
)  # fmt: skip


class PlacePath(click.Path):
    """A folder, with the home folder for `~`: no shell expands it in `--dir=~/reports`, or in quotes."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The expanded path; a usage error for `$`, or for a home folder that is not there."""
        try:
            return super().convert(expanded(str(value)), param, ctx)
        except OSError as error:
            self.fail(str(error.strerror), param, ctx)


def _ledger_address(_: click.Context, __: click.Parameter, address: str) -> str:
    if "$" in address:
        raise click.BadParameter("variables are not expanded: write the full address")
    return address


ledger_option = click.option(
    "--ledger", default=DEFAULT_LEDGER, show_default=True, callback=_ledger_address,
    metavar="URL", help="URL of the ledger; the default is looked for from the working folder upwards.",
)  # fmt: skip
manifest_argument = click.argument("manifest", metavar="MANIFEST", type=click.Path(path_type=str))
environment_option = click.option(
    "--env", "environment", metavar="NAME", envvar="ORCHESTRATOR_ENV", show_envvar=True,
    callback=lambda _, __, name: name or None,
    help="The environment, if the manifest has environments.",
)  # fmt: skip


_ASK: Final = "?"
_NO_REASON: Final = "--reason needs your own words"


def _reason(_: click.Context, __: click.Parameter, text: str | None, *, is_needed: bool) -> str:
    return "" if text is None and not is_needed else needed_reason(text)


def needed_reason(text: str | None = None) -> str:
    """The reason, in a person's own words: asked for at a terminal where it is missing. Raises click.UsageError."""
    if text in (None, _ASK):
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise click.UsageError(f"{_NO_REASON}: there is no terminal to ask for them")
        text = ask("Reason: ")
    words = (text or "").strip()
    if words in ("", "TEXT"):  # what older help showed in their place: journaled, it would explain nothing
        raise click.UsageError(f"{_NO_REASON}: {words!r} explains nothing")
    return words


def reason_option(help_: str, *, is_needed: bool = True) -> Callable[[_Command], _Command]:
    """--reason: without words behind it, or where it is needed and left out, a person at a terminal is asked."""
    return click.option(
        "--reason", is_flag=False, flag_value=_ASK, metavar="TEXT",
        callback=functools.partial(_reason, is_needed=is_needed),
        help=help_ + (" Without it, you are asked." if is_needed else ""),
    )  # fmt: skip


class UnusableError(OrchestratorError):
    """What the command line asks for cannot be done."""

    exit_code = ExitCode.USAGE


_DATABASE: Final = b"SQLite format 3\0"


def check_output(path: Path, *inputs: str) -> None:
    """Raise UnusableError if a file that is to be written would replace a ledger, or an input of the command."""
    if not path.is_file():
        return  # a pipe has nothing to lose
    with suppress(OSError):  # it cannot be read: writing it says why
        for text in inputs:
            if path.samefile(text):
                raise UnusableError(f"{path} is what this command reads", next_step="choose another file with -o")
    with suppress(OSError), path.open("rb") as file:
        if file.read(len(_DATABASE)) == _DATABASE:
            raise UnusableError(f"{path} is a ledger: its records exist nowhere else",
                                next_step="choose another file with -o")  # fmt: skip


def _name(context: click.Context) -> str:
    """The command's name, after its group's where it has one."""
    return context.command_path.removeprefix(context.find_root().command_path).strip() or str(context.info_name)


def prints_result(command: Callable[..., CommandResult]) -> Callable[..., None]:
    """Print what a command returns, as JSON with --json, and end with its exit code.

    Errors that a user can cause are results, too; all others keep their traceback.
    """

    @functools.wraps(command)
    def wrapper(*args: Any, as_json: bool = False, **kwargs: Any) -> None:
        try:
            result = command(*args, **kwargs)
        except OrchestratorError as error:
            result = error_result(_name(click.get_current_context()), error)
        render(result, as_json=as_json)
        sys.exit(result.exit_code)

    return wrapper


def _launch_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """For shell completion: the launches of the ledger, where it is a file; a shell does not wait for a network."""
    from orchestrator.app.journal_reader import open_ledger

    ledger = ctx.params.get("ledger") or DEFAULT_LEDGER
    if not ledger.startswith("sqlite:"):
        return []
    # A ledger that cannot be read completes nothing: its error would land in the line that is being typed.
    with suppress(OrchestratorError), open_ledger(ledger) as store:
        return [name for name in store.launches() if name.startswith(incomplete)]
    return []


launch_argument = click.argument("launch", shell_complete=_launch_names)
newest_launch_argument = click.argument("launch", required=False, shell_complete=_launch_names)


def selection_options(command: _Command) -> _Command:
    """--select, --exclude and --retry-failed."""
    terms = "tag:T, account:A, stream:S, campaign:C or outcome:new|started|failed|unknown"
    # From the last to the first: a decorator that is applied later is shown earlier in --help.
    for option in (
        click.option(
            "--retry-failed", is_flag=True, help="Also start campaigns that definitely failed in an earlier run."
        ),
        click.option(
            "--exclude",
            multiple=True,
            metavar="TERMS",
            help="Leave these campaigns out; the same terms as for --select.",
        ),
        click.option(
            "--select", multiple=True, metavar="TERMS", help=f"Only these campaigns, by default all: {terms}."
        ),
    ):
        command = option(command)
    return command


max_starts_option = click.option(
    "--max-starts", type=Count(min=1), metavar="N", envvar="ORCHESTRATOR_MAX_STARTS", show_envvar=True,
    help="Refuse a plan with more starts; by default limits.max_starts, which it can only lower.",
)  # fmt: skip

max_recipients_option = click.option(
    "--max-recipients", type=Count(min=1), metavar="N", envvar="ORCHESTRATOR_MAX_RECIPIENTS", show_envvar=True,
    help="Refuse a plan that texts more people than this, or an unknown number; by default limits.max_recipients, "
         "which it can only lower.",
)  # fmt: skip


def start_options(command: _Command) -> _Command:
    """--at and --zone."""
    for option in (
        click.option("--zone", metavar="NAME", help="Time zone of --at, such as America/New_York."),
        click.option(
            "--at",
            metavar="TIME",
            help="Wait until then, by default start at once: 2026-12-01T09:00 with --zone, or with an offset.",
        ),
    ):
        command = option(command)
    return command


_FORMS_OF_AT: Final = "write --at 2026-12-01T09:00 --zone America/New_York, or --at 2026-12-01T09:00:00-05:00"


def start_of_options(at: str | None, zone: str | None) -> "StartTime | None":
    """The time to start at. Raises click.UsageError for one that is not a time, or has passed."""
    if at is None:
        if zone is not None:
            raise click.UsageError("--zone is for --at, which is missing")
        return None
    from pydantic_core import PydanticCustomError

    from orchestrator.core.manifest.start_times import StartTime, read_start
    from orchestrator.core.manifest.zones import ZoneHint

    try:
        start = read_start(at, zone, _FORMS_OF_AT)
    except PydanticCustomError as error:
        context = error.context or {}
        hint = context.get("hint", "")
        hint = hint.read() if isinstance(hint, ZoneHint) else hint
        about = f"--at {at!r}" + (f" --zone {zone!r}" if zone else "")
        raise click.UsageError(f"{about} {context.get('message')}" + (f"; {hint}" if hint else "")) from error
    now = PosixSeconds(time.time())
    if start.is_late(now):
        late = f"{duration(now - start.at)} ago: it is {StartTime(now, start.zone).words(start.at)} now"
        raise click.UsageError(f"--at {start.words()} was {late}; leave --at out to start at once")
    return start


def choice_of(
    select: tuple[str, ...], exclude: tuple[str, ...], *, retry_failed: bool, details: bool = False
) -> "Choice":
    """The choice that the options make. Raises click.UsageError for a malformed term."""
    from orchestrator.core.plan.selection import Choice

    try:
        return Choice.of(select, exclude, retry_failed=retry_failed, details=details)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
