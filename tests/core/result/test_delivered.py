import pytest

from orchestrator.core.delivery.readings import record_of
from orchestrator.core.result.build import build
from orchestrator.core.result.delivered import delivered_sentence
from orchestrator.core.result.followed import FollowedLaunch
from orchestrator.core.result.table import COLUMNS, cells
from tests.core.builders import end, header, plan_records, record, starts
from tests.core.delivery.builders import BEGUN, reading, round_at

KEYS = ["st-1/cd-1", "st-1/cd-2", "st-1/cd-3", "st-1/cd-4"]
RECIPIENTS = [100, None, 50, 10]


def started():
    """A run that started four campaigns, one of them for an unknown number of people."""
    moves = [
        one
        for key, recipients in zip(KEYS, RECIPIENTS, strict=True)
        for one in (
            record("intent", 1, 101.0, key, deadline=130.0, baseline=None, recipients=recipients),
            record("verdict", 1, 102.0, key, event="accepted", message="HTTP 200: Active", sent_at=101.5),
        )
    ]
    return [header(), *plan_records(starts("cd-1", "cd-2", "cd-3", "cd-4")), *moves, end()]


def followed():
    """The same, followed twice: one is sent, one of unknown size sends, one stalls, one was never read."""
    rounds = [
        round_at(0, reading(0, sent=0, key=KEYS[0]), reading(0, sent=0, key=KEYS[1]), reading(0, sent=5, key=KEYS[2])),
        round_at(
            1200,
            reading(1200, "Completed", 100, key=KEYS[0]),
            reading(1200, sent=40, key=KEYS[1]),
            hours={KEYS[2]: None},
        ),
    ]
    return [*started(), *(record_of(one, "spring", "f-1", n, one.began) for n, one in enumerate(rounds, start=1))]


def test_nobody_followed_it_so_nothing_is_known_of_it():
    result = build(started())

    assert result.delivery is None
    assert [one.delivery for one in result.campaigns] == [None] * 4
    assert result.as_json()["delivery"] is None


def test_each_campaign_has_its_newest_reading():
    found = build(followed()).campaigns

    assert [one.delivery and (one.delivery["state"], one.delivery["sent"], one.delivery["recipients"])
            for one in found] == [("completed", 100, 100), ("active", 40, None), ("active", 5, 50), None]  # fmt: skip
    assert found[2].delivery == {
        "state": "active", "sent": 5, "recipients": 50, "per_minute": 0.0, "stalled_for_s": 1200, "is_stalled": True,
        "eta": None, "read_at": "2026-05-28T20:46:40.000Z",
    }  # fmt: skip
    assert found[1].delivery["eta"] is None


def test_the_sums_are_of_the_campaigns_that_were_read():
    delivery = build(followed()).delivery
    accounts = delivery.pop("accounts")

    assert delivery == {
        "campaigns": 3, "stalled": 1, "sent": 145, "sent_unknown": 0, "recipients": 150, "recipients_unknown": 1,
        "states": {"active": 2, "completed": 1, "stopped": 0, "paused": 0, "gone": 0, "other": 0},
        "read_at": "2026-05-28T20:46:40.000Z",
    }  # fmt: skip
    assert accounts == {"acme": delivery}


def test_each_unknown_and_each_stall_counts():
    still = [reading(0, sent=5, key=key) for key in KEYS[:2]]
    rounds = [round_at(0, *still, reading(0, sent=None, key=KEYS[2]), reading(0, sent=None, key=KEYS[3])),
              round_at(1200, hours=dict.fromkeys(KEYS))]  # fmt: skip
    records = [*started(), *(record_of(one, "spring", "f-1", n, one.began) for n, one in enumerate(rounds, start=1))]
    delivery = build(records).delivery

    assert (delivery["stalled"], delivery["sent"], delivery["sent_unknown"]) == (2, 10, 2)


def test_what_is_unknown_of_all_is_no_number():
    records = [*started(), record_of(round_at(0, reading(0, sent=None, key=KEYS[1])), "spring", "f-1", 1, BEGUN)]

    assert [build(records).delivery[name] for name in ("sent", "sent_unknown", "recipients", "recipients_unknown")] == [
        None, 1, None, 1,
    ]  # fmt: skip


def test_a_stop_by_hand_keeps_what_had_been_sent():
    stopped = record("stop_reply", 2, BEGUN + 1300, KEYS[1], event="stopped")
    found = build([*followed(), stopped]).campaigns[1].delivery

    assert (found["state"], found["sent"]) == ("stopped", 40)


def test_a_followed_launch_has_the_same_as_all_its_records():
    launch, records = FollowedLaunch(), followed()
    for number, one in enumerate(records):
        launch.read(one)
        if number > 2:
            assert launch.result(None) == build(records[: number + 1])
    assert launch.result(None).delivery is not None


def test_a_table_has_a_column_for_each_figure():
    rows = [dict(zip(COLUMNS, cells(one), strict=True)) for one in build(followed()).campaigns]

    assert [row["delivery_state"] for row in rows] == ["completed", "active", "active", None]
    assert [row["delivery_stalled_for_s"] for row in rows] == [0, 0, 1200, None]
    assert [row["recipients"] for row in rows] == RECIPIENTS
    assert "delivery_recipients" not in COLUMNS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "145 messages sent, for 150 recipients (1 campaign unknown); 2 active (1 stalled), 1 completed"),
        ({"stalled": 0, "recipients_unknown": 0}, "145 messages sent, for 150 recipients; 2 active, 1 completed"),
        ({"sent": None, "recipients": None}, "an unknown number of messages sent; 2 active (1 stalled), 1 completed"),
        (
            {"sent": 1, "sent_unknown": 2, "recipients": 0, "recipients_unknown": 0},
            "1 message (2 campaigns unknown) sent, for 0 recipients; 2 active (1 stalled), 1 completed",
        ),
    ],
)
def test_a_delivery_in_one_sentence(changes, words):
    assert delivered_sentence({**build(followed()).delivery, **changes}) == words


def test_a_rate_is_told_to_a_tenth_and_an_end_to_the_millisecond():
    key = KEYS[0]
    rounds = [round_at(0, reading(0, sent=0, key=key)), round_at(90, reading(90, sent=10, key=key))]
    records = [*started(), *(record_of(one, "spring", "f-1", n, one.began) for n, one in enumerate(rounds, start=1))]
    delivery = build(records).campaigns[0].delivery

    # 10 in 90 seconds; 90 more take 810.
    assert (delivery["per_minute"], delivery["eta"]) == (6.7, "2026-05-28T20:41:40.000Z")


def test_a_campaign_without_a_count_has_no_stall():
    records = [*started(), record_of(round_at(0, reading(0, sent=None, key=KEYS[0])), "spring", "f-1", 1, BEGUN)]
    assert build(records).campaigns[0].delivery["stalled_for_s"] is None
