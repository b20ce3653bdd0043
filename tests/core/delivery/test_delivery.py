from dataclasses import replace

import pytest

from orchestrator.core.delivery.delivery import Deliveries, DeliveryState, deliveries
from orchestrator.core.delivery.readings import round_of
from orchestrator.core.journal.records import PlanRow, RunRecords
from orchestrator.model import CallingHours
from tests.core.delivery.builders import BEGUN, KEY, delivery, reading, records, round_at


def test_what_was_read_last_is_what_is_told():
    found = delivery(round_at(0, reading(1, sent=10)), round_at(60, reading(61, sent=70)), recipients={KEY: 190})

    assert (found.state, found.sent, found.recipients, found.read_at) == ("active", 70, 190, BEGUN + 61)
    assert found.per_minute == pytest.approx(60.0)
    assert found.eta == pytest.approx(BEGUN + 61 + 120)


def test_an_unknown_number_of_recipients_is_no_number():
    found = delivery(round_at(0, reading(1, sent=10)))

    assert (found.recipients, found.share, found.eta, found.per_minute) == (None, None, None, None)


def test_recipients_are_those_of_the_plan_and_of_the_last_intent():
    make = RunRecords("spring", "r-1", lambda: BEGUN)
    row = PlanRow("acme", "s", "c0", "", "rest", "start", None, None, "", "", 100)
    plan = list(make.plan([row, row._replace(campaign="c1", recipients=None), row._replace(campaign="c2")]))
    intent = make.intent("s/c2", 1, "lane", deadline=BEGUN + 30, baseline=None, recipients=90)
    read = records(round_at(0, *(reading(1, key=f"s/c{n}") for n in range(3))))

    found = deliveries([*plan, intent, *read])
    assert [found[f"s/c{n}"].recipients for n in range(3)] == [100, None, 90]


def started_from(status):
    """A campaign whose start, by its intent, found it in this state, of the instance i0."""
    make, found = RunRecords("spring", "r-1", lambda: BEGUN), Deliveries()
    found.read(make.intent(KEY, 1, "lane", deadline=BEGUN + 30, baseline={"status": status, "instance": "i0"}))
    return found


def test_what_a_list_showed_before_the_start_is_no_news():
    found, old, new = started_from("Completed"), reading(1, "Completed", instance="i0"), reading(2, "Completed")

    assert found.news([old, new]) == [new]
    found.add(round_at(0, new), "f-1", BEGUN)
    assert found.news([old]) == []


def test_a_campaign_paused_again_after_its_resumption_is_news():
    found, paused, active = started_from("Paused"), reading(9, "Paused", instance="i0"), reading(1, instance="i0")

    assert found.news([paused]) == []
    found.add(round_at(0, active), "f-1", BEGUN)
    assert found.news([paused]) == [paused]


def test_a_start_from_a_campaign_that_never_ran_hides_nothing():
    make, found = RunRecords("spring", "r-1", lambda: BEGUN), Deliveries()
    found.read(make.intent(KEY, 1, "lane", deadline=BEGUN + 30, baseline={"status": "Ready", "instance": None}))
    ready = reading(1, "Ready", instance=None)

    assert found.news([ready]) == [ready]


def test_no_count_is_not_zero():
    found = delivery(round_at(0, reading(1, sent=None)), round_at(3600))

    assert (found.sent, found.per_minute, found.stalled_for, found.is_stalled) == (None, None, None, False)


def test_what_did_not_change_is_read_all_the_same():
    found = delivery(round_at(0, reading(1, sent=10)), round_at(60), round_at(120))

    assert (found.read_at, found.per_minute, found.stalled_for) == (BEGUN + 120, 0.0, 119)


def test_what_was_left_unread_is_not_read():
    found = delivery(round_at(0, reading(1, sent=10)), round_at(60), round_at(120, unread=[KEY]))

    assert found.read_at == BEGUN + 60


def test_what_another_reader_does_not_know_it_has_not_read():
    first = records(round_at(0, reading(1, sent=10)))
    other = records(round_at(600, reading(601, key="s/c1")), round_at(660), reader="f-2")

    found = deliveries([*first, *other])

    assert (found[KEY].read_at, found["s/c1"].read_at) == (BEGUN + 1, BEGUN + 660)


def test_the_rate_is_that_of_the_last_ten_minutes():
    rounds = [round_at(60 * n, reading(60 * n, sent=600 * min(n, 20) + max(0, n - 20) * 6)) for n in range(41)]

    assert delivery(*rounds).per_minute == pytest.approx(6.0)


def test_after_a_standstill_the_rate_is_that_of_now():
    rounds = [round_at(0, reading(0, sent=0)), *(round_at(60 * n) for n in range(1, 60)),
              round_at(3600, reading(3600, sent=60))]  # fmt: skip

    assert delivery(*rounds).per_minute == pytest.approx(6.0)  # 60 in the last ten minutes, and not in an hour


@pytest.mark.parametrize(
    ("status", "state"),
    [("Active", "active"), ("COMPLETED", "completed"), ("Stopped", "stopped"), ("Paused", "paused"), (None, "gone"),
     ("Preparing", "other"), ("Gone", "other"), ("Other", "other"), ("", "other")],
)  # fmt: skip
def test_each_word_of_the_platform_has_a_state(status, state):
    found = delivery(round_at(0, reading(1, status)))

    assert (found.state, found.has_ended) == (state, state in {"completed", "stopped", "paused", "gone"})


@pytest.mark.parametrize("last", [reading(61, "Stopped", 0), reading(61, "Stopped", None, None), reading(61, None)])
def test_the_count_of_what_was_stopped_or_is_gone_stays(last):
    found = delivery(round_at(0, reading(1, sent=700)), round_at(60, last))

    assert (found.sent, found.instance_id, found.ran_again) == (700, "i1", False)


def test_figures_of_a_campaign_that_ran_again_begin_anew():
    rounds = [round_at(0, reading(1, sent=700)), round_at(60, reading(61, sent=5, instance="i2")),
              round_at(120, reading(121, sent=15, instance="i2"))]  # fmt: skip
    found = delivery(*rounds)

    assert (found.sent, found.instance_id, found.ran_again) == (15, "i2", True)
    assert found.per_minute == pytest.approx(10.0)


def test_a_count_that_falls_is_another_run_without_an_id_too():
    found = delivery(round_at(0, reading(1, sent=700, instance=None)), round_at(60, reading(61, sent=5, instance=None)))

    assert (found.sent, found.ran_again, found.per_minute) == (5, True, None)


# Stalls.

OPEN_9_TO_17 = CallingHours("UTC", tuple((day, "09:00", "17:00") for day in ("mon", "tue", "wed", "thu", "fri")))
MIDNIGHT = 1_780_012_800.0 - BEGUN  # Friday 2026-05-29 00:00 UTC


def standing_still(since, until, hours, every=600):
    return [
        round_at(since, reading(since, sent=7), hours={KEY: hours}),
        *(round_at(at) for at in range(int(since + every), int(until + 1), every)),
    ]


def test_ten_minutes_without_a_message_are_a_stall():
    assert not delivery(*standing_still(0, 599, None, every=599)).is_stalled
    assert delivery(*standing_still(0, 600, None)).is_stalled


def test_hours_that_nobody_asked_for_are_no_alarm_yet():
    known = Deliveries()
    for record in records(round_at(0, reading(0, sent=7)), round_at(600)):
        known.read(record)

    assert (known.of(KEY).stalled_for, known.of(KEY).is_stalled) == (600, False)
    assert known.suspects("acme") == [KEY]
    known.add(round_at(660, hours={KEY: None}), "f-1", BEGUN + 660)
    assert known.of(KEY).is_stalled
    assert known.suspects("acme") == []


def test_outside_of_its_calling_hours_nothing_stalls():
    night = delivery(*standing_still(MIDNIGHT, MIDNIGHT + 8 * 3600, OPEN_9_TO_17))

    assert (night.stalled_for, night.is_stalled) == (0, False)


def test_a_night_does_not_count_between_two_days():
    # 16:55 to 9:04 on the next day: nine minutes of open hours; Thursday to Friday.
    evening = MIDNIGHT - 7 * 3600 - 300
    morning = MIDNIGHT + 9 * 3600 + 240

    found = delivery(*standing_still(evening, morning, OPEN_9_TO_17, every=60))
    assert (found.stalled_for, found.is_stalled) == (540, False)
    assert delivery(*standing_still(evening, morning + 60, OPEN_9_TO_17, every=60)).is_stalled


def test_hours_that_cannot_be_understood_hide_no_stall():
    assert delivery(*standing_still(0, 600, CallingHours("Atlantis/City", (("mon", "09:00", "17:00"),)))).is_stalled


def test_a_resumed_campaign_has_not_stalled_while_it_was_paused():
    rounds = [round_at(0, reading(0, sent=7), hours={KEY: None}), round_at(60, reading(60, "Paused", 7)),
              round_at(7200, reading(7200, sent=7)), round_at(7260)]  # fmt: skip

    assert delivery(*rounds).stalled_for == 60


# Records.


def test_a_round_is_read_back_as_it_was_written():
    done = round_at(
        5, reading(6.25, sent=3), reading(7.5, None, None, None, "s/c2"), unread=["s/c1"],
        hours={KEY: OPEN_9_TO_17, "s/c2": None}, stalled_after=90.0,
    )  # fmt: skip

    assert round_of(records(done)[0]) == done


def test_only_what_changed_for_this_reader_is_to_be_journaled():
    known = Deliveries()
    known.add(round_at(0, reading(1, "Stopped", 0)), "f-1", BEGUN)

    assert known.is_same(reading(61, "Stopped", 0), "f-1")
    assert not known.is_same(reading(61, "Stopped", 0), "f-2")
    assert not known.is_same(reading(61, "Active", 0), "f-1")


def test_a_delivery_as_json_has_no_invented_figures():
    found = delivery(round_at(0, reading(1.5, sent=10))).as_json

    assert found == {
        "state": "active", "status": "Active", "sent": 10, "recipients": None, "per_minute": None, "stalled_for": 0,
        "is_stalled": False, "eta": None, "read_at": "2026-05-28T20:26:41.500Z", "instance_id": "i1",
        "ran_again": False,
    }  # fmt: skip
    assert set(found) >= {"state", "sent", "recipients", "per_minute", "stalled_for", "eta"}
    assert DeliveryState.GONE.value == "gone"


def test_what_is_stalled_has_no_time_at_which_it_ends():
    known = Deliveries({KEY: 100})
    for one in (round_at(0, reading(0, sent=0)), round_at(60, reading(60, sent=40)), round_at(120, hours={KEY: None})):
        known.add(replace(one, stalled_after=30.0), "f-1", one.began)

    assert (known.of(KEY).is_stalled, known.of(KEY).per_minute, known.of(KEY).eta) == (True, 20.0, None)


def test_a_message_an_hour_foretells_nothing_for_millions():
    slow = [round_at(at, reading(at, sent=sent)) for at, sent in ((0, 0), (3600, 1))]

    assert delivery(*slow, recipients={KEY: 10**9}).eta is None
    assert delivery(*slow, recipients={KEY: 100}).eta is not None


def test_a_reading_under_a_clock_that_was_ahead_gives_way():
    ahead = records(round_at(3600, reading(3601, "Completed", 9)), reader="f-1")
    behind = records(round_at(60, reading(61, "Stopped", 0)), round_at(120, reading(121, "Stopped", 0)), reader="f-2")
    found = deliveries([*ahead, *behind])[KEY]

    assert (found.state, found.sent) == (DeliveryState.STOPPED, 9)
    assert found.read_at == BEGUN + 121


def test_an_older_reading_of_a_second_follower_is_no_news():
    first = records(round_at(0, reading(5, sent=9)), reader="f-1")
    second = [replace(one, at=BEGUN + 6) for one in records(round_at(0, reading(2, sent=4)), reader="f-2")]

    assert deliveries([*first, *second])[KEY].sent == 9
