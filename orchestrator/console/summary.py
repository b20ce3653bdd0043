"""The summary of a run, a launch, or of what was stopped."""

import os
import sys
from collections import Counter
from itertools import islice
from typing import Any

import click
from rich.table import Table  # not later: a run that has used up its file descriptors imports nothing

from orchestrator.console.terminal import console_for, plain
from orchestrator.core.journal.control import OPEN, ControlState
from orchestrator.core.plan.stop_plan import StopPlan, StopResult
from orchestrator.core.result.build import CampaignResult, Result, timestamp
from orchestrator.core.result.types import WaveResult, standing_of
from orchestrator.core.text import command_line, plural
from orchestrator.model import Outcome, Reason

_MAX_SHOWN = 20
_LOOK_AT = (Reason.IN_FLIGHT, Outcome.UNKNOWN, Outcome.FAILED, Outcome.HELD)


def summary(result: Result, *, is_live: bool = False, control_state: ControlState = OPEN) -> str:
    """What a person wants to know: totals per account, then what needs them, unknown first."""
    held = ["", f"the launch is {plain(control_state.sentence)}"] if control_state.command is not None else []
    lines = [_headline(result), "", *_accounts(result), *_waves(result), *_needs(result), *held]
    lines += _footer(result, is_live=is_live)
    return "\n".join(lines) + "\n"


def _accounts(result: Result) -> list[str]:
    """A table; where the terminal is too narrow for it, a line for each account: a cut number is a wrong number."""
    shown = [standing for standing, count in result.standings.items() if count]
    headers, rows = [*map(_word, shown), "calls", "throttled"], _by_account(result, shown)
    table = Table("account", title=None, box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, justify="right")
    for account, row in rows.items():
        table.add_row(account, *row)
    console = console_for(sys.stdout, os.environ)
    # Measured at a width that is always enough: rich makes a table fit by cutting numbers.
    if console.measure(table, options=console.options.update(max_width=1000)).maximum > console.width:
        return [f"{a}: " + ", ".join(f"{n} {h}" for n, h in zip(row, headers, strict=True)) for a, row in rows.items()]
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip().split("\n")


def _headline(result: Result) -> str:
    run = result.run
    counts = ", ".join(f"{count} {_word(standing)}" for standing, count in result.standings.items() if count)
    where = f" in environment {result.environment}" if result.environment else ""
    lines = [f"launch {run['launch']}{where}, run {run['run_id']}: {counts or 'nothing to do'}", result.banner]
    # A rehearsal is read for a run more easily than a run in the sandbox, whose manifest says so.
    return "\n".join(filter(None, reversed(lines) if run.get("rehearsal") else lines))


def _word(standing: Outcome | Reason) -> str:
    return "in flight" if standing is Reason.IN_FLIGHT else str(standing)


def _by_account(result: Result, shown: list[Outcome | Reason]) -> dict[str, list[str]]:
    counted: dict[str, Counter[Outcome | Reason]] = {}
    for (account, outcome, reason), count in result.tally.items():
        counted.setdefault(account, Counter())[standing_of(outcome, reason)] += count
    budgets = {budget["account"]: budget for budget in result.budget.values()}
    rows = {}
    for account, own in counted.items():
        budget = budgets.get(account)
        counts = [str(own[standing] or "-") for standing in shown]
        rows[account] = [*counts, *((str(budget["calls"]), str(budget["throttled"])) if budget else ("-", "-"))]
    return rows


def _waves(result: Result) -> list[str]:
    waves = result.named_waves
    lines = [f"  {plain(wave['name'])}: {wave['verdict'].words}{_why(wave)}" for wave in waves[:_MAX_SHOWN]]
    if len(waves) > _MAX_SHOWN:
        lines.append(f"  ... and {len(waves) - _MAX_SHOWN} more, all in result.json")
    return ["", "waves:", *lines] if lines else []


def _why(wave: WaveResult) -> str:
    return f" ({plain(wave['message'])})" if wave["message"] else ""


def _needs(result: Result) -> list[str]:
    lines, counts = [], result.standings
    for standing in _LOOK_AT:
        count = counts[standing]
        if count:
            chosen = list(islice((c for c in result.campaigns if c.standing is standing), _MAX_SHOWN))
            lines += ["", f"{_word(standing)}:", *map(_line, chosen)]
            lines += [f"  ... and {count - _MAX_SHOWN} more, all in result.json"] if count > _MAX_SHOWN else []
            # The commands for the others differ in the campaign's id alone.
            lines += [f"  next: {line}" for line in (chosen[0].next.split("\n") if chosen[0].next else ())]
    return lines


def _line(campaign: CampaignResult) -> str:
    return f"  {campaign.key} ({campaign.reason}) {plain(campaign.message)}"


def _footer(result: Result, *, is_live: bool) -> list[str]:
    stop, lines = result.run["stop"], []
    # No exit code yet: it would be taken for the run's.
    if is_live:
        return ["", "the run is going on"]
    if stop:
        lines += ["", f"stopped early ({stop['reason']}): {plain(stop['detail'])}"]
    lines += [f"warning: {plain(text)}" for text in result.warnings]
    lines += [
        f"account {plain(budget['account'])}: the platform limited calls, and left about {budget['suggested']}: "
        f"rate: [{budget['suggested']}] would have avoided the waits"
        for budget in result.budget.values()
        if budget["suggested"]
    ]
    return [*lines, "", f"exit code {result.exit_code}"]


def status_json(result: Result, *, is_live: bool) -> dict[str, Any]:
    """A result, for a machine. While its run is going on, campaigns without an outcome are `waiting` or `in_flight`."""
    data = {**result.as_json(), "is_live": is_live}
    if is_live:
        for row, campaign in zip(data["campaigns"], result.campaigns, strict=True):
            row["outcome"] = campaign.standing
        data |= {"run": {**result.run, "exit_code": None}, "totals": result.standings}
    return data


def control_state_json(control_state: ControlState) -> dict[str, Any]:
    """Whether a launch is paused or aborted, for a machine. `word` is null where starts are permitted."""
    return {
        "word": control_state.command,
        "by": control_state.by,
        "reason": control_state.reason,
        "at": timestamp(control_state.at or None),
    }


def announce_stops(launch: str, plan: StopPlan) -> None:
    """Before the first stop leaves."""
    what = f"stopping {plural(len(plan.jobs), 'campaign')} that launch {launch} started"
    click.echo(f"{what}; MESSAGES ALREADY SENT STAY SENT, nothing calls them back", err=True)


def stops_text(result: StopResult, ledger: str) -> str:
    """For a person."""
    lines = [f"  stopped      {key}" for key in result.confirmed]
    lines += [f"  not stopped  {key}  {why}" for key, why in result.missing.items()]
    lines += [f"  may run      {key}  nobody knows whether it was started" for key in result.plan.maybe]
    counts = f"{len(result.confirmed)} stopped, {len(result.missing)} not confirmed, {len(result.plan.before)} before"
    lines.append(f"launch {result.launch}: {counts}; messages already sent stay sent")
    if result.missing:
        lines.append(f"next: {command_line('stop-started', result.launch, ledger=ledger)} --reason")
    return "\n".join(lines) + "\n"


def stops_json(result: StopResult) -> dict[str, Any]:
    """For a machine."""
    return {
        "launch": result.launch,
        "stopped": result.confirmed,
        "not_stopped": result.missing,
        "stopped_before": list(result.plan.before),
        "may_be_running": list(result.plan.maybe),
    }
