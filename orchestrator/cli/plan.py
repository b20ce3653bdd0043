"""`plan MANIFEST`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop
from orchestrator.cli.options import (
    UnusableError,
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


@click.command("plan")
@manifest_argument
@environment_option
@selection_options
@max_starts_option
@max_recipients_option
@start_options
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write it as JSON here.")
@click.option("--details", is_flag=True,
              help="Also compare each campaign's own calling hours with its window; a call each.")  # fmt: skip
@click.option("--detailed-exitcode", is_flag=True,
              help=f"End with {ExitCode.DIFFERENT} where starts would be sent.")  # fmt: skip
@click.option("--diff", "other", type=click.Path(dir_okay=False, path_type=Path), metavar="PLAN.json",
              help=f"Show how it differs from this plan instead; {ExitCode.DIFFERENT} where it does.")  # fmt: skip
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
    """Show what a run would start now, and send no start. It reads the live state, which spends calls.

    The plan is written down in the ledger: `run --approve HASH` runs this plan, once, within a day, or nothing. Where
    the manifest names signers, `approve` signs the plan's file.
    """
    from orchestrator.console import plan as shown
    from orchestrator.core.plan.decision import Action
    from orchestrator.core.plan.plan_hash import canonical
    from orchestrator.loading.manifest_file import load_manifest

    choice = choice_of(select, exclude, retry_failed=retry_failed, details=details)
    remarks, start = Remarks(), start_of_options(at, zone)
    if other is not None:
        if output is not None:
            raise click.UsageError("--diff shows a difference, which is no plan to write: leave -o out")
        from orchestrator.cli.diff import plan_difference

        return plan_difference(other, manifest, environment, choice, remarks)
    # 1. Make the plan.
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
