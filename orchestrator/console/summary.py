"""The summary of a run, a launch, or of what was stopped."""

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import click
from rich.table import Table  # not later: a run that has used up its file descriptors imports nothing

from orchestrator.console.terminal import console_for, has_color, plain
from orchestrator.core.audience import sentence
from orchestrator.core.exit_codes import RUN_MEANINGS, ExitCode
from orchestrator.core.journal.control import OPEN, ControlState
from orchestrator.core.journal.waits import Wait
from orchestrator.core.plan.stop_plan import StopPlan, StopResult
from orchestrator.core.result.build import CampaignResult, Result, timestamp
from orchestrator.core.result.types import WaveResult, standing_of
from orchestrator.core.text import command_line, duration, plural, titled
from orchestrator.model import CampaignKey, Outcome, Reason

_MAX_SHOWN = 20
_MAX_NAMED = 3
_LOOK_AT = (Reason.IN_FLIGHT, Outcome.UNKNOWN, Outcome.FAILED, Outcome.HELD)
_GROUPED = frozenset({Outcome.FAILED, Outcome.HELD})
_COLORS = {Reason.IN_FLIGHT: "cyan", Outcome.UNKNOWN: "red", Outcome.FAILED: "red", Outcome.HELD: "yellow"}
_BAD_CODES = frozenset({ExitCode.FAILED, ExitCode.UNKNOWN, ExitCode.JOURNAL})


def summary(
    result: Result, *, is_live: bool = False, control_state: ControlState = OPEN, waits: Collection[Wait] = ()
) -> str:
    """What a person wants to know: totals per account, then what needs them, unknown first."""
    held = ["", f"the launch is {plain(control_state.sentence)}"] if control_state.command is not None else []
    verdict = [] if is_live else [_verdict(result.exit_code), *_times(result)]
    people = [f"recipients: {plain(sentence(result.people))}"] if result.people else []
    lines = [_headline(result), *verdict, *people, "", *_accounts(result), *_waves(result), *_needs(result), *held]
    lines += _footer(result, is_live=is_live)
    lines += ["", *waiting_lines(waits)] if waits else []
    return "\n".join(lines) + "\n"


def waiting_text(launch: str, waits: Iterable[Wait], control_state: ControlState = OPEN) -> str:
    """A launch without a run, of which some wait for their time."""
    held = [f"the launch is {plain(control_state.sentence)}"] if control_state.command is not None else []
    return "\n".join([f"launch {plain(launch)}: no run yet", *waiting_lines(waits), *held]) + "\n"


def waiting_lines(waits: Iterable[Wait]) -> list[str]:
    """A line for each run that waits for its time."""
    return [plain(wait.words) for wait in waits]


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


def _verdict(code: int) -> str:
    color = "green" if code == ExitCode.OK else "red" if code in _BAD_CODES else "yellow"
    return _styled(f"exit code {code}: {RUN_MEANINGS.get(code, 'the run failed')}", color)


def _times(result: Result) -> list[str]:
    """How long the run took, and when its first and its last start left; what is not known is left out."""
    run, sent = result.run, result.sent_between
    parts = []
    if run["finished_at"] is not None:
        begun, ended = (datetime.fromisoformat(at) for at in (run["started_at"], run["finished_at"]))
        parts.append(f"took {duration((ended - begun).total_seconds())}")
    if sent is not None:
        first, last = (f"{at[:10]} {at[11:19]}" for at in sent)
        parts.append(f"first start {first}, last {last[11:] if last[:10] == first[:10] else last} UTC")
    return ["; ".join(parts)] if parts else []


def _styled(text: str, color: str) -> str:
    """The text in a color where the terminal may have some; the words alone say all of it."""
    return click.style(text, fg=color, bold=True) if has_color(sys.stdout, os.environ) else text


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
    """What a person should look at. Who is unknown is named; who failed or is held is counted by the reason."""
    lines, counts = [], result.standings
    for standing in _LOOK_AT:
        if counts[standing]:
            lines += ["", _styled(f"{_word(standing)}:", _COLORS[standing])]
            own = (campaign for campaign in result.campaigns if campaign.standing is standing)
            lines += _groups(own) if standing in _GROUPED else _named(own, counts[standing])
    return lines


def _named(campaigns: Iterable[CampaignResult], count: int) -> list[str]:
    chosen = list(islice(campaigns, _MAX_SHOWN))
    lines = [f"  {_name(one)}: {plain(one.message)}" for one in chosen]
    lines += [f"  ... and {count - _MAX_SHOWN:,} more, all in result.json"] if count > _MAX_SHOWN else []
    # The commands for the others differ in the campaign's id alone.
    return [*lines, *_next(chosen[0])]


def _groups(campaigns: Iterable[CampaignResult]) -> list[str]:
    groups: dict[tuple[str, str], list[CampaignResult]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for campaign in campaigns:
        key = str(campaign.reason), campaign.message
        if key not in groups and len(groups) >= _MAX_SHOWN:
            key = str(campaign.reason), "for other causes, all in result.json"
        counts[key] += 1
        own = groups.setdefault(key, [])
        if len(own) < _MAX_NAMED:
            own.append(campaign)
    lines = [line for key, count in counts.most_common() for line in _group(*key, count, groups[key])]
    steps = dict.fromkeys(line for group in groups.values() for line in _next(group[0]))
    return [*lines, *steps]


def _group(reason: str, message: str, count: int, first: Sequence[CampaignResult]) -> list[str]:
    more = f", and {count - len(first):,} more" if count > len(first) else ""
    return [f"  {count:,} {reason}: {plain(message)}", f"    {', '.join(map(_name, first))}{more}"]


def _next(campaign: CampaignResult) -> list[str]:
    return [f"  next: {line}" for line in (campaign.next or "").splitlines()]


def _name(campaign: CampaignResult) -> str:
    return plain(titled(campaign.name, campaign.key))


def _footer(result: Result, *, is_live: bool) -> list[str]:
    stop, lines = result.run["stop"], []
    # No exit code yet: it would be taken for the run's.
    if is_live:
        return ["", "the run is going on"]
    if stop or result.warnings or any(budget["suggested"] for budget in result.budget.values()):
        lines.append("")
    if stop:
        lines += [f"stopped early ({stop['reason']}): {plain(stop['detail'])}"]
    lines += [f"warning: {plain(text)}" for text in result.warnings]
    lines += [
        f"account {plain(budget['account'])}: the platform limited calls, and left about {budget['suggested']}: "
        f"rate: [{budget['suggested']}] would have avoided the waits"
        for budget in result.budget.values()
        if budget["suggested"]
    ]
    return lines


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
    click.echo(f"{what}; MESSAGES ALREADY SENT STAY SENT, nothing can recall them", err=True)


def stops_text(result: StopResult, ledger: str, names: Mapping[CampaignKey, str]) -> str:
    """For a person. `names` are those of campaigns that have one."""

    def shown(key: CampaignKey) -> str:
        return plain(titled(names.get(key, ""), key))

    lines = [f"  stopped      {shown(key)}" for key in result.confirmed]
    lines += [f"  not stopped  {shown(key)}  {plain(why)}" for key, why in result.missing.items()]
    lines += [f"  may run      {shown(key)}  nobody knows whether it was started" for key in result.plan.maybe]
    counts = f"{len(result.confirmed)} stopped, {len(result.missing)} not confirmed"
    counts += f", {len(result.plan.before)} already stopped" if result.plan.before else ""
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
