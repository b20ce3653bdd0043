"""`help [COMMAND]`."""

import click

from orchestrator.cli.documented import documented, show_help


def _names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """For shell completion: the commands of the group that the words before lead to."""
    around = ctx.find_root()
    group: click.Command | None = around.command
    for word in ctx.params.get("words") or ():
        group = group.get_command(around, word) if isinstance(group, click.Group) else None
    names = group.list_commands(around) if isinstance(group, click.Group) else []
    return [name for name in names if name.startswith(incomplete)]


@documented("help", page="docs/reference/commands.md", examples=("help run", "help audit verify"))
@click.argument("words", metavar="[COMMAND]...", nargs=-1, shell_complete=_names)
@click.pass_context
def command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show the help for a command.

    Without a command, it lists them all. `--help` after a command shows the same.
    """
    shown = context.find_root()
    for word in words:
        if not isinstance(shown.command, click.Group):
            raise click.UsageError(f"{shown.info_name!r} has no commands of its own: leave {word!r} out")
        name, found, _ = shown.command.resolve_command(shown, [word])
        if found is not None:
            shown = found.context_class(found, info_name=name, parent=shown)
    show_help(shown.get_help())
