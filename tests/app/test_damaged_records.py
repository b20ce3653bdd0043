"""Every record of a journal, damaged in every way: who reads it says which record it is, and what is wrong with it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from orchestrator.core.delivery.delivery import deliveries
from orchestrator.core.journal import control
from orchestrator.core.journal.damage import RecordDamaged, name_of
from orchestrator.core.journal.record_shapes import SHAPES, check_records
from orchestrator.core.journal.states import IllegalMove, fold
from orchestrator.core.plan import approval
from orchestrator.core.plan import proposal as proposals
from orchestrator.core.plan.repeat_guard import recent_starts
from orchestrator.core.plan.stop_plan import stops
from orchestrator.core.result import timeline
from orchestrator.core.result.build import NoRunError, build
from orchestrator.core.result.followed import FollowedLaunch
from orchestrator.core.result.narrative import decisions, history, sent, story
from orchestrator.errors import LedgerError, Refused
from orchestrator.fleet.orders import order_of
from orchestrator.model import Record
from orchestrator.report.files import as_csv, as_json
from orchestrator.report.junit import as_junit
from orchestrator.report.markdown import as_markdown
from orchestrator.report.prometheus import as_prometheus
from tests.damaged import KEYS, damages, journal, packed_data, unpacked_data

JOURNAL = journal()
PLACES = {f"{one.kind}-{one.run_id}": place for place, one in enumerate(JOURNAL)}
"""One record of each kind that a run, a person or a follower wrote: the others are like it."""
PLANNED = JOURNAL[0].data["plan_sha256"]
UNDERSTOOD = (LedgerError, IllegalMove, NoRunError, Refused)
"""What a command tells a person: the ledger is damaged, or contradicts itself, or something is not there."""


def reported(records: Sequence[Record], run: str | None) -> None:
    result = build(records, run)
    for writer in (as_json, as_csv, as_junit, as_markdown, as_prometheus):
        assert "".join(writer(result))
    assert timeline.build(result, records)


def followed(records: Sequence[Record]) -> None:
    launch = FollowedLaunch()
    for record in records:
        launch.read(record)
    launch.result(None)
    launch.result("r-2")


def told(records: Sequence[Record]) -> None:
    assert list(history(records))
    for key in KEYS:
        own = [record for record in records if record.campaign == key]
        assert all([*decisions(records, key), *story(own), *sent(records, key)])


def approved(records: Sequence[Record]) -> None:
    found = proposals.as_journaled(proposals.find(records, PLANNED, "again"), records)
    approval.is_used(found, records)
    assert found.choice.selection.select == ()
    assert found.uncovered >= 0


READERS: tuple[Callable[[Sequence[Record]], object], ...] = (
    lambda records: reported(records, None),
    lambda records: reported(records, "r-1"),
    followed,
    told,
    fold,
    deliveries,
    stops,
    control.control_state_of,
    lambda records: recent_starts([records], "another", 0.0),
    lambda records: order_of(records, "r-2"),
    approved,
)


def read(changed: Record | None, records: Sequence[Record]) -> list[Exception]:
    """What the readers say of records as a ledger hands them out. Any other exception goes through.

    `changed` is the one that is not as it was written.
    """
    said: list[Exception] = []
    try:
        check_records([changed] if changed else [])
    except RecordDamaged as error:
        return [error]  # no reader gets to see them
    for reader in READERS:
        try:
            reader(records)
        except UNDERSTOOD as error:
            said.append(error)
    return said


def with_one(place: int, *others: Record) -> list[Record]:
    return [*JOURNAL[:place], *others, *JOURNAL[place + 1 :]]


def test_the_journal_has_every_kind_and_is_whole():
    assert SHAPES.keys() <= {one.kind for one in JOURNAL}
    check_records(JOURNAL)
    assert read(None, JOURNAL) == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_damaged_value_is_named_or_harmless(place):
    """Each part of a record's data, packed lists too, is taken away, or replaced by anything that JSON has."""
    record, found = JOURNAL[place], 0  # how many damages were named
    for what, data in damages(unpacked_data(record)):
        damaged = replace(record, data=packed_data(data))
        try:
            said = read(damaged, with_one(place, damaged))
        except Exception as error:
            raise AssertionError(f"{name_of(record)}{what}") from error
        damage = [str(one) for one in said if isinstance(one, RecordDamaged)]
        assert all(name_of(record) in one for one in damage), (what, damage)
        found += bool(damage)
    assert found


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_a_later_version_adds_is_left_alone(place):
    def added(value):
        if isinstance(value, dict):
            return {**{key: added(part) for key, part in value.items()}, "tomorrow": {"x": [1]}}
        return [added(part) for part in value] if isinstance(value, list) else value

    record = JOURNAL[place]
    # By keys of its own, a mapping has anything: these must not come to it.
    data = {key: part if key in BY_NAME else added(part) for key, part in unpacked_data(record).items()}
    later = replace(record, data=packed_data({**data, "tomorrow": {"x": [1]}}))

    assert read(later, with_one(place, later)) == []


BY_NAME = {"lane_stops", "budget", "held", "limits", "consoles", "fleet", "identity", "shown", "hours", "rows"}
MOVED = {
    "kind": ["", "tomorrow", "run", "plan", "end", "verdict", "follow", "late_verdict"],
    "campaign": ["", "@launch", "@r-1", "@r-3", KEYS[0]],
    "run_id": ["", "r-1", "r-3", "person:"],
    "attempt": [-1, 2, 10**30],
    "at": [1e10, float("nan")],
    "lane": ["x", "\ud800"],
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_record_of_another_name_or_place_ends_no_reader(place):
    record = JOURNAL[place]
    rest = with_one(place)
    named = [[replace(record, **{column: value})] for column, values in MOVED.items() for value in values]
    for others in ([], [record, record], *named):
        read(others[0] if others else None, with_one(place, *others))
    for number in range(0, len(JOURNAL), 20):
        read(None, [*rest[:number], record, *rest[number:]])


def test_a_kind_of_a_later_version_changes_no_outcome():
    later = [Record("spring", name, 1, "tomorrow", "r-9", 2e9, "", {"x": 1}) for name in ("@r-9", "@launch", KEYS[0])]

    check_records(later)
    assert read(None, [*JOURNAL, *later]) == []
    assert build([*JOURNAL, *later]).totals == build(JOURNAL).totals
