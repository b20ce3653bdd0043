"""`completion SHELL`."""

import click

from orchestrator.cli.documented import documented

PROGRAM = "orchestrator"
VARIABLE = "_ORCHESTRATOR_COMPLETE"


@documented(
    "completion",
    page="docs/reference/commands.md",
    examples=(
        "completion bash",
        "completion fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """Print the completion script for your shell.

    It completes commands, options, manifests and the ledger's launches. For bash, put `eval "$(orchestrator
    completion bash)"` into ~/.bashrc; for zsh, the same with zsh into ~/.zshrc. For fish, write it to
    ~/.config/fish/completions/orchestrator.fish.
    """
    from click.shell_completion import get_completion_class

    # Not at the top: that module imports this one.
    from orchestrator.cli import main

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"click completes nothing in {shell}")
    click.echo(made(main, {}, PROGRAM, VARIABLE).source())
