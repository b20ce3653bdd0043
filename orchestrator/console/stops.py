"""What `stop-started` shows, for a person and for a machine."""

from typing import Any

import click

from orchestrator.core.plan.stop_plan import StopPlan, StopResult
from orchestrator.core.text import plural


def announce(launch: str, plan: StopPlan) -> None:
    """Before the first stop leaves."""
    what = f"stopping {plural(len(plan.jobs), 'campaign')} that launch {launch} started"
    click.echo(f"{what}; MESSAGES ALREADY SENT STAY SENT, nothing calls them back", err=True)


def text(result: StopResult) -> str:
    """For a person."""
    lines = [f"  stopped      {key}" for key in result.confirmed]
    lines += [f"  not stopped  {key}  {why}" for key, why in result.missing.items()]
    lines += [f"  may be on    {key}  nobody knows whether it was started" for key in result.plan.maybe]
    counts = f"{len(result.confirmed)} stopped, {len(result.missing)} not confirmed, {len(result.plan.before)} before"
    lines.append(f"launch {result.launch}: {counts}; messages already sent stay sent")
    if result.missing:
        lines.append(f"next: python -m orchestrator stop-started {result.launch} --reason TEXT")
    return "\n".join(lines) + "\n"


def as_json(result: StopResult) -> dict[str, Any]:
    """For a machine."""
    return {
        "launch": result.launch,
        "stopped": result.confirmed,
        "not_stopped": result.missing,
        "stopped_before": list(result.plan.before),
        "may_be_running": list(result.plan.maybe),
    }
