"""Which data a journal's record has to have, by its kind."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from orchestrator.core.delivery.readings import FOLLOW
from orchestrator.core.journal import record_data as data
from orchestrator.core.journal import records as kinds
from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.journal.damage import RecordDamaged, check_shape
from orchestrator.core.journal.states import Event
from orchestrator.core.json_shape import Count, Seconds
from orchestrator.core.notice import NOTICE
from orchestrator.model import Record

SHAPES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        kinds.RUN: data.Header,
        kinds.PLAN: data.Rows,
        kinds.END: data.Ending,
        kinds.PLANNED: data.Planned,
        kinds.MANIFEST: data.Rows,
        kinds.APPROVED: data.ApprovedPlan,
        kinds.LANE: data.LaneDone,
        kinds.HALT: data.Halt,
        str(Event.INTENT): data.Intent,
        kinds.VERDICT: data.VerdictData,
        **dict.fromkeys(map(str, (Event.GAVE_UP, Event.EVIDENCE, Event.NO_EVIDENCE)), data.Found),
        kinds.RESOLVE: data.Resolution,
        **dict.fromkeys((kinds.STOP_INTENT, *map(str, ControlCommand)), data.Asked),
        kinds.STOP_REPLY: data.StopReply,
        kinds.RELEASE: data.Release,
        FOLLOW: data.FollowedRound,
        NOTICE: data.NoticeData,
    }
)
"""The shape of each kind's data. A kind that is not here is of a later version: its data may be anything."""


def check_records(records: Sequence[Record]) -> None:
    """Raise RecordDamaged for a record that is not as its kind has to be.

    Some hundred at once are checked in a quarter of the time that each by itself would take.
    """
    check_shape(records, [record.at for record in records], Seconds, "its time ")
    check_shape(records, [record.attempt for record in records], Count, "its number ")
    by_kind: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_kind[record.kind].append(record)
    for kind, same in by_kind.items():
        # A record that came when the lane was lost has the data that it would have had.
        shape = SHAPES.get(kind.removeprefix("late_"))
        if shape is not None:
            check_shape(same, [record.data for record in same], shape)
    for end in by_kind[kinds.END]:
        for lane, used in kinds.ending_of(end)["budget"].items():
            if len(used["peak_in_window"]) != len(used["limits"]):
                raise RecordDamaged(end, f"budget.{lane!r}: there is not one peak for each limit")
