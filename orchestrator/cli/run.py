"""`run MANIFEST`."""

import asyncio
import sys
from pathlib import Path

import click

from orchestrator.cli.common import echo_json, json_option, manifest_argument, says_errors, selection_options


@click.command("run")
@manifest_argument
@selection_options
@click.option("--approve", metavar="HASH", help="Run only if the plan's hash begins with this (at least 8 characters).")
@click.option("--plan", "plan_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Run only if the plan is still this one, from `plan -o FILE`.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before the first start on a real host.")
@click.option("--no-wait", is_flag=True,
              help="Hold campaigns whose window is closed instead of waiting for it (exit code 12).")  # fmt: skip
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--verbose", is_flag=True, help="Log every attempt.")
@json_option
@says_errors
def command(
    manifest: str,
    *,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    retry_failed: bool,
    approve: str | None,
    plan_file: Path | None,
    yes: bool,
    no_wait: bool,
    log_format: str,
    verbose: bool,
    as_json: bool,
) -> None:
    """Start every campaign of a manifest, each at its account's rate; run it again to continue."""
    from orchestrator.cli.drive import RunOptions, approval_of, choose, run_launch
    from orchestrator.console import say

    options = RunOptions(
        choose(select, exclude, retry_failed=retry_failed),
        approve=approval_of(approve, plan_file), yes=yes, no_wait=no_wait,
        log_format=log_format, verbose=verbose,
    )  # fmt: skip
    result = asyncio.run(run_launch(Path(manifest), options))
    if as_json:
        echo_json(result.as_json())
    else:
        click.echo(say.summary(result), nl=False)
    sys.exit(result.exit_code)
