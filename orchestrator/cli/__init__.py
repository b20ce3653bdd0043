"""The commands, a file each: options, one call into a use case, one result to print."""

import gc
import importlib
import sys
from typing import Any, Final

import click

from orchestrator import __version__
from orchestrator.cli.catalogue import COMMANDS, GROUPS
from orchestrator.cli.documented import Group
from orchestrator.console.streams import OutputError

_SHARED: Final = {
    **{name: ("control", name) for name in ("pause", "unpause", "abort", "release")},
    **{name: ("history", name) for name in ("history", "why")},
    "list": ("history", "launches"),
}
"""Where the commands are that share a module: its name, and the command's in it."""

_GC_THRESHOLD: Final = 50_000
"""Objects that are made before the collector looks. With Python's 700 it looks at all campaigns over and over, and
finds nothing: a tenth of a large run's time, and of what the imports take."""


class _Lazy(Group):
    """Imports a command when it is called, so that --help stays instant."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line. A text that is all a command is for, such as help, ends with 1 where it is lost."""
        try:
            return super().main(*args, **kwargs)
        except OutputError as error:
            from orchestrator.core.exit_codes import ExitCode

            click.echo(f"cannot write to standard output: {error.strerror}", err=True)
            sys.exit(ExitCode.INTERNAL)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        # Before the command's imports, which make most of its objects.
        gc.set_threshold(_GC_THRESHOLD)
        module, name = _SHARED.get(cmd_name, (cmd_name.replace("-", "_"), "command"))
        found: click.Command = getattr(importlib.import_module(f"orchestrator.cli.{module}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        width = max(map(len, COMMANDS))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                # Padded, so that the summaries of all groups stand in one column.
                formatter.write_dl([(name.ljust(width), summary) for name, summary in commands.items()])


@click.group(
    cls=_Lazy, invoke_without_command=True, no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    page="docs/README.md", examples=("init demo --example", "help run"),
    exits={"2-9": "No start was sent."},
)  # fmt: skip
@click.option("--version", "wants_version", is_flag=True, help="Show the version and exit.")
@click.option("--json", "as_json", is_flag=True, help="With --version: as JSON, with the dependencies' versions.")
@click.pass_context
def main(context: click.Context, *, wants_version: bool, as_json: bool) -> None:
    """Start many Kore.ai campaigns from one manifest: never twice, never over the limit, never a guess."""
    if wants_version:
        _version(as_json=as_json)
        context.exit()
    if as_json:
        raise click.UsageError("write --json with --version, or after a command's name")


def _version(*, as_json: bool) -> None:
    from orchestrator.console.render import CommandResult, render

    text, data = f"orchestrator, version {__version__}\n", {}
    if as_json:
        from orchestrator.cli import version

        data = version.document()
    render(CommandResult("version", data, text), as_json=as_json)
