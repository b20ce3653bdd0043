"""A run that is going on, in words: at a terminal and in a log."""

import pytest

from orchestrator.console.live import notice
from orchestrator.console.live_words import (
    clock_words,
    lanes_by_trouble,
    log_line,
    packed,
    screen,
    stopping_words,
    used_percent,
)
from orchestrator.console.progress import Phase, ProgressObserver
from orchestrator.core.gauge import LaneGauge, RunGauge
from orchestrator.model import Stop, StopReason
from tests.fakes import BASE, ManualClock

UNTIL = "2023-11-14T22:30:00.000Z"  # a thousand seconds after the clock's beginning
SIGINT = Stop(StopReason.SIGINT, "SIGINT received")


def observed(*events, expected=None, gauge=None, **options):
    clock = ManualClock()
    names = {"a": "north", "b": "south", "c": "west"}
    seen = [gauge or RunGauge()]
    progress = ProgressObserver("spring", names, clock, gauge=lambda: seen[0], **options)
    progress.begin(expected or {"a": 4, "b": 6})
    for name, fields in events:
        progress.event(name, **fields)
    return progress, clock


def done(outcome, lane="a", times=1):
    return [("campaign_done", {"campaign": "x", "outcome": outcome, "lane": lane, "message": ""})] * times


def text(rows):
    return ["".join(words for words, _ in row) for row in rows]


def holds(progress, gauge=None):
    return [(lane.name, words) for _, words, lane in lanes_by_trouble(progress, gauge or RunGauge(), progress.now())]


def test_started_unknown_failed_and_throttled_are_counted_apart():
    events = [*done("started", times=2), *done("unknown", "b"), *done("failed", "b"),
              ("lane_limited", {"lane": "b", "seconds": 23.0, "message": "slow down"})]  # fmt: skip
    progress, clock = observed(*events, ("wave_opened", {"wave": "rest", "campaigns": 10}))
    clock.at += 10
    assert log_line(progress) == (
        "progress: 4 of 10 campaigns; 2 started; 1 unknown; 1 failed; 1 throttled; 10 s elapsed; about 20 s left; "
        "wave rest; south: throttled, 13 s"
    )


def test_a_screen_has_the_facts_then_the_most_troubled_lanes():
    events = [*done("started", times=2), *done("unknown", "b"),
              ("lane_limited", {"lane": "b", "seconds": 23.0, "message": ""})]  # fmt: skip
    gauge = RunGauge(2, {"a": LaneGauge(3, 12), "b": LaneGauge(12, 12)})
    progress, _ = observed(*events, gauge=gauge)
    assert text(screen(progress, 110, 20)) == [
        "2 started, 1 unknown, 0 failed, 1 throttled, 0.0 s elapsed, 62 % of the rate limit used",
        "  south                          1/6  1 unknown  throttled, 23 s",
        "  north                          2/4",
    ]


@pytest.mark.parametrize(
    ("event", "gauge", "words"),
    [
        (("breaker_opened", {"lane": "b", "lost": 5}), LaneGauge(), "circuit breaker open"),
        (("lane_stopped", {"lane": "b", "message": "enough"}), LaneGauge(), "stopped: enough"),
        (("wave_baking", {"wave": "canary", "until": UNTIL}), LaneGauge(), "bakes, 16 min 40 s"),
        (("window_waiting", {"lane": "b", "window": "w", "until": UNTIL}), LaneGauge(), "window w opens 17:30 EST"),
        (("wave_opened", {"wave": "rest"}), LaneGauge(wants_connection=True), "waits for a connection"),
        (("wave_opened", {"wave": "rest"}), LaneGauge(free_at=BASE + 7.2), "next start in 8 s"),
        (("wave_opened", {"wave": "rest"}), LaneGauge(free_at=BASE + 9, is_limited=True), "throttled, 9 s"),
        (("wave_opened", {"wave": "rest"}), LaneGauge(free_at=float("inf")), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_lane_says_in_plain_words_why_it_waits(event, gauge, words):
    progress, _ = observed(event, zones={"w": "America/New_York"})
    assert ("south", words) in holds(progress, RunGauge(lanes={"b": gauge}))


def test_no_wait_is_shown_after_its_time():
    progress, clock = observed(
        ("window_waiting", {"lane": "a", "window": "late", "until": UNTIL}),
        ("wave_baking", {"wave": "canary", "until": UNTIL}),
        ("lane_limited", {"lane": "b", "seconds": 23.0, "message": ""}),
    )
    clock.at = BASE + 1000.0
    assert holds(progress) == [("north", ""), ("south", "")]


def test_a_closed_breaker_and_an_ended_pause_are_shown_no_longer():
    progress, _ = observed(
        ("breaker_opened", {"lane": "a", "lost": 5}), ("launch_paused", {"by": "ann", "reason": "lunch"})
    )
    assert "paused by ann: lunch" in log_line(progress)
    progress.event("breaker_closed", lane="a")
    progress.event("launch_unpaused")
    assert holds(progress) == [("north", ""), ("south", "")]
    assert "paused" not in log_line(progress)


def test_a_window_that_opens_in_days_names_the_day():
    assert clock_words(BASE + 90_000, BASE, "Europe/Berlin") == "Thu 00:13 CET"


def test_lanes_that_do_not_fit_are_totalled():
    expected = {f"lane-{n}": 10 for n in range(40)}
    progress, _ = observed(*done("started", "lane-39", 4), expected=expected)
    rows = text(screen(progress, 80, 10))
    assert len(rows) == 9
    assert rows[-1] == "  and 33 more accounts: 4/330 done"


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_row_is_never_wider_than_the_screen_and_cuts_no_number(width):
    events = [*done("started", times=1234), *done("unknown", "b", 1000)]
    progress, _ = observed(*events, expected={"a": 123_456, "b": 654_321})
    rows = text(screen(progress, width, 100))
    words = " ".join(rows).split()
    assert max(map(len, rows)) <= width
    assert {"1,234", "1,000", "1,234/123,456", "1,000/654,321"} <= set(words)


def test_preflight_shows_what_is_read_and_what_is_left():
    progress, clock = observed(
        ("preflight_begun", {"campaigns": 10_000}), gauge=RunGauge(1, {"a": LaneGauge(read=4000)})
    )
    progress.phase = Phase.PREFLIGHT
    clock.at += 40
    assert log_line(progress) == (
        "progress: 4,000 of 10,000 campaigns; preflight: reading the platform's state; nothing is started; "
        "40 s elapsed; about 1 min left"
    )


def test_preflight_says_that_it_waits_for_the_rate_limit():
    lanes = {"a": LaneGauge(free_at=BASE + 90), "b": LaneGauge(free_at=BASE + 70)}
    progress, clock = observed(("preflight_begun", {"campaigns": 10}), gauge=RunGauge(0, lanes))
    progress.phase = Phase.PREFLIGHT
    clock.at += 30

    assert "next call in 40 s, by the rate limit; 30 s elapsed" in log_line(progress)
    lanes["b"] = LaneGauge(read=5)
    assert "next call" not in log_line(progress)


def test_lost_answers_are_counted_until_their_probes_end():
    begun = [("probe_begun", {"campaign": key, "lane": "a"}) for key in ("s/1", "s/2")]
    progress, _ = observed(*begun)
    assert "2 lost answers being looked into" in log_line(progress)
    progress.event("probe_done", campaign="s/1", found=True, message="")
    assert "1 lost answer being looked into" in log_line(progress)


def test_a_run_that_stops_says_what_it_waits_for_and_how_long():
    assert stopping_words(SIGINT, 3, 29.3, can_stop_waiting=True) == (
        "SIGINT: no new start; waiting for 3 calls in flight, 30 s at most; press Ctrl-C again to stop "
        "waiting: the next run finds out what happened to them"
    )
    assert stopping_words(SIGINT, 1, 2.0, can_stop_waiting=False) == (
        "SIGINT: no new start; waiting for 1 call in flight, 2 s at most"
    )
    assert stopping_words(SIGINT, 0, 2.0, can_stop_waiting=True) == "SIGINT: no new start; no call is in flight"
    assert stopping_words(Stop(StopReason.RULE, "4 are unknown"), 1, 2.0, can_stop_waiting=True) == (
        "stopping (rule: 4 are unknown): no new start; waiting for 1 call in flight, 2 s at most"
    )


def test_the_time_at_most_runs_down_from_the_stop_on():
    stops = []
    progress, clock = observed(patience=30.0, stop=lambda: stops[0] if stops else None, gauge=RunGauge(2))
    clock.at += 100
    stops.append(SIGINT)
    log_line(progress)
    clock.at += 12
    assert "waiting for 2 calls in flight, 18 s at most" in log_line(progress)


def test_the_rate_limit_is_that_of_all_accounts_together():
    assert used_percent(RunGauge(0, {"a": LaneGauge(30, 60), "b": LaneGauge(60, 60), "c": LaneGauge()})) == 75


def test_a_text_longer_than_a_row_is_broken_between_words():
    assert text(packed([("one two three", ""), ("4", "")], 9)) == ["one two", "three, 4"]


def test_what_must_not_pass_unseen_is_a_sentence_above_the_view():
    progress, _ = observed()
    assert notice("lane_stopped", {"lane": "a", "reason": "limited", "message": "enough"}, progress) == (
        "account north has stopped: enough"
    )
    assert notice("campaign_done", {"lane": "a", "outcome": "started"}, progress) == ""


def waiting(zone="America/New_York"):
    progress, clock = observed(("start_waiting", {"until": "2023-11-15T14:00:00.000Z", "zone": zone}))
    progress.phase = Phase.WAITING
    return progress, clock


def test_a_wait_for_the_start_says_until_when_and_how_long():
    progress, clock = waiting()
    clock.at += 400 + 12 * 3600
    words = "waits until 09:00 New York time (14:00 UTC), 3 h 40 min"
    assert log_line(progress) == f"progress: {words}; nothing is started, and no account is held"
    assert text(screen(progress, 120, 20)) == [f"{words}, nothing is started, and no account is held"]


def test_a_pause_is_shown_while_the_start_is_waited_for():
    progress, _ = waiting("UTC")
    progress.event("launch_paused", by="ann", reason="look again")
    assert log_line(progress).endswith("no account is held; paused by ann: look again")
