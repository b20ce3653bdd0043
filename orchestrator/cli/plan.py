"""`plan MANIFEST`."""

import sys
from pathlib import Path

import click

from orchestrator.cli import event_loop as loops
from orchestrator.cli.options import (
    echo_json,
    exits_on_error,
    json_option,
    manifest_argument,
    max_starts_option,
    selection_options,
)  # fmt: skip

_WOULD_START = 20


@click.command("plan")
@manifest_argument
@selection_options
@max_starts_option
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write it as JSON here.")
@click.option("--details", is_flag=True,
              help="Also compare each campaign's own calling hours with its window; a call each.")  # fmt: skip
@click.option("--detailed-exitcode", is_flag=True, help=f"End with {_WOULD_START} where starts would be sent.")
@json_option
@exits_on_error
def command(
    manifest: str,
    *,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    retry_failed: bool,
    max_starts: int | None,
    output: Path | None,
    details: bool,
    detailed_exitcode: bool,
    as_json: bool,
) -> None:
    """Show what a run would start now, and send no start. It looks at the live state, which spends calls.

    The plan is written down in the ledger: `run --approve HASH` runs this plan, once, within a day, or nothing.
    """
    from orchestrator.cli.run_local import choose, plan_launch
    from orchestrator.console import plan as shown
    from orchestrator.core.plan.plan import Action
    from orchestrator.core.plan.plan_hash import canonical

    choice = choose(select, exclude, retry_failed=retry_failed, details=details)
    made = loops.run(plan_launch(Path(manifest), choice, max_starts))
    document = shown.as_json(made.plan, made.proposal, made.estimate, made.notes)
    if output is not None:
        try:
            output.write_text(canonical(document) + "\n", encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"cannot write {output}: {error.strerror}") from error
    if as_json:
        echo_json(document)
    else:
        click.echo(shown.text(made.plan, made.proposal, made.estimate, made.notes), nl=False)
    if detailed_exitcode and made.plan.count(Action.START):
        sys.exit(_WOULD_START)
