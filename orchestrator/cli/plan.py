"""`plan MANIFEST`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop
from orchestrator.cli.documented import documented
from orchestrator.cli.options import (
    UnusableError,
    check_output,
    choice_of,
    environment_option,
    json_option,
    manifest_argument,
    max_recipients_option,
    max_starts_option,
    prints_result,
    selection_options,
    start_of_options,
    start_options,
)
from orchestrator.console.render import CommandResult, Remarks
from orchestrator.core.exit_codes import ExitCode
from orchestrator.core.text import reason

if TYPE_CHECKING:
    from orchestrator.core.manifest.start_times import StartTime
    from orchestrator.core.plan.estimate import PlannedLaunch
    from orchestrator.core.plan.selection import Choice
    from orchestrator.loading.manifest_file import LoadedManifest


@documented(
    "plan",
    page="docs/how-to/runbook.md",
    examples=(
        "plan launch.yaml",
        "plan launch.yaml --select tag:canary -o plan.json",
    ),
    exits={
        "5": "The selection matches no campaign.",
        "20": "With --detailed-exitcode or --diff: starts would be sent, or the plans differ.",
    },
)
@manifest_argument
@environment_option
@selection_options
@max_starts_option
@max_recipients_option
@start_options
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write the plan as JSON to this file.")  # fmt: skip
@click.option("--details", is_flag=True,
              help="Also compare each campaign's own calling hours with its window; one call for each.")  # fmt: skip
@click.option("--detailed-exitcode", is_flag=True,
              help=f"Exit with {ExitCode.DIFFERENT} if starts would be sent.")  # fmt: skip
@click.option(
    "--diff",
    "other",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Show how it differs from the plan in this file instead; exit with {ExitCode.DIFFERENT} if it does.",
)
@click.option("--full", is_flag=True, help="List the campaigns of a large plan one by one, not counted by wave.")
@click.option("--as", "planned_by", metavar="NAME",
              help="Who makes the plan, for `approval`; by default git's user.email.")  # fmt: skip
@json_option
@prints_result
def command(
    manifest: str,
    *,
    environment: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    retry_failed: bool,
    max_starts: int | None,
    max_recipients: int | None,
    at: str | None,
    zone: str | None,
    output: Path | None,
    details: bool,
    detailed_exitcode: bool,
    other: Path | None,
    full: bool,
    planned_by: str | None,
) -> CommandResult:
    """Show what a run would start. Starts nothing.

    It reads the live state from the platform, which spends calls, and records the plan in the ledger. Within a day,
    `run --approve HASH` runs this plan once, or nothing. If the manifest names signers, have the plan's file signed
    with `approve`.
    """
    from orchestrator.console import plan as shown
    from orchestrator.core.plan.decision import Action
    from orchestrator.core.plan.plan_hash import canonical
    from orchestrator.loading.manifest_file import load_manifest

    choice = choice_of(select, exclude, retry_failed=retry_failed, details=details)
    remarks, start = Remarks(), start_of_options(at, zone)
    if other is not None:
        if output is not None:
            raise click.UsageError("--diff shows a difference and makes no plan to write: leave -o out")
        from orchestrator.cli.diff import plan_difference

        return plan_difference(other, manifest, environment, choice, remarks)
    # 1. Make the plan.
    if output is not None:
        check_output(output, manifest)
    loaded = load_manifest(Path(manifest), environment)
    caps = max_starts, max_recipients
    planned = event_loop.run(_plan(loaded, choice, caps, at=start, remarks=remarks, planned_by=planned_by))
    document = shown.as_json(planned)
    # 2. Keep it in a file: the same plan has the same bytes.
    if output is not None:
        try:
            output.write_text(canonical(document) + "\n", encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise UnusableError(f"cannot write {output}: {reason(error)}") from error
    # 3. Show it, with an exit code that a pipeline can branch on.
    would_start = detailed_exitcode and planned.plan.count(Action.START)
    code = ExitCode.DIFFERENT if would_start else ExitCode.OK
    return CommandResult(
        "plan",
        document,
        shown.text(planned, is_full=full),
        messages=shown.next_commands(loaded.manifest.approval, loaded.words, output),
        exit_code=code,
        said=tuple(remarks.said),
        is_paged=True,
    )


async def _plan(
    loaded: "LoadedManifest",
    choice: "Choice",
    caps: tuple[int | None, int | None],
    *,
    at: "StartTime | None",
    remarks: Remarks,
    planned_by: str | None,
) -> "PlannedLaunch":
    from orchestrator.app.open_run import open_run
    from orchestrator.app.planning import plan_run
    from orchestrator.console.logs import set_up
    from orchestrator.console.signals import orderly_stop
    from orchestrator.engine.stop_signal import StopSignal
    from orchestrator.redaction import Redactor

    redactor, stop_signal = Redactor(), StopSignal()
    set_up("text", redactor, verbose=False)
    with orderly_stop(stop_signal.set):
        async with open_run(loaded, remarks, stop_signal, redactor) as opened:
            most, people = caps
            return await plan_run(opened, choice, most, max_recipients=people, at=at, planned_by=planned_by)
