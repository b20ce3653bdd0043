"""`init [FOLDER]`."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from orchestrator.cli.documented import documented
from orchestrator.cli.options import PlacePath, json_option, prints_result
from orchestrator.console.render import CommandResult, program
from orchestrator.core.text import called_as, command_line

_QUESTIONS: Final[Mapping[str, str]] = {
    "launch": "Launch, the name of this send",
    "host": "Host",
    "account_id": "Account id, 24 hex digits",
    "algorithm": "Algorithm that signs tokens: HS256, HS512, RS256 or RS512",
    "client_id": "Client id from",
    "client_secret": "Client secret from",
}
_ABOUT_SECRETS: Final = (
    "Next, enter where the app's credentials come from: env NAME, file PATH or command PROGRAM ARGUMENT.\n"
    "Do not type the credentials themselves."
)
_WHAT: Final[Mapping[str, str]] = {
    "launch.yaml": "the launch: what to start, where, and how fast",
    "campaigns.csv": "its campaigns; only the header so far",
    ".gitignore": "keeps the ledger and the reports out of git",
    "manifest.v1.json": "lets an editor complete and check launch.yaml",
}


@documented(
    "init",
    page="docs/how-to/from-account.md",
    examples=(
        "init spring --account-id 67777ce93e25326494e90001 --yes",
        "init demo --example",
    ),
)
@click.argument("folder", type=PlacePath(), default=".")
@click.option("--launch", metavar="NAME", help="Name of the launch. [default: the folder's name]")
@click.option("--host", metavar="URL", help="Address of the platform. [default: https://platform.kore.ai]")
@click.option("--account-id", metavar="ID", help="Id of your account on the platform: 24 hex digits. Needed.")
@click.option("--algorithm", metavar="NAME", help="What signs tokens: HS256, HS512, RS256 or RS512. [default: HS256]")
@click.option(
    "--client-id-env", metavar="NAME", help="Environment variable with the Client ID. [default: KORE_CLIENT_ID]"
)
@click.option("--client-id-file", metavar="FILE", help="File with the Client ID, relative to FOLDER.")
@click.option("--client-id-command", metavar="COMMAND", help="Command that prints the Client ID.")
@click.option(
    "--client-secret-env",
    metavar="NAME",
    help="Environment variable with the Client Secret or private key. [default: KORE_CLIENT_SECRET]",
)
@click.option(
    "--client-secret-file", metavar="FILE", help="File with the Client Secret or private key, relative to FOLDER."
)
@click.option(
    "--client-secret-command", metavar="COMMAND", help="Command that prints the Client Secret or private key."
)
@click.option("--example", is_flag=True, help="Unpack the demonstration instead: 30 campaigns for the sandbox.")
@click.option("--yes", is_flag=True, help="Do not ask: use the defaults for everything that no option sets.")
@json_option
@prints_result
def command(folder: Path, *, example: bool, yes: bool, **options: str | None) -> CommandResult:
    """Write a first manifest, and the files that go with it.

    They go into FOLDER, by default the working folder; nothing is overwritten. At a terminal it asks you for whatever
    no option answers. You name the place of a secret, never the secret itself. The manifest has no campaigns yet:
    list those of your account with `discover`.
    """
    from orchestrator.app import first_files

    given = _given(options)
    if example and given:
        raise click.UsageError("--example unpacks a complete launch: leave the other options out")
    if example:
        return _written(folder, first_files.example_files(), "run", "launch.yaml")
    # Before the questions: nobody answers them in vain.
    first_files.check_new(folder)
    _check(given)
    answers = given | _rest(folder, given, yes=yes)
    notes = [note for name, answer in answers.items() if (note := first_files.note_on(name, answer))]
    next_words = ("discover", first_files.MANIFEST, "-o", first_files.LIST, "--stream")
    return _written(folder, first_files.first_files(answers), *next_words, notes=notes)


def _given(options: Mapping[str, str | None]) -> dict[str, str]:
    """The answers that the options give. Raises click.UsageError for two places of one secret."""
    found: dict[str, str] = {}
    for option, value in options.items():
        if value is None:
            continue
        name, _, kind = option.rpartition("_") if option.startswith("client_") else (option, "", "")
        if name in found:
            raise click.UsageError(f"--{name.replace('_', '-')}-… is given twice: choose one place for the secret")
        found[name] = f"{kind} {value}" if kind else value
    return found


def _check(given: Mapping[str, str]) -> None:
    """Raise NotWritten with every fault of the options."""
    from orchestrator.app.first_files import NotWritten, fault_of

    faults = [f"{_shown(name, answer)} {fault}" for name, answer in given.items() if (fault := fault_of(name, answer))]
    if faults:
        raise NotWritten(f"{', and '.join(faults)}. Nothing was written")


def _shown(name: str, answer: str) -> str:
    """An option with its answer. A secret's place is left out: somebody may have typed the secret itself."""
    kind = answer.partition(" ")[0]
    return f"{_option(name)}-{kind}" if name.startswith("client_") else f"{_option(name)} {answer!r}"


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _rest(folder: Path, given: Mapping[str, str], *, yes: bool) -> dict[str, str]:
    """The answers that the options leave open: the defaults, or a person's. Raises NotWritten."""
    from orchestrator.app.first_files import DEFAULTS, NotWritten, launch_name
    from orchestrator.console.confirm import has_terminal

    defaults = {"launch": launch_name(folder), **DEFAULTS}
    left = [name for name in _QUESTIONS if name not in given]
    if left and not yes and has_terminal():
        return _asked(left, defaults)
    needed = [_option(name) for name in left if name not in defaults]
    needed += ["--yes"] if left and not yes else []
    if needed:
        why = "it has no default" if yes else "there is no terminal to ask at"
        raise NotWritten(f"{' and '.join(needed)} must be given: {why}; nothing was written")
    return {name: defaults[name] for name in left}


def _asked(names: list[str], defaults: Mapping[str, str]) -> dict[str, str]:
    """A person's answers, each checked before the next question. Raises NotWritten if the input ends."""
    found = {}
    for name in names:
        if name.startswith("client_") and "client_id" not in found:
            click.echo(_ABOUT_SECRETS, err=True)
        found[name] = _answer(name, defaults.get(name, ""))
    return found


def _answer(name: str, default: str) -> str:
    from orchestrator.app.first_files import NotWritten, fault_of
    from orchestrator.console.terminal import ask

    question = _QUESTIONS[name] + (f" [{default}]: " if default else ": ")
    while (line := ask(question)) is not None:
        answer = line.strip() or default
        fault = fault_of(name, answer) if answer else "is needed"
        if not fault:
            return answer
        click.echo(f"  {fault}", err=True)
    raise NotWritten("the input ended before the last answer; nothing was written")


def _written(folder: Path, files: Mapping[str, str], *next_words: str, notes: list[str] | None = None) -> CommandResult:
    """Write the files; say what they are for, and the next command."""
    from orchestrator.app.first_files import write_new

    write_new(folder, {name: called_as(text, program()) for name, text in files.items()})
    next_step = command_line(*next_words)
    if folder != Path():
        next_step = f"cd {shlex.quote(str(folder))} && {next_step}"
    width = max(len(str(folder / name)) for name in files)
    lines = [f"{folder / name!s:<{width}}  {_WHAT[name]}" for name in files]
    data: dict[str, Any] = {
        "folder": str(folder), "files": [str(folder / name) for name in files], "notes": notes or [], "next": next_step,
    }  # fmt: skip
    messages = tuple(f"note: {note}" for note in notes or ())
    return CommandResult("init", data, "\n".join([*lines, f"next: {next_step}"]) + "\n", messages)
