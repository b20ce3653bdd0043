"""`run MANIFEST`."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.common import (
    check_fleet,
    echo_json,
    json_option,
    manifest_argument,
    says_errors,
    selection_options,
)

if TYPE_CHECKING:
    from orchestrator.cli.drive import RunOptions
    from orchestrator.core.result import Result


@click.command("run")
@manifest_argument
@selection_options
@click.option("--approve", metavar="HASH", help="Run only if the plan's hash begins with this (at least 8 characters).")
@click.option("--plan", "plan_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Run only if the plan is still this one, from `plan -o FILE`.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before the first start on a real host.")
@click.option("--fleet", is_flag=True, help="Hand the lanes to workers on many hosts, and watch; see `worker`.")
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
    fleet: bool,
    log_format: str,
    verbose: bool,
    as_json: bool,
) -> None:
    """Start every campaign of a manifest, each at its account's rate; run it again to continue."""
    from orchestrator.cli.drive import RunOptions, approval_of, choose
    from orchestrator.console import say

    options = RunOptions(
        choose(select, exclude, retry_failed=retry_failed),
        approve=approval_of(approve, plan_file), yes=yes, log_format=log_format, verbose=verbose,
    )  # fmt: skip
    if fleet and options.approve is not None:
        raise click.UsageError("--fleet plans on the workers: there is no plan to --approve before they do")
    result = asyncio.run(_carried_out(Path(manifest), options, fleet=fleet))
    if as_json:
        echo_json(result.as_json())
    else:
        click.echo(say.summary(result), nl=False)
    sys.exit(result.exit_code)


async def _carried_out(manifest: Path, options: "RunOptions", *, fleet: bool) -> "Result":
    if fleet:
        from orchestrator.inputs.load import load_manifest

        check_fleet(load_manifest(manifest).manifest.ledger)
        from orchestrator.cli.fleet import run_fleet

        return await run_fleet(manifest, options)
    from orchestrator.cli.drive import run_launch

    return await run_launch(manifest, options)
