"""`completion SHELL`."""

import click

PROGRAM = "orchestrator"
VARIABLE = "_ORCHESTRATOR_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """Print the script that lets a shell complete commands, options, manifests and the ledger's launches.

    bash: put `eval "$(orchestrator completion bash)"` into ~/.bashrc; zsh: the same into ~/.zshrc;
    fish: orchestrator completion fish > ~/.config/fish/completions/orchestrator.fish
    """
    from click.shell_completion import get_completion_class

    # Not at the top: that module imports this one.
    from orchestrator.cli import main

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"click completes nothing in {shell}")
    click.echo(made(main, {}, PROGRAM, VARIABLE).source())
