"""What one reading or record changes about a delivery, and what it leaves as it was."""

import pytest

from orchestrator.core.delivery.delivery import Deliveries, deliveries
from orchestrator.core.delivery.readings import Reading, record_of, round_of
from orchestrator.core.journal.records import PlanRow, RunRecords
from orchestrator.model import LiveState, Record
from tests.core.delivery.builders import BEGUN, KEY, delivery, reading, records, round_at


def test_the_rate_counts_from_between_two_readings():
    rounds = [
        round_at(0, reading(0, sent=10)),
        round_at(500, reading(500, sent=110)),
        round_at(900, reading(900, sent=510)),
    ]

    # At 300 seconds 70 were sent: 440 in the last ten minutes.
    assert delivery(*rounds).per_minute == pytest.approx(44.0)


def test_the_rest_is_told_to_the_second():
    sent = [round_at(0, reading(0, sent=10)), round_at(60, reading(60, sent=70))]

    assert delivery(*sent, recipients={KEY: 190}).eta - BEGUN == pytest.approx(180, abs=0.01)
    assert delivery(*sent, recipients={KEY: 70}).eta - BEGUN == pytest.approx(60, abs=0.01)
    assert delivery(*sent, recipients={KEY: 60}).eta - BEGUN == pytest.approx(60, abs=0.01)


@pytest.mark.parametrize("instance", ["i1", None])
def test_the_same_figures_read_by_another_do_not_end_a_stall(instance):
    same = [records(round_at(at, reading(at, sent=7, instance=instance)), reader=f"f-{at}") for at in (0, 600)]
    found = deliveries([*same[0], *same[1]])[KEY]

    assert (found.stalled_for, found.ran_again) == (600, False)


@pytest.mark.parametrize(
    ("first", "second", "again"),
    [
        (("Active", 700, "i1"), ("Active", 900, "i2"), True),
        (("Active", 700, None), ("Active", 900, "i2"), False),
        (("Active", 700, "i1"), ("Active", 900, None), False),
        (("Active", 700, None), ("Stopped", 0, None), False),
    ],
)
def test_another_instance_is_another_run(first, second, again):
    found = delivery(round_at(0, reading(1, *first)), round_at(60, reading(61, *second)))

    assert (found.ran_again, found.sent) == (again, max(first[1], second[1]))


@pytest.mark.parametrize("status", ["Completed", "Stopped", "Paused", "Preparing", None])
def test_what_is_not_active_has_no_rate_and_no_stall(status):
    rounds = [round_at(0, reading(0, sent=7), hours={KEY: None}), round_at(60, reading(60, sent=70)),
              round_at(120, reading(120, status, 70)), round_at(9000)]  # fmt: skip
    found = delivery(*rounds, recipients={KEY: 100})

    assert (found.per_minute, found.eta, found.stalled_for, found.is_stalled) == (None, None, 0, False)
    assert (found.account, found.status) == ("acme", status or "")


def test_a_campaign_without_a_count_is_no_suspect():
    known = Deliveries()
    for record in records(round_at(0, reading(0, sent=None)), round_at(6000)):
        known.read(record)

    assert known.suspects("acme") == []


def test_after_a_clock_that_was_ahead_a_stall_counts_anew():
    ahead = records(round_at(3600, reading(3601, sent=9)), reader="f-1")
    behind = records(round_at(60, reading(61, sent=9)), round_at(120), reader="f-2")

    assert deliveries([*ahead, *behind])[KEY].stalled_for == 59


def after_a_stop(*read, event="stopped"):
    make = RunRecords("spring", "r-1", lambda: BEGUN + 90)
    intent = make.stop_intent(KEY, 1, "lane", by="ann", reason="a wrong text")
    return deliveries([*records(*read), intent, make.stop_reply(KEY, 1, "lane", event=event, message="")])


def test_what_was_stopped_from_here_is_stopped_before_it_is_read():
    found = after_a_stop(round_at(0, reading(1, sent=7)))[KEY]

    assert (found.state, found.status, found.sent, found.read_at) == ("stopped", "Stopped", 7, BEGUN + 90)


def test_a_stop_that_was_refused_stops_nothing():
    assert after_a_stop(round_at(0, reading(1, sent=7)), event="not_stopped")[KEY].state == "active"


def test_a_stop_changes_nothing_about_what_had_ended():
    assert after_a_stop(round_at(0, reading(1, "Completed", 7)))[KEY].state == "completed"
    assert after_a_stop() == {}


def test_recipients_that_are_known_are_not_forgotten():
    make = RunRecords("spring", "r-1", lambda: BEGUN)
    row = PlanRow("acme", "s", "c0", "", "rest", "start", None, None, "", "", 100)
    first, second = (list(make.plan([one])) for one in (row, row._replace(campaign="c1", recipients=None)))
    unknown = make.intent(KEY, 1, "lane", deadline=BEGUN + 30, baseline=None)
    read = records(round_at(0, *(reading(1, key=f"s/c{n}") for n in range(2))))

    found = deliveries([*first, *second, unknown, *read], {"s/c1": 50})
    assert [found[f"s/c{n}"].recipients for n in range(2)] == [100, 50]


def test_a_record_of_a_round_stands_under_the_name_of_its_reader():
    done = round_at(5, reading(6.2345678, sent=3))
    made = record_of(done, "spring", "f-1", 4, BEGUN + 9)

    assert made == Record("spring", "@f-1", 4, "follow", "f-1", BEGUN + 9, "", made.data)
    assert round_of(made).readings[0].at == BEGUN + 6.235  # to the millisecond


def test_a_reading_is_what_a_list_says():
    live = LiveState("Active", messages_sent=7, instance_id="i1")

    assert Reading.of(KEY, BEGUN, live) == (KEY, BEGUN, "Active", 7, "i1")
