from orchestrator.console.deliveries import as_json, line_of, screen, text
from orchestrator.core.delivery.goal import Followed, Goal
from orchestrator.model import CallingHours
from tests.core.delivery.builders import KEY, delivery, reading, round_at

ACTIVE = delivery(
    round_at(0, reading(0, sent=0)), round_at(60, reading(60, sent=3000)), recipients={KEY: 9000}
)  # 2026-05-28 20:26:40 UTC
STALLED = delivery(round_at(0, reading(0, sent=7), hours={KEY: None}), round_at(900))
PAUSED = delivery(round_at(0, reading(0, "Paused", 40)), recipients={KEY: 50})
DONE = delivery(round_at(0, reading(0, "Completed", 50)), recipients={KEY: 50})
GONE = delivery(round_at(0, reading(0, sent=5)), round_at(60, reading(60, None, None, None)))


def followed(**deliveries):
    found = {f"s/{name}": one for name, one in deliveries.items()}
    return Followed("spring", Goal(), tuple(found), found, {"s/x": "the manifest no longer names it"}, timed_out=True)


def test_a_campaign_in_a_line():
    assert line_of(KEY, ACTIVE) == "s/c0: active, 3,000 of 9,000 sent, 3,000.0 a minute, ends about 20:29 UTC"
    assert line_of(KEY, STALLED) == "s/c0: active, 7 sent, STALLED for 15 min"
    assert line_of(KEY, GONE) == "s/c0: gone, 5 sent"
    assert line_of(KEY, None) == "s/c0: not read yet"
    odd = delivery(round_at(0, reading(0, "Prep\x1b[31maring", None, None)))
    assert line_of(KEY, odd).startswith("s/c0: is Prep")
    assert "\x1b" not in line_of(KEY, odd)


def test_an_end_on_another_day_is_named_with_its_day():
    slow = delivery(round_at(0, reading(0, sent=0)), round_at(60, reading(60, sent=1)), recipients={KEY: 1441})

    assert line_of(KEY, slow) == "s/c0: active, 1 of 1,441 sent, 1.0 a minute, ends about Fri 29 May 20:27 UTC"


def test_the_result_names_what_has_not_arrived_worst_first():
    printed = text(
        followed(a=DONE, b=ACTIVE, c=STALLED, d=PAUSED, e=GONE),
        "sqlite:///.orchestrator/ledger.db",
        {"s/c": "Renewal Concord"},
    )

    assert printed.splitlines() == [
        "launch spring: 2 active (1 stalled), 1 completed, 1 paused, 1 gone; 3,102 messages sent",
        "  s/e: gone, 5 sent",
        "  s/d: paused, 40 of 50 sent",
        "  Renewal Concord (s/c): active, 7 sent, STALLED for 15 min",
        "  s/b: active, 3,000 of 9,000 sent, 3,000.0 a minute, ends about 20:29 UTC",
        "  s/x: not followed, because the manifest no longer names it",
        "the time was up",
        "next: python -m orchestrator follow spring",
    ]


def test_sums_are_made_only_where_every_part_is_known():
    known, unknown = followed(a=DONE, b=PAUSED), followed(a=DONE, c=STALLED)

    assert (as_json(known)["sent"], as_json(known)["recipients"]) == (90, 100)
    assert (as_json(unknown)["sent"], as_json(unknown)["recipients"]) == (57, None)
    assert "90 messages sent, for 100 recipients" in text(known, "sqlite:///x.db", {})


def test_the_live_view_has_the_accounts_and_the_worst_campaigns():
    lines = screen(
        {"acme": {"s/a": DONE, "s/b": PAUSED}, "beta": {f"t/{n}": STALLED for n in range(9)}}, {"s/b": "Spring"}
    )

    assert lines[:3] == [
        "account acme: 1 completed, 1 paused; 90 messages sent, for 100 recipients",
        "account beta: 9 active (9 stalled); 63 messages sent",
        "  Spring: paused, 40 of 50 sent",
    ]
    assert len(lines) == 2 + 5


def test_hours_that_are_closed_are_no_stall_in_words():
    closed = CallingHours("UTC", (("mon", "09:00", "09:01"),))
    asleep = delivery(round_at(0, reading(0, sent=7), hours={KEY: closed}), round_at(900))

    assert line_of(KEY, asleep) == "s/c0: active, 7 sent, 0.0 a minute"


def test_what_is_not_followed_any_longer_is_in_no_figure():
    gone = Followed("spring", Goal(), ("s/a",), {"s/a": DONE, "s/b": DONE}, {"s/b": "the manifest no longer names it"})
    found = as_json(gone)

    assert (found["totals"]["completed"], found["sent"], found["recipients"]) == (1, 50, 50)
    assert "1 completed; 50 messages sent, for 50 recipients" in text(gone, "sqlite:///x.db", {})


def test_no_sum_leaves_out_what_was_not_read():
    some = Followed("spring", Goal(), ("s/a", "s/b"), {"s/a": DONE}, {}, timed_out=True)
    found = as_json(some)

    assert (found["sent"], found["recipients"]) == (None, None)
    assert text(some, "sqlite:///x.db", {}).splitlines()[:2] == [
        "launch spring: 1 completed, 1 not read yet",
        "  s/b: not read yet",
    ]
