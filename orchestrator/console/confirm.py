"""A person's consent: the plan in a file, the beginning of its hash, and the answer at a terminal."""

import json
import signal
import sys
from pathlib import Path

import click

from orchestrator.console.terminal import plain
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan import approval
from orchestrator.core.plan.approval import SHORTEST_HASH, Proposal
from orchestrator.core.plan.plan import Action, Plan
from orchestrator.core.text import plural
from orchestrator.errors import PlanInvalid, Refused


def read_plan(path: Path) -> Proposal:
    """The plan in a file of `plan -o`. Raises PlanInvalid."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PlanInvalid(f"{path} is not a plan", next_step="make one with: plan MANIFEST -o FILE") from error
    return approval.read(document)


def check_approve(approve: str | None) -> None:
    """Raise click.UsageError for a hash that is too short to name one plan."""
    if approve is not None and len(approve) < SHORTEST_HASH:
        raise click.UsageError(f"--approve needs at least {SHORTEST_HASH} characters of the plan's hash")


def confirm(manifest: Manifest, plan: Plan, *, yes: bool) -> None:
    """At a terminal, let a person type the launch's name before a real host's first start. Raises Refused otherwise."""
    # Only a person can answer, and only a terminal at both ends has one.
    if (
        yes
        or manifest.host == "sandbox"
        or not plan.count(Action.START)
        or not (sys.stdin.isatty() and sys.stderr.isatty())
    ):
        return
    launch, host = manifest.launch, manifest.host
    click.echo(
        f"{plural(plan.count(Action.START), 'campaign')} will be started on {host}. It cannot be undone.", err=True
    )
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
