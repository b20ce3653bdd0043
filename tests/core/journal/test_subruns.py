"""A run of many hosts is reported as one: the parts' rows and budgets, and nothing told twice."""

import pytest

from orchestrator.core.journal.packing import packed, packed_value, unpacked
from orchestrator.core.journal.subruns import PART_OF, headers, is_open
from orchestrator.core.result import timeline
from orchestrator.core.result.build import build
from orchestrator.model import Record

LANE = "https://host a1"
START = ["acme", "s", "c", "", "rest", "start", None, None, ""]
HEADER = {"manifest": "m.yaml", "manifest_sha256": "0", "plan_sha256": "0", "host": "https://host", "ledger": "l",
          "warnings": []}  # fmt: skip


def skip(outcome, reason):
    return [*START[:5], "skip", outcome, reason, "words"]


def run(run_id, rows, *, end=None, **more):
    """The records of one run."""
    name = f"@{run_id}"
    lines = [("run", 0, {**HEADER, **more}), *(("plan", n, data) for n, data in enumerate(packed(rows)))]
    lines += [] if end is None else [("end", 0, end)]
    return [Record("spring", name, number, kind, run_id, 1.0, "", data) for kind, number, data in lines]


def moved(kind, run_id="p1", **data):
    return Record("spring", "s/c", 1, kind, run_id, 2.0, LANE, data)


def budget(calls, peak):
    seen = {"account": "acme", "limits": ["10/1s"], "calls": calls, "peak_in_window": [peak], "throttled": 1}
    return {"stop": None, "budget": {LANE: seen}, "waves": []}


FLEET = run("f", [START], fleet={})
END = Record("spring", "@f", 0, "end", "f", 9.0, "", {"stop": None, "budget": {}, "waves": []})
SENT = [moved("intent", deadline=3.0), moved("verdict", event="accepted", message="ok")]


@pytest.mark.parametrize("size", [0, 1, 1000, 2500])
def test_long_lists_come_back_from_their_records(size):
    items = [[n, "ü"] for n in range(size)]
    records = [Record("l", "@r", n, "plan", "r", 0.0, "", data) for n, data in enumerate(packed(items))]

    assert list(unpacked(records)) == items
    assert len(records) == -(-size // 1000)


def test_the_last_run_of_a_launch_is_the_one_a_person_began():
    records = [*FLEET, *run("p1", [START], **{PART_OF: "f"})]

    assert [record.run_id for record in headers(records)] == ["f"]
    assert build(records).run["run_id"] == "f"
    assert build(records, "p1").run["run_id"] == "p1"


def test_what_a_worker_found_is_the_runs_result():
    part = run("p1", [skip("skipped", "scheduled")], end=budget(3, 2), **{PART_OF: "f"})
    (campaign,) = build([*FLEET, *part, END], "f").campaigns

    assert (campaign.outcome, campaign.reason) == ("skipped", "scheduled")


def test_an_earlier_parts_start_is_started_not_already_started():
    first = run("p1", [START], **{PART_OF: "f"})
    second = run("p2", [skip("already_started", "journal")], end=budget(1, 1), **{PART_OF: "f"})
    (campaign,) = build([*FLEET, *first, *SENT, *second, END], "f").campaigns

    assert campaign.outcome == "started"


def test_what_an_earlier_run_started_is_already_started():
    before = [*run("old", [START]), *SENT]
    later = [*run("f", [skip("already_started", "journal")], fleet={}), END]
    (campaign,) = build([*before, *later], "f").campaigns

    assert campaign.outcome == "already_started"


def test_the_parts_budgets_are_added_up():
    parts = [*run("p1", [START], end=budget(20, 9), **{PART_OF: "f"}),
             *run("p2", [START], end=budget(12, 10), **{PART_OF: "f"}),
             *run("p3", [START], end=budget(10, 3), **{PART_OF: "f"}),
             *run("px", [START], end=budget(500, 50), **{PART_OF: "another"})]  # fmt: skip
    (seen,) = build([*FLEET, *parts, END], "f").budget.values()

    assert (seen["calls"], seen["peak_in_window"], seen["throttled"]) == (42, [10], 3)


def test_a_run_of_the_fleet_is_open_until_its_end_is_journaled():
    assert is_open(FLEET, "f")
    assert not is_open([*FLEET, END], "f")
    assert not is_open(run("plain", [START]), "plain")


def held(**why):
    return {"stop": None, "budget": {}, "waves": [], "held": packed_value({"s/c": list(why.values())} if why else {})}


def test_what_a_part_held_is_held_for_its_own_reason():
    part = run("p1", [START], end=held(reason="window", words="window day is closed"), **{PART_OF: "f"})
    (campaign,) = build([*FLEET, *part, END], "f").campaigns

    assert (campaign.outcome, campaign.reason, campaign.message) == ("held", "window", "window day is closed")


def test_what_each_part_held_stays_held():
    other = ["acme", "s", "d", *START[3:]]
    ends = [{**held(), "held": packed_value({f"s/{name}": ["window", f"held by {name}"]})} for name in "cd"]
    parts = [*run("p1", [START], end=ends[0], **{PART_OF: "f"}), *run("p2", [other], end=ends[1], **{PART_OF: "f"})]
    campaigns = build([*run("f", [START, other], fleet={}), *parts, END], "f").campaigns

    assert [campaign.message for campaign in campaigns] == ["held by c", "held by d"]


def test_a_later_part_that_took_a_held_campaign_over_has_the_say():
    parts = [*run("p1", [START], end=held(reason="changed", words="somebody changed it"), **{PART_OF: "f"}),
             *run("p2", [START], end=held(), **{PART_OF: "f"})]  # fmt: skip
    (campaign,) = build([*FLEET, *parts, END], "f").campaigns

    assert (campaign.outcome, campaign.message) == ("held", "its window is closed")


def test_the_last_suggestion_of_the_parts_is_the_runs():
    ends = [budget(1, 1), budget(1, 1), budget(1, 1)]
    ends[0]["budget"][LANE]["suggested"], ends[1]["budget"][LANE]["suggested"] = "9/1s", "7/1s"
    parts = [record for n, end in enumerate(ends) for record in run(f"p{n}", [START], end=end, **{PART_OF: "f"})]
    (seen,) = build([*FLEET, *parts, END], "f").budget.values()

    assert (seen["calls"], seen["suggested"]) == (3, "7/1s")


def test_a_part_that_went_well_is_no_success_of_the_launch():
    part = run("p1", [START], end=held(), **{PART_OF: "f"})

    assert build([*FLEET, *part, *SENT, *run("g", [START], fleet={})], "g").run["last_success_at"] is None


def test_the_parts_starts_are_on_the_runs_timeline():
    records = [*FLEET, *run("p1", [START], end=budget(1, 1), **{PART_OF: "f"}), *SENT, END]
    (account,) = timeline.build(build(records, "f"), records).accounts

    assert [attempt.key for attempt in account.attempts] == ["s/c"]
