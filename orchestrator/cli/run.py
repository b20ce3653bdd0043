"""`run MANIFEST`."""

import asyncio
import sys
from pathlib import Path

import click

from orchestrator.cli.common import (
    echo_json,
    json_option,
    manifest_argument,
    max_starts_option,
    says_errors,
    selection_options,
)  # fmt: skip


@click.command("run")
@manifest_argument
@selection_options
@max_starts_option
@click.option("--approve", metavar="HASH", help="Run only if the plan's hash begins with this (at least 8 characters).")
@click.option("--plan", "plan_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Run only if the plan is still this one, from `plan -o FILE`; it brings its selection.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before the first start on a real host.")
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
    max_starts: int | None,
    approve: str | None,
    plan_file: Path | None,
    yes: bool,
    log_format: str,
    verbose: bool,
    as_json: bool,
) -> None:
    """Start every campaign of a manifest, each at its account's rate; run it again to continue."""
    from orchestrator.cli.consent import check_approve, read_plan
    from orchestrator.cli.drive import RunOptions, choose, run_launch
    from orchestrator.console import say

    check_approve(approve)
    proposal = read_plan(plan_file) if plan_file is not None else None
    if proposal is not None and not (select or exclude or retry_failed):
        select, exclude, retry_failed = proposal.selection
    options = RunOptions(
        choose(select, exclude, retry_failed=retry_failed), approve=approve, proposal=proposal,
        max_starts=max_starts, yes=yes, log_format=log_format, verbose=verbose,
    )  # fmt: skip
    result = asyncio.run(run_launch(Path(manifest), options))
    if as_json:
        echo_json(result.as_json())
    else:
        click.echo(say.summary(result), nl=False)
    sys.exit(result.exit_code)
