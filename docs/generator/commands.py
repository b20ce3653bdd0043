"""The commands as click knows them."""

import inspect
from collections.abc import Iterator

import click

from docs.generator.tables import table
from orchestrator.cli import main


def command_sections() -> Iterator[str]:
    """The list of commands, then a section for each."""
    around = click.Context(main, info_name="python -m orchestrator")
    commands = {name: main.get_command(around, name) for name in main.list_commands(around)}
    known = {name: command for name, command in commands.items() if command is not None}
    yield table(("Command", ""), [(f"[{name}](#{name})", _short(around, name, known[name])) for name in known])
    yield "Options before a command:"
    yield _options(main, around)
    for name, command in known.items():
        yield from _section(command, click.Context(command, info_name=name, parent=around))


def _short(around: click.Context, name: str, command: click.Command) -> str:
    """The line that `--help` shows."""
    formatter = click.HelpFormatter(width=10_000)
    main.format_commands(around, formatter)
    lines = (line.split(maxsplit=1) for line in formatter.getvalue().splitlines() if line.strip())
    return next((line[1] for line in lines if line[0] == name and len(line) > 1), command.get_short_help_str(200))


def _section(command: click.Command, context: click.Context, level: str = "##") -> Iterator[str]:
    yield f"{level} {context.info_name}"
    yield f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    yield from inspect.cleandoc(command.help or "").replace("\b\n", "").split("\n\n")
    if _own(command):
        yield _options(command, context)
    for name, part in command.commands.items() if isinstance(command, click.Group) else ():
        yield from _section(part, click.Context(part, info_name=name, parent=context), f"{level}#")


def _options(command: click.Command, context: click.Context) -> str:
    records = (option.get_help_record(context) for option in _own(command))
    rows = [(f"`{record[0]}`", record[1]) for record in records if record is not None]
    return table(("Option", "Meaning"), rows)


def _own(command: click.Command) -> list[click.Option]:
    """Its options without --help, which all of them have."""
    return [option for option in command.params if isinstance(option, click.Option)]
