"""`run MANIFEST`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop
from orchestrator.cli.documented import Command, documented
from orchestrator.cli.options import (
    choice_of,
    environment_option,
    json_option,
    log_format_option,
    manifest_argument,
    max_recipients_option,
    max_starts_option,
    prints_result,
    selection_options,
    start_of_options,
    start_options,
)
from orchestrator.console.render import CommandResult, Remarks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.cli.run_end import RunEnd
    from orchestrator.cli.run_options import RunOptions
    from orchestrator.console.tracing import SpanObserver
    from orchestrator.core.result.types import Result
    from orchestrator.ports import Observer


class _RunCommand(Command):
    """Publishes a command line that cannot be used to the CI system, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            from orchestrator.cli.run_end import publish_unusable

            publish_unusable(given, error)
            raise


@documented(
    "run",
    cls=_RunCommand,
    page="docs/how-to/runbook.md",
    examples=(
        "run launch.yaml",
        "run launch.yaml --select tag:canary --max-starts 20",
    ),
    exits={
        "2-9": "No start was sent.",
        "10": "Some campaigns failed or could not be started; none is unknown.",
        "11": "Campaigns are unknown: look at them, then use `resolve`.",
        "12": "A rule, a window or a limit stopped the run; the rest is held.",
        "13": "The journal failed during the run; sending stopped.",
    },
)
@manifest_argument
@environment_option
@selection_options
@max_starts_option
@max_recipients_option
@click.option("--approve", metavar="HASH", help="Run only if the plan's hash begins with this: 8 characters or more.")
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Run only if the plan is still the one of `plan -o FILE`; uses that plan's selection.",
)
@click.option("--approval", "approvals", multiple=True, metavar="FILE",
              type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A signature of `approve` over the file of --plan; repeat it for several.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before the first start on a real host.")
@click.option("--new-ledger", is_flag=True,
              help="Without a terminal, allow `rerun: true` on an SQLite ledger that has no start yet.")  # fmt: skip
@click.option("--no-wait", is_flag=True,
              help="Hold campaigns whose window is closed, instead of waiting; exit with 12.")  # fmt: skip
@start_options
@click.option("--fleet", is_flag=True, help="Hand the lanes to workers on many hosts, and watch them; see `worker`.")
@click.option(
    "--follow", is_flag=True, help="After the run, follow its campaigns until all messages are sent; see `follow`."
)
@log_format_option
@click.option(
    "--ci",
    type=click.Choice(["auto", "github", "gitlab", "none"]),
    default="auto",
    show_default=True,
    help="The job's CI system: GitHub gets outputs and a summary; GitLab gets JUnit and variables.",
)
@click.option("--verbose", is_flag=True, help="Log every attempt.")
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
    approve: str | None,
    plan_file: Path | None,
    approvals: tuple[Path, ...],
    yes: bool,
    new_ledger: bool,
    no_wait: bool,
    at: str | None,
    zone: str | None,
    fleet: bool,
    follow: bool,
    log_format: str,
    ci: str,
    verbose: bool,
) -> CommandResult:
    """Start every campaign of a manifest, or continue a run.

    Each campaign starts at its account's rate. Within a launch, a campaign gets at most one start request that could
    have been delivered, so you can run it again after any exit code. At a terminal it asks before the first start on
    a real host.
    """
    from orchestrator.cli.run_end import RunEnd
    from orchestrator.cli.run_options import RunOptions, consent_of
    from orchestrator.console.ending import promise
    from orchestrator.console.summary import summary
    from orchestrator.console.tracing import traced
    from orchestrator.core.plan.proposal import choice_for
    from orchestrator.core.text import command_line
    from orchestrator.report.ci import system_of

    system = system_of(ci, os.environ)
    end, remarks = RunEnd(Path(manifest), system, environment), Remarks()
    promise(end.exit_code)
    with end.publishing_refusals():
        # 1. The options, as far as they can be checked without the manifest.
        given = consent_of(approve, plan_file, approvals, max_starts, max_recipients, new_ledger=new_ledger)
        choice = choice_for(choice_of(select, exclude, retry_failed=retry_failed), given.proposal)
        options = RunOptions(
            choice, given, environment=environment, yes=yes, reads_stdin=manifest == "-", no_wait=no_wait,
            at=start_of_options(at, zone), follows=follow, log_format=log_format, verbose=verbose, ci=system,
        )  # fmt: skip
        if fleet:
            options.check_fleet()
        # 2. The run. One guard around everything after the starts, whatever fails there.
        try:
            with traced(_span_observer) as watching:
                observers = [remarks, *watching]
                result = event_loop.run(_run(Path(manifest), options, observers, end, fleet=fleet))
        except BaseException as error:  # noqa: BLE001 - it is raised again where no start can have left
            result = end.conclude(error)
    # 3. What it came to.
    again = command_line("status", result.run["launch"], ledger=result.run["ledger"])
    return CommandResult(
        "run",
        lambda: {**result.as_json(), **end.followed_json()},
        summary(result) + end.followed_text(),
        messages=tuple(f"report: {path}" for path in end.reports),
        exit_code=end.code_of(result),
        again=again,
        said=tuple(remarks.said),
        is_styled=True,
    )


def _span_observer(service: str) -> "SpanObserver":
    from orchestrator.report.traces import to_endpoint

    return to_endpoint(service)


async def _run(
    manifest: Path, options: "RunOptions", watching: "Iterable[Observer]", end: "RunEnd", *, fleet: bool
) -> "Result":
    if fleet:
        from orchestrator.fleet import check_installed
        from orchestrator.loading.manifest_file import load_manifest

        # Before the next import, which fails with a traceback where the extra is missing.
        check_installed(load_manifest(manifest, options.environment).manifest.ledger)
        from orchestrator.cli.run_fleet import run_fleet

        return await run_fleet(manifest, options, end, watching)
    from orchestrator.cli.run_local import run_launch

    return await run_launch(manifest, options, end, watching)
