"""What a person sees while a run waits."""

from orchestrator.console.progress import ProgressObserver
from tests.fakes import BASE, ManualClock

UNTIL = "2023-11-14T22:30:00.000Z"  # a thousand seconds after the clock's beginning


def observed(*events):
    clock = ManualClock()
    progress = ProgressObserver({"a": 2, "b": 3}, clock)
    for name, fields in events:
        progress.event(name, **fields)
    return progress, clock


def test_the_line_names_the_wave():
    progress, _ = observed(("wave_opened", {"wave": "canary", "campaigns": 2}))
    assert progress.line().endswith("; wave canary")


def test_a_window_is_shown_with_the_time_it_opens_until_it_has():
    waiting = {"lane": "a", "window": "late", "campaigns": 2, "until": UNTIL}
    progress, clock = observed(("wave_opened", {"wave": "rest"}), ("window_waiting", waiting))
    assert progress.line().endswith(f"; wave rest, window late opens {UNTIL}")
    assert progress.status("b") == "wave rest"
    clock.at = BASE + 1000.0
    assert progress.status("a") == "wave rest"


def test_two_lanes_that_wait_for_one_window_say_so_once():
    waits = [("window_waiting", {"lane": lane, "window": "late", "campaigns": 1, "until": UNTIL}) for lane in "ab"]
    progress, _ = observed(("wave_opened", {"wave": "rest"}), *waits)
    assert progress.status() == f"wave rest, window late opens {UNTIL}"


def test_a_bake_is_shown_in_every_lane():
    progress, _ = observed(("wave_opened", {"wave": "canary"}), ("wave_baking", {"wave": "canary", "until": UNTIL}))
    assert progress.status("a") == progress.status("b") == f"wave canary, bakes until {UNTIL}"


def test_a_held_lane_is_shown_until_its_breaker_closes():
    progress, _ = observed(("wave_opened", {"wave": "rest"}), ("breaker_opened", {"lane": "a", "lost": 5}))
    assert progress.status("a") == "wave rest, starts get lost: held"
    assert progress.status("b") == "wave rest"
    progress.event("breaker_closed", lane="a")
    assert progress.status("a") == "wave rest"
