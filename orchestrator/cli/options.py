"""What the commands share: options, and how an error is said."""

import functools
import importlib.util
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import click

from orchestrator.console import summary as say
from orchestrator.errors import LedgerError, OrchestratorError

DEFAULT_LEDGER = "sqlite:///.orchestrator/ledger.db"
FORMATS = (
    "json",
    "csv",
    "junit",
    "markdown",
    "html",
    "prometheus",
    "dotenv",
)  # those of report.files, which imports too much

_Command = TypeVar("_Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, errors too.")
ledger_option = click.option("--ledger", default=DEFAULT_LEDGER, show_default=True, help="URL of the ledger.")
manifest_argument = click.argument("manifest", type=click.Path(path_type=str))


def _launch_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """For a shell that completes: the launches of the ledger, where it is a file; a shell waits for no network."""
    from orchestrator.app.journal_reader import opened

    ledger = ctx.params.get("ledger") or DEFAULT_LEDGER
    if not ledger.startswith("sqlite:"):
        return []
    with suppress(OrchestratorError), opened(ledger) as store:
        return [name for name in store.launches() if name.startswith(incomplete)]
    return []


launch_argument = click.argument("launch", shell_complete=_launch_names)
newest_launch_argument = click.argument("launch", required=False, shell_complete=_launch_names)


def selection_options(command: _Command) -> _Command:
    """--select, --exclude and --retry-failed."""
    terms = "tag:T, account:A, stream:S, campaign:C or outcome:new|started|failed|unknown"
    for option in (
        click.option("--retry-failed", is_flag=True, help="Also start what definitely failed in an earlier run."),
        click.option("--exclude", multiple=True, metavar="TERMS", help="Leave campaigns out; the same terms."),
        click.option("--select", multiple=True, metavar="TERMS", help=f"Only these campaigns: {terms}."),
    ):
        command = option(command)
    return command


max_starts_option = click.option(
    "--max-starts", type=click.IntRange(min=1), envvar="ORCHESTRATOR_MAX_STARTS", show_envvar=True,
    help="Refuse a plan with more starts; limits.max_starts can only be tightened by it.",
)  # fmt: skip


def exits_on_error(function: Callable[..., None]) -> Callable[..., None]:
    """Turn the errors a user can cause into a message and their exit code; all others keep their traceback."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except OrchestratorError as error:
            if kwargs.get("as_json"):
                click.echo(say.error_json(error), nl=False)
            else:
                click.echo(say.error_text(error), nl=False, err=True)
            sys.exit(error.exit_code)

    return wrapper


def check_fleet(ledger: str) -> None:
    """Raise LedgerError where this installation, or this ledger, is not made for many hosts. Touches neither."""
    if not ledger.startswith(("postgresql://", "postgresql+psycopg://")):
        raise LedgerError(
            "many hosts need a ledger on PostgreSQL", next_step="write ledger: postgresql://USER@HOST/DATABASE"
        )
    if importlib.util.find_spec("procrastinate") is None:
        raise LedgerError("many hosts need the extra fleet", next_step="pip install 'campaign-orchestrator[fleet]'")


def echo_json(value: Any) -> None:
    """Print one JSON artefact; where the locale has no other letters, in ASCII."""
    is_utf_8 = sys.stdout is not None and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(value, indent=2, ensure_ascii=not is_utf_8))
