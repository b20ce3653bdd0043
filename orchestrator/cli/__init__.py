"""The commands, a file each: options, one call into a use case, one result to print."""

import gc
import importlib
import sys
from typing import Any, Final

import click

from orchestrator import __version__
from orchestrator.console.streams import OutputError

_COMMANDS: Final = {
    "init": "Write a first manifest, with what belongs beside it.",
    "run": "Start every campaign of a manifest.",
    "plan": "Show what a run would start, and send nothing.",
    "diff": "Show how two plans or runs differ, or a plan and the live state.",
    "approve": "Sign a plan that you have reviewed, with your SSH key.",
    "discover": "List the campaigns of streams, as CSV or into a file.",
    "worker": "Carry out lanes of launches that `run --fleet` submits.",
    "rehearse": "Carry a manifest out in virtual time: what a run would come to.",
    "validate": "Check a manifest; needs no network and no secret.",
    "explain": "Print the manifest that counts, with the origin of each value.",
    "status": "Show where a launch stands, unknown campaigns first.",
    "list": "List the launches of a ledger, and where each stands.",
    "history": "Tell what happened to a launch: who, when and why.",
    "why": "Tell all that the journal has of one campaign.",
    "pause": "Hold a launch's starts until it is unpaused.",
    "unpause": "Let a paused launch go on, or lift an abort.",
    "abort": "End a launch's runs, and refuse later ones.",
    "follow": "Follow what a launch started until all is sent.",
    "stop-started": "Stop what a launch started; texts already sent stay sent.",
    "resolve": "Record what became of unknown campaigns.",
    "release": "Release the accounts that a dead run still holds.",
    "report": "Write a launch's reports again, from the journal alone.",
    "notify": "Send a test notice to everybody whom a manifest names.",
    "audit": "Check a launch's journal for tampering, or export it.",
    "doctor": "Check ledger, disk, clock and accounts, with a fix for each.",
    "schema": "Print the JSON Schema of a manifest or a result.",
    "serve": "Serve live pages of all launches, which only read the ledger.",
    "sandbox": "Serve a local stand-in of the campaign API.",
    "completion": "Print the script for the completion of a shell.",
}

_SHARED: Final = {
    **{name: ("control", name) for name in ("pause", "unpause", "abort", "release")},
    **{name: ("history", name) for name in ("history", "why")},
    "list": ("history", "launches"),
}
"""Where the commands are that share a module: its name, and the command's in it."""

_GC_THRESHOLD: Final = 50_000
"""Objects that are made before the collector looks. With Python's 700 it looks at all campaigns over and over, and
finds nothing: a tenth of a large run's time, and of what the imports take."""


class _Lazy(click.Group):
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
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        # Before the command's imports, which make most of its objects.
        gc.set_threshold(_GC_THRESHOLD)
        module, name = _SHARED.get(cmd_name, (cmd_name.replace("-", "_"), "command"))
        found: click.Command = getattr(importlib.import_module(f"orchestrator.cli.{module}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Lazy, invoke_without_command=True, no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
@click.option("--version", "wants_version", is_flag=True, help="Show the version and exit.")
@click.option("--json", "as_json", is_flag=True, help="With --version: as JSON, with the dependencies' versions.")
@click.pass_context
def main(context: click.Context, *, wants_version: bool, as_json: bool) -> None:
    """Starts many Kore.ai campaigns from one manifest: never twice, never over the limit, never a guess.

    Exit codes 2 to 9 mean that not one start was sent.
    """
    if wants_version:
        _version(as_json=as_json)
        context.exit()
    if as_json:
        raise click.UsageError("--json goes with --version, or after a command's name")


def _version(*, as_json: bool) -> None:
    from orchestrator.console.render import CommandResult, render

    text, data = f"orchestrator, version {__version__}\n", {}
    if as_json:
        from orchestrator.cli import version

        data = version.document()
    render(CommandResult("version", data, text), as_json=as_json)
