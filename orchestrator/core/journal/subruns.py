"""A run of many hosts and its parts: each lane of each wave is a run of its own, which says whose part it is."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from orchestrator.core.journal.records import unpacked, unpacked_value
from orchestrator.model import Reason, Record

PART_OF: Final = "part_of"
"""In a part's header: the run that it is a part of."""

_OF_THE_JOURNAL: Final = frozenset({Reason.JOURNAL, Reason.FAILED_BEFORE, Reason.NO_EVIDENCE})


def headers(records: Iterable[Record]) -> list[Record]:
    """The headers of the runs that people started: no parts."""
    return [record for record in records if record.kind == "run" and PART_OF not in record.data]


def is_open(records: Iterable[Record], run_id: str) -> bool:
    """Whether workers may still be at a run of the fleet: nobody has journaled its end."""
    own = [record for record in records if record.campaign == f"@{run_id}"]
    return any("fleet" in r.data for r in own if r.kind == "run") and not any(r.kind == "end" for r in own)


def parts_of(records: Iterable[Record], run_id: str) -> list[str]:
    """The names under which the parts of a run are journaled, in the order in which they began."""
    return [r.campaign for r in records if r.kind == "run" and r.data.get(PART_OF) == run_id]


def merged_rows(records: Sequence[Record], own: Sequence[Record], parts: Sequence[str]) -> Iterable[list[Any]]:
    """The plan's rows as the parts decided them, last word last. Of a run without parts they are read as a stream.

    What a later part says from the journal alone tells what an earlier part of the same run did: it is no decision.
    """
    planned = unpacked(r for r in own if r.kind == "plan")
    if not parts:
        return planned
    rows = {(row[1], row[2]): row for row in planned}
    known = dict.fromkeys(parts)
    for row in unpacked(r for r in records if r.kind == "plan" and r.campaign in known):
        if row[7] not in _OF_THE_JOURNAL:
            rows[row[1], row[2]] = row
    return list(rows.values())


def merged_held(records: Sequence[Record], parts: Sequence[str]) -> dict[str, list[str]]:
    """What the parts held each for a reason of its own; a later part that took a campaign over has the say."""
    known, held = dict.fromkeys(parts), dict[str, list[str]]()
    for record in records:
        if record.campaign not in known:
            continue
        if record.kind == "plan":
            for row in unpacked([record]):
                held.pop(f"{row[1]}/{row[2]}", None)
        elif record.kind == "end" and "held" in record.data:
            held |= unpacked_value(record.data["held"])
    return held


def merged_budget(records: Sequence[Record], parts: Sequence[str]) -> dict[str, Any]:
    """Calls by lane, all and throttled, added up; a window's peak is the highest of any part, a suggestion the last."""
    known, budget = dict.fromkeys(parts), dict[str, Any]()
    for record in records:
        if record.kind == "end" and record.campaign in known:
            for lane, seen in record.data["budget"].items():
                budget[lane] = _added(budget[lane], seen) if lane in budget else seen
    return budget


def _added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    peaks = [max(pair) for pair in zip(one["peak_in_window"], other["peak_in_window"], strict=True)]
    sums = {key: one[key] + other[key] for key in ("calls", "throttled")}
    suggested = other.get("suggested") or one.get("suggested")
    return {**one, **sums, "peak_in_window": peaks, "suggested": suggested}
