"""Everything that may forbid a run once its plan is known: cap, approval, and a person's answer at a terminal."""

import json
import signal
import sys
from pathlib import Path

import click

from orchestrator.cli.session import SANDBOX, Opened
from orchestrator.console.terminal import plain
from orchestrator.core import approval
from orchestrator.core.approval import SHORTEST_HASH, Proposal
from orchestrator.core.manifest import Manifest
from orchestrator.core.plan import Action, Plan, check_cap
from orchestrator.errors import PlanInvalid, Refused


def read_plan(path: Path) -> Proposal:
    """The plan in a file of `plan -o`. Raises PlanInvalid."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PlanInvalid(f"{path} is no plan", next_step="make one with: plan MANIFEST -o FILE") from error
    return approval.read(document)


def check_approve(approve: str | None) -> None:
    """Raise click.UsageError for a hash that is too short to name one plan."""
    if approve is not None and len(approve) < SHORTEST_HASH:
        raise click.UsageError(f"--approve needs at least {SHORTEST_HASH} characters of the plan's hash")


def permit(
    run: Opened, plan: Plan, *, approve: str | None, proposal: Proposal | None, max_starts: int | None, yes: bool
) -> None:
    """Raise Refused where the run may not begin. `proposal` is the plan of --plan, `max_starts` tightens the cap."""
    manifest, context = run.loaded.manifest, run.session.context
    check_cap(plan, manifest.limits.max_starts, max_starts)
    if manifest.approval == "plan" and approve is None:
        raise Refused(
            "approval: plan needs --approve with the hash of a plan that somebody has looked at",
            next_step=f"python -m orchestrator plan {run.loaded.source_name}",
        )
    if approve is not None or proposal is not None:
        records = run.store.read(context.launch)
        approved = _approved(approve, proposal or approval.find(records, approve or ""))
        approval.check(approved, plan, records, context.clock.now(), run.loaded.source_name)
    if manifest.host != SANDBOX:
        ask(manifest, plan, yes=yes)


def _approved(approve: str | None, proposal: Proposal) -> Proposal:
    if approve is not None and not proposal.sha256.startswith(approve.lower()):
        raise Refused(
            f"the plan in the file has the hash {proposal.sha256[:16]}, approved was {approve[:16]}",
            next_step="bring the plan that was approved, or have this one approved",
        )
    return proposal


def ask(manifest: Manifest, plan: Plan, *, yes: bool) -> None:
    """At a terminal, let a person type the launch's name before the first start. Raises Refused for anything else."""
    if yes or not plan.count(Action.START) or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    launch, host = manifest.launch, manifest.host
    click.echo(f"{plan.count(Action.START)} campaigns will be started on {host}. It cannot be undone.", err=True)
    for warning in plan.warnings:
        click.echo(f"warning: {plain(warning)}", err=True)
    # The loop's own handler would only take note: Ctrl-C must end the question, too.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        answer = click.prompt(f"Type {launch} to go on", default="", show_default=False, err=True)
    except click.Abort:
        answer = ""
    finally:
        signal.signal(signal.SIGINT, handler)
    if answer.strip() != launch:
        raise Refused("not confirmed", next_step="run again and type the launch's name")
