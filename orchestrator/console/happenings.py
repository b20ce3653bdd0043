"""What `list`, `history` and `why` print, for a person and for a machine."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.table import Table

from orchestrator.console.summary import control_state_json, waiting_lines
from orchestrator.console.terminal import console_for, plain
from orchestrator.core.journal.waits import Wait
from orchestrator.core.result.narrative import CampaignStory, Happening, LaunchLine
from orchestrator.core.text import plural, timestamp
from orchestrator.model import Reason

_MEANINGS: Final[Mapping[str, str]] = {
    Reason.SHARED_LIST: (
        "the platform cannot run two campaigns on one contact list at the same time; if the other one runs, wait until "
        "it is Completed, or stop it, and run again; with same_list: sequence, a run waits for that itself"
    )
}
"""What a reason means and what to do about it, where the message beside it says only what was found."""


def launches_text(found: Sequence[LaunchLine]) -> str:
    """A line for each launch."""
    if not found:
        return "the ledger has no launch yet\n"
    table = Table("launch", "last run", "began (UTC)", "outcome", box=None, pad_edge=False, header_style="bold")
    for line in found:
        table.add_row(plain(line.launch), *_last_run(line))
    console = console_for(sys.stdout, os.environ)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(row.rstrip() for row in capture.get().splitlines()) + "\n"


def _last_run(line: LaunchLine) -> tuple[str, str, str]:
    result = line.result
    also = [plain(one) for one in (line.control_state.sentence, *(wait.sentence for wait in line.waits)) if one]
    if result is None:
        return "-", "-", "; ".join(["no run yet", *also])
    run = result.run
    counts = ", ".join(f"{count} {_word(standing)}" for standing, count in result.standings.items() if count)
    ending = "going on" if line.is_live else f"exit code {result.exit_code}"
    outcome = "; ".join([f"{ending}: {counts or 'no campaigns'}", *also])
    return run["run_id"], _clock(run["started_at"]), outcome


def _word(standing: str) -> str:
    return standing.replace("_", " ")


def _clock(moment: str) -> str:
    return f"{moment[:10]} {moment[11:19]}"


def launches_json(found: Iterable[LaunchLine]) -> dict[str, Any]:
    """The launches, with the run's facts and counts of where campaigns stand."""
    return {"launches": [_launch_json(line) for line in found]}


def _launch_json(line: LaunchLine) -> dict[str, Any]:
    result = line.result
    waits = [wait.as_json() for wait in line.waits]
    if result is None:
        return {
            "launch": line.launch, "run": None, "control": control_state_json(line.control_state), "waits": waits,
        }  # fmt: skip
    code = None if line.is_live else result.exit_code
    return {
        "launch": line.launch,
        "run": {**result.run, "exit_code": code},
        "is_live": line.is_live,
        "totals": {str(standing): count for standing, count in result.standings.items()},
        "control": control_state_json(line.control_state),
        "stopped_since": line.stopped,
        "waits": waits,
    }


def history_text(launch: str, found: Sequence[Happening], waits: Iterable[Wait]) -> str:
    """A line for each thing that happened, the oldest first; then for what waits now."""
    lines = [f"launch {plain(launch)}, times in UTC:", *map(_line, found), *waiting_lines(waits)]
    return "\n".join(lines) + "\n"


def story_text(launch: str, told: CampaignStory) -> str:
    """The campaign's story, and where it stands."""
    now = told.now
    lines = [f"campaign {plain(told.key)} of launch {plain(launch)}, times in UTC:", *map(_line, told.happenings)]
    if now is None:
        return "\n".join([*lines, "now: not in the plan of the last run"]) + "\n"
    tries = f" after {plural(now.attempts, 'attempt')}" if now.attempts else ""
    lines.append(f"now: {_word(now.standing)}{tries} ({now.reason}): {plain(now.message)}")
    if (meaning := _MEANINGS.get(now.reason)) is not None:
        lines.append(f"means: {meaning}")
    lines += [f"next: {line}" for line in (now.next or "").splitlines()]
    return "\n".join(lines) + "\n"


def _line(one: Happening) -> str:
    by = f", by {plain(one.by)}" if one.by else ""
    why = f": {plain(one.why)}" if one.why else ""
    return f"  {_clock(timestamp(one.at))}  {plain(one.what)}{by}{why}"


def happenings_json(found: Iterable[Happening]) -> list[dict[str, Any]]:
    """For a machine: `by` and `why` are null if the journal has neither."""
    return [{"at": timestamp(one.at), "what": one.what, "by": one.by or None, "why": one.why or None} for one in found]
