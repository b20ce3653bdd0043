"""The commands as click knows them."""

import inspect
from collections.abc import Iterator
from typing import Final

import click

from docs.generator.tables import table
from orchestrator.cli import main
from orchestrator.cli.catalogue import GROUPS
from orchestrator.cli.documented import Command, Group

METAVARS: Final = {
    "A, B": "a plan, a result, a run or a launch; see `diff`",
    "ADDRESS": "an IP address",
    "COMMAND": "a command of this program; of a secret, the command that prints it",
    "DURATION": "a time with its unit, such as `90s`, `10m` or `6h`",
    "FILE": "the path of a file",
    "FOLDER": "the path of a folder",
    "GLOB": "a pattern with `*` and `?`",
    "GOAL": "`completed`, or `sent:95%`",
    "HASH": "hexadecimal digits, as `plan` and reports print them",
    "ID": "an id of the platform, or of a run",
    "KEY": "the path of a value in a manifest, such as `accounts.acme.rate`",
    "LAUNCH": "the name of a launch, as its manifest has it",
    "MANIFEST": "the path of a manifest",
    "N": "a number",
    "NAME": "a name, or one of the words that the option lists",
    "STATE": "a state of campaigns on the platform, such as `ready`",
    "STREAM/CAMPAIGN": "the ids of a campaign, such as `st-0603182c/cd-0e0475b`",
    "TERMS": "`tag:T`, `account:A`, `stream:S`, `campaign:C` or `outcome:O`, separated by commas",
    "TEXT": "your own words, in quotes",
    "TIME": "a date and a time, such as `2026-12-01T09:00`",
    "URL": "an address: of a ledger such as `sqlite:///launches.db`, or of the platform",
}
"""The words in capitals that stand for values, and their meaning."""


def command_sections() -> Iterator[str]:
    """The groups of commands, the words in capitals, then a section for each command."""
    around = click.Context(main, info_name="python -m orchestrator", **main.context_settings)
    for group, commands in GROUPS.items():
        yield table((group, ""), [(f"[{name}](#{name})", summary) for name, summary in commands.items()])
    yield "Options before a command:"
    yield _options(main, around)
    yield "Words in capitals stand for values; `-` is stdin where a manifest is expected:"
    yield table(("Word", "Meaning"), [(f"`{word}`", meaning) for word, meaning in METAVARS.items()])
    for name in main.list_commands(around):
        command = main.get_command(around, name)
        if command is not None:
            yield from _section(command, click.Context(command, info_name=name, parent=around))


def _section(command: click.Command, context: click.Context, level: str = "##") -> Iterator[str]:
    yield f"{level} {context.info_name}"
    yield f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    yield from inspect.cleandoc(command.help or "").split("\n\n")
    if isinstance(command, Command | Group):
        yield from _more(command, context)
    if _own(command):
        yield _options(command, context)
    for name, part in command.commands.items() if isinstance(command, click.Group) else ():
        yield from _section(part, click.Context(part, info_name=name, parent=context), f"{level}#")


def _more(command: Command | Group, context: click.Context) -> Iterator[str]:
    program = context.find_root().info_name
    yield "```\n" + "\n".join(f"{program} {example}" for example in command.examples) + "\n```"
    page = command.page.removeprefix("docs/")
    yield f"More: [{page}](../{page})"
    if command.exits:
        yield table(("Exit code", "Meaning"), [(f"`{code}`", meaning) for code, meaning in command.exits.items()])


def _options(command: click.Command, context: click.Context) -> str:
    records = (option.get_help_record(context) for option in _own(command))
    rows = [(f"`{record[0]}`", record[1]) for record in records if record is not None]
    return table(("Option", "Meaning"), rows)


def _own(command: click.Command) -> list[click.Option]:
    """Its options without --help, which all of them have."""
    return [option for option in command.params if isinstance(option, click.Option)]
