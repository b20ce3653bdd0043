"""`explain MANIFEST [KEY]`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.documented import documented
from orchestrator.cli.options import UnusableError, environment_option, json_option, manifest_argument, prints_result
from orchestrator.console.render import CommandResult

if TYPE_CHECKING:
    from orchestrator.loading.explained import Explained


@documented(
    "explain",
    page="docs/how-to/environments.md",
    examples=(
        "explain launch.yaml",
        "explain launch.yaml accounts.acme.rate",
    ),
)
@manifest_argument
@click.argument("key", metavar="[KEY]", required=False)
@environment_option
@json_option
@prints_result
def command(manifest: str, *, key: str | None, environment: str | None) -> CommandResult:
    """Print a manifest's values, and where each comes from.

    The origin of a value is a file with line and column, or `default`. KEY is a path such as accounts.acme.rate, or
    the end of one such as rate. Of a secret you see where it is kept, never the secret. It needs no network.
    """
    from orchestrator.console import origins
    from orchestrator.core.text import command_line, manifest_words
    from orchestrator.loading.explained import explain_manifest

    values = explain_manifest(Path(manifest), environment)
    if key is not None:
        values = _chosen(values, key, command_line("explain", *manifest_words(manifest, environment)))
    data = {
        "manifest": manifest,
        "environment": environment,
        "values": [{"path": one.name, "value": one.value, "origin": one.origin} for one in values],
    }
    return CommandResult("explain", data, origins.text([(one.path, one.value, one.origin) for one in values]))


def _chosen(values: "list[Explained]", key: str, all_of_them: str) -> "list[Explained]":
    """The values at the path and below it; where there are none, those whose path has it further down.

    `all_of_them` is the command that shows every value, for a key that there is not.
    """
    from orchestrator.core.manifest.values import did_you_mean

    # Between marks on both sides, so that `rate` is no part of another word; a step of a list ends a word, too.
    wanted = f".{key}.".replace("[", ".[")
    names = {one.name: f".{one.name}.".replace("[", ".[") for one in values}
    found = [one for one in values if names[one.name].startswith(wanted)]
    found = found or [one for one in values if wanted in names[one.name]]
    if not found:
        # The end of a path is a key, too.
        known = dict.fromkeys((*names, *(name.rpartition(".")[2] for name in names)))
        hint = did_you_mean(key, known)
        what = f"the manifest has no value {key!r}" + (f"; {hint}" if hint else "")
        raise UnusableError(what, next_step=all_of_them)
    return found
