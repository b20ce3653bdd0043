"""The subruns of a fleet's run: each lane of each wave is a run of its own, whose header names the fleet's run."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Final

from orchestrator.core.journal.record_data import BudgetData
from orchestrator.core.journal.records import (
    END,
    PLAN,
    RUN,
    PlanRow,
    PlanRows,
    ending_of,
    header_of,
    held_of,
    plan_rows,
)
from orchestrator.model import CampaignKey, Reason, Record

PART_OF: Final = "part_of"
"""In a subrun's header: the id of the fleet's run."""

_FROM_THE_JOURNAL: Final = frozenset({Reason.JOURNAL, Reason.FAILED_BEFORE, Reason.NO_EVIDENCE})


def is_subrun(header: Record) -> bool:
    """Whether a header is that of a subrun."""
    return "part_of" in header_of(header)


def headers(records: Iterable[Record]) -> list[Record]:
    """The headers of the runs that people started, which subruns are not."""
    return [record for record in records if record.kind == RUN and not is_subrun(record)]


def is_open(records: Iterable[Record], run_id: str) -> bool:
    """Whether workers may still be carrying out a fleet's run: its end is not journaled."""
    own = [record for record in records if record.campaign == f"@{run_id}"]
    return any("fleet" in header_of(r) for r in own if r.kind == RUN) and not any(r.kind == END for r in own)


def subruns_of(records: Iterable[Record], run_id: str) -> list[str]:
    """The names under which the subruns of a run are journaled (`@RUN-ID`), in the order in which they began."""
    return [r.campaign for r in records if r.kind == RUN and header_of(r).get("part_of") == run_id]


def merged_rows(records: Iterable[Record], run: str, subruns: Sequence[str]) -> Iterable[PlanRow]:
    """The rows of a run's plan, each as the last of its subruns decided it. `run` is the run's name, `@RUN-ID`.

    If a later subrun finds a start in the journal that an earlier subrun of the same run made, that is not a
    decision. The rows can be read more than once.
    """
    plans = [record for record in records if record.kind == PLAN]
    planned = PlanRows([record for record in plans if record.campaign == run])
    if not subruns:
        return planned
    # The fleet's plan first. Over it, what each subrun decided when its turn came.
    rows = {row.key: row for row in planned}
    names = frozenset(subruns)
    for row in plan_rows(record for record in plans if record.campaign in names):
        if row.reason not in _FROM_THE_JOURNAL:
            rows[row.key] = row
    return rows.values()


def merged_held(records: Iterable[Record], subruns: Sequence[str]) -> dict[CampaignKey, tuple[str, str]]:
    """What the subruns held each for a reason of its own; a later subrun that planned the campaign decides again."""
    names, held = frozenset(subruns), dict[CampaignKey, tuple[str, str]]()
    for record in records:
        if record.campaign not in names:
            continue
        if record.kind == PLAN:
            for row in plan_rows([record]):
                held.pop(row.key, None)
        elif record.kind == END:
            held |= held_of(record)
    return held


def merged_budget(records: Iterable[Record], subruns: Sequence[str]) -> dict[str, BudgetData]:
    """Calls by lane, added up over the subruns: the highest peak of each window, and the last suggested rate."""
    names, budget = frozenset(subruns), dict[str, BudgetData]()
    for record in records:
        if record.kind == END and record.campaign in names:
            for lane, used in ending_of(record)["budget"].items():
                budget[lane] = _added(budget[lane], used) if lane in budget else used
    return budget


def _added(one: BudgetData, other: BudgetData) -> BudgetData:
    peaks = zip_longest(one["peak_in_window"], other["peak_in_window"], fillvalue=0)
    return {
        **one,
        "calls": one["calls"] + other["calls"],
        "throttled": one["throttled"] + other["throttled"],
        "peak_in_window": [max(pair) for pair in peaks],
        # A later subrun without a suggestion has seen too little: it does not withdraw an earlier one.
        "suggested": other.get("suggested") or one.get("suggested"),
    }
