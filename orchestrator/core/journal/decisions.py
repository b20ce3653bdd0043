"""What people decided about unknown campaigns: each started, or not started."""

import csv
from collections.abc import Iterable
from typing import Final, NamedTuple

from orchestrator.core.journal.states import IllegalMove, fold
from orchestrator.core.manifest.values import did_you_mean
from orchestrator.core.text import DEFAULT_LEDGER, command_line, one_line
from orchestrator.errors import Refused
from orchestrator.model import CampaignKey, Record, key_of

COLUMNS: Final = ("stream", "campaign", "decision", "reason")
"""The columns of a file of decisions. Others are left alone: the HTML report adds what helps to decide."""

WORDS: Final = {"started": True, "not-started": False}
"""How a decision is written."""

_LONGEST: Final = 64 * 1024


class Decision(NamedTuple):
    """What a person found out about one unknown campaign, in their own words."""

    campaign: CampaignKey
    is_started: bool
    reason: str

    @property
    def word(self) -> str:
        """`started` or `not-started`."""
        return "started" if self.is_started else "not-started"


def check_resolution(history: Iterable[Record], resolution: Record, ledger: str = DEFAULT_LEDGER) -> None:
    """Raise Refused if a campaign's journal has moved on since a person looked at it.

    A run or another person may have recorded something in between. If the record were appended all the same, it would
    contradict the journal, and the launch could no longer be read. Call this in the transaction that appends.
    """
    try:
        fold([*history, resolution])
    except IllegalMove as error:
        status = command_line("status", resolution.launch, ledger=ledger)
        raise Refused(f"{resolution.campaign} has changed since it was looked at: {error}", next_step=status) from error


def read_decisions(lines: Iterable[str], default_reason: str) -> tuple[list[Decision], list[str]]:
    """The decisions in a CSV text, and its faults, each with its line. A row without a decision is left for later.

    `default_reason` stands in for an empty reason; where both are empty, that is a fault.
    """
    reader = csv.DictReader(map(_bounded, lines), strict=True)
    decisions, faults = dict[CampaignKey, Decision](), list[str]()
    try:
        if missing := [name for name in COLUMNS[:3] if name not in (reader.fieldnames or ())]:
            return [], [f"line 1: has no column {', '.join(missing)}"]
        for row in reader:
            found = _decision(row, default_reason)
            if isinstance(found, str):
                faults.append(f"line {reader.line_num}: {found}")
            elif found is not None and found.campaign in decisions:
                faults.append(f"line {reader.line_num}: {one_line(found.campaign)} is decided twice")
            elif found is not None:
                decisions[found.campaign] = found
    except csv.Error:
        what = f"is not CSV: a quote is not closed, or closes within its cell, or a cell has over {_LONGEST} characters"
        faults.append(f"line {reader.line_num + 1}: {what}")  # where its record begins
    return list(decisions.values()), faults


def _bounded(line: str) -> str:
    """The line. Raises csv.Error for one that is too long, whatever the csv module would take."""
    if len(line) > _LONGEST:
        raise csv.Error
    return line


def _decision(row: dict[str, str | None], default_reason: str) -> Decision | str | None:
    """The decision in a row, None if there is none yet, or what is wrong with it."""
    stream, campaign, word, reason = ((row.get(name) or "").strip() for name in COLUMNS)
    if not word:
        return None
    if None in row.values() or None in row:
        return "has more or fewer cells than the header"
    if word not in WORDS:
        return f"{one_line(word)!r} is not a decision; {did_you_mean(word, WORDS)}"
    if not (reason or default_reason):
        return "has no reason: write what you saw, or give --reason"
    return Decision(key_of(stream, campaign), WORDS[word], reason or default_reason)
