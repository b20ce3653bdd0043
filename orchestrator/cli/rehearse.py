"""`rehearse MANIFEST`."""

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.cli.documented import Count, documented
from orchestrator.cli.options import (
    PlacePath,
    UnusableError,
    environment_option,
    json_option,
    manifest_argument,
    prints_result,
)
from orchestrator.console.render import CommandResult
from orchestrator.model import PosixSeconds


def _instant(_: click.Context, __: click.Parameter, text: str | None) -> PosixSeconds:
    if text is None:
        return PosixSeconds(time.time())
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("write it as 2026-03-02T09:00:00Z") from error
    return PosixSeconds((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


@documented(
    "rehearse",
    page="docs/reference/faults.md",
    examples=(
        "rehearse launch.yaml",
        "rehearse launch.yaml --faults nasty --runs 20",
    ),
    exits={
        "0": "The rehearsal worked, whatever its result is.",
    },
)
@manifest_argument
@environment_option
@click.option(
    "--faults",
    type=click.Choice(["none", "calm", "realistic", "nasty"]),
    metavar="NAME",
    help="What goes wrong with calls: none, calm, realistic or nasty; by default realistic, or what a sandbox manifest "
    "sets.",
)
@click.option("--seed", type=int, metavar="N",
              help="The same seed gives the same rehearsal; by default 1, or the sandbox's.")  # fmt: skip
@click.option(
    "--runs",
    type=Count(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of rehearsals, with consecutive seeds; more than one shows the spread.",
)
@click.option(
    "--at", callback=_instant, metavar="TIME", help="When the run begins, such as 2026-12-01T09:00:00Z; by default now."
)
@click.option("--no-wait", is_flag=True, help="Hold campaigns whose window is closed, as `run --no-wait` does.")
@click.option("--dir", "directory", type=PlacePath(), metavar="FOLDER",
              help="Also write the first rehearsal's reports to this folder.")  # fmt: skip
@json_option
@prints_result
def command(
    manifest: str,
    *,
    environment: str | None,
    faults: str | None,
    seed: int | None,
    runs: int,
    at: PosixSeconds,
    no_wait: bool,
    directory: Path | None,
) -> CommandResult:
    """Run a manifest against a model of the platform.

    Time is virtual: you see at once how long a run would take, and the report that it would end with. It needs no
    network and no secret, and leaves the ledger alone: every campaign counts as new and ready. The check of a wave
    (`pass.command`) does not run, and counts as passed.
    """
    from orchestrator.console import rehearsal
    from orchestrator.console.summary import summary
    from orchestrator.core.plan.approval import check_cap
    from orchestrator.core.result.statistics import statistics
    from orchestrator.core.text import reason
    from orchestrator.loading.manifest_file import load_manifest
    from orchestrator.rehearsal.conditions import assumption
    from orchestrator.rehearsal.rehearse import RehearsalConfig, rehearse
    from orchestrator.report.files import write

    # 1. What is rehearsed: a sandbox manifest says itself what its calls meet.
    loaded = load_manifest(Path(manifest), environment)
    sandbox, cap = loaded.manifest.sandbox, loaded.manifest.limits.max_starts
    is_sandbox = loaded.manifest.host == "sandbox"
    faults = faults or (sandbox.faults if is_sandbox else "realistic")
    seed = seed if seed is not None else (sandbox.seed if is_sandbox else 1)
    config = RehearsalConfig(
        loaded.manifest, loaded.source_name, loaded.sha256, faults, at,
        permit=lambda plan: check_cap(plan, cap), no_wait=no_wait, environment=environment,
    )  # fmt: skip
    # 2. The rehearsals, with the seeds that follow each other.
    rehearsals = [rehearse(config, seed + number) for number in range(runs)]
    first = rehearsals[0]
    # 3. The report of the first, and how the others differ.
    formats = loaded.manifest.report.formats
    try:
        files = () if directory is None else write(first.result, first.records, directory, formats)
    except (OSError, UnicodeError) as error:
        raise UnusableError(f"cannot write to {directory}: {reason(error)}") from error
    seen = statistics([one.result for one in rehearsals], [one.seconds for one in rehearsals])
    assumed = assumption(faults, is_sandbox=is_sandbox)
    data = rehearsal.as_json(first.result, seen, first.texting, faults=faults, seed=seed, assumed=assumed)
    text = summary(first.result) + rehearsal.text(seen, first.texting, faults=faults, seed=seed, assumed=assumed)
    return CommandResult("rehearse", data, text, tuple(f"report: {path}" for path in files))
