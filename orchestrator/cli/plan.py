"""`plan MANIFEST`."""

import asyncio
import json
from pathlib import Path

import click

from orchestrator.cli.common import echo_json, json_option, manifest_argument, says_errors, selection_options


@click.command("plan")
@manifest_argument
@selection_options
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write it as JSON here.")
@click.option("--details", is_flag=True,
              help="Also compare each campaign's own calling hours with its window; a call each.")  # fmt: skip
@json_option
@says_errors
def command(
    manifest: str,
    *,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    retry_failed: bool,
    output: Path | None,
    details: bool,
    as_json: bool,
) -> None:
    """Show what a run would start now, and send no start. It looks at the live state, which spends calls."""
    from orchestrator.cli.drive import choose, make_plan
    from orchestrator.console import say

    plan = asyncio.run(make_plan(Path(manifest), choose(select, exclude, retry_failed=retry_failed, details=details)))
    if output is not None:
        output.write_text(json.dumps(say.plan_json(plan), indent=2) + "\n", encoding="utf-8")
    if as_json:
        echo_json(say.plan_json(plan))
    else:
        click.echo(say.plan_text(plan), nl=False)
