import math

import pytest

from orchestrator.core.rules.pacing import Pacer, arrived_by
from orchestrator.model import Fault, Progress, Window
from tests.core.builders import reply

MARGIN = 0.1  # what drift and the server's milliseconds may cost a minute


def call(pacer, leave, reply):
    pacer.reserve(leave)
    pacer.release(reply)


@pytest.mark.parametrize(
    ("answer", "latest"),
    [
        (reply(200), 500.0),
        (None, 530.0),  # nobody waits for its answer any more
        (Fault(Progress.UNSENT, "refused", None, 0.1), 500.0),
        (Fault(Progress.UNSENT, "refused", 490.0, 0.1), 500.0),
        (Fault(Progress.SENDING, "no answer", 490.0, 10.0), 520.0),
        (Fault(Progress.SENDING, "no answer", None, 10.0), 500.0),
        (Fault(Progress.ANSWERED, "cut off", 490.0, 10.0, 200), 500.0),
    ],
)
def test_a_call_has_arrived_by_its_answer_or_else_by_its_timeout(answer, latest):
    assert arrived_by(answer, 500.0, 30.0) == latest


def test_the_first_calls_of_a_window_leave_at_once():
    pacer = Pacer((Window(2, 60.0),))
    assert pacer.wait(0.0) == 0.0
    pacer.reserve(0.0)
    assert pacer.wait(0.0) == 0.0


def test_a_full_window_of_open_calls_waits_for_a_release():
    pacer = Pacer((Window(2, 60.0),))
    pacer.reserve(0.0)
    pacer.reserve(0.0)
    assert pacer.wait(1e9) == math.inf
    pacer.release(10.0)
    assert pacer.wait(10.0) == pytest.approx(60.0, abs=MARGIN)


def test_a_slot_is_held_from_the_reply_and_not_from_the_leave():
    pacer = Pacer((Window(1, 60.0),))
    call(pacer, 0.0, 25.0)
    assert pacer.wait(60.0) == pytest.approx(25.0, abs=MARGIN)
    assert pacer.wait(85.0 + MARGIN) == 0.0


def test_a_slot_outlasts_the_window_by_drift_and_milliseconds():
    pacer = Pacer((Window(1, 60.0),))
    call(pacer, 0.0, 0.0)
    assert 60.03 < pacer.wait(0.0) <= 60.0 + MARGIN


def test_every_window_holds_and_the_longest_wait_counts():
    pacer = Pacer((Window(3, 60.0), Window(1, 10.0)))
    call(pacer, 0.0, 0.0)
    assert pacer.wait(0.0) == pytest.approx(10.0, abs=MARGIN)
    call(pacer, 10.1, 10.1)
    call(pacer, 20.2, 20.2)
    assert pacer.wait(20.2) == pytest.approx(39.8, abs=MARGIN)


def test_without_windows_nothing_waits():
    pacer = Pacer(())
    for at in range(1000):
        call(pacer, float(at), float(at))
    assert pacer.wait(1000.0) == 0.0
    assert pacer.longest == 60.0
    assert pacer.recent(1000.0) == []
    assert pacer.snapshot().peaks == ()


def test_a_call_that_may_not_leave_takes_no_slot():
    pacer = Pacer((Window(1, 60.0),))
    pacer.reserve(0.0)
    before = pacer.snapshot()
    with pytest.raises(ValueError, match=r"^no slot is free at this time$"):
        pacer.reserve(0.0)
    assert pacer.snapshot() == before


def test_a_release_without_an_open_call_is_refused():
    with pytest.raises(ValueError, match=r"^no call is open$"):
        Pacer((Window(1, 60.0),)).release(0.0)


def test_a_reply_given_as_a_later_time_holds_the_slot_from_there():
    pacer = Pacer((Window(1, 60.0),))
    call(pacer, 0.0, 30.0)  # disconnected after the first byte: it may arrive until the timeout
    assert pacer.wait(1.0) == pytest.approx(89.0, abs=MARGIN)


def test_replies_may_come_out_of_order():
    pacer = Pacer((Window(2, 60.0),))
    pacer.reserve(0.0)
    pacer.reserve(0.0)
    pacer.release(20.0)
    pacer.release(5.0)
    assert pacer.wait(20.0) == pytest.approx(45.0, abs=MARGIN)


def test_a_pause_holds_back_everything_until_its_end():
    pacer = Pacer((Window(5, 60.0),))
    pacer.limited(0.0, 42.0)
    assert pacer.wait(2.0) == 40.0
    with pytest.raises(ValueError, match="no slot"):
        pacer.reserve(41.9)
    pacer.reserve(42.0)


def test_a_shorter_pause_does_not_end_a_longer_one():
    pacer = Pacer(())
    pacer.limited(0.0, 42.0)
    pacer.limited(0.0, 10.0)
    assert pacer.wait(0.0) == 42.0
    assert pacer.snapshot().throttled == 2
    assert pacer.snapshot().paused_until == 42.0


def test_a_pause_does_not_shorten_the_wait_for_a_window():
    pacer = Pacer((Window(1, 60.0),))
    call(pacer, 0.0, 0.0)
    pacer.limited(0.0, 5.0)
    assert pacer.wait(0.0) > 60.0


def test_after_a_fill_nothing_leaves_for_the_longest_window():
    pacer = Pacer((Window(50, 60.0), Window(10, 10.0)))
    pacer.fill(100.0)
    assert pacer.wait(100.0) == pytest.approx(60.0, abs=MARGIN)
    assert pacer.wait(160.0 + MARGIN) == 0.0
    assert pacer.snapshot().calls == 0


def test_a_fill_without_windows_changes_nothing():
    pacer = Pacer(())
    pacer.fill(100.0)
    assert pacer.wait(100.0) == 0.0
    assert pacer.recent(0.0) == []


def test_without_windows_nothing_that_is_over_is_recent():
    pacer = Pacer(())
    pacer.recall([100.0])
    assert pacer.recent(100.5) == []


def test_recalled_calls_hold_their_slots_beside_our_own():
    pacer = Pacer((Window(3, 60.0),))
    call(pacer, 20.0, 20.0)
    pacer.recall([30.0, 10.0])
    assert pacer.wait(30.0) == pytest.approx(40.0, abs=MARGIN)


def test_recent_calls_recalled_by_a_new_holder_give_equal_waits():
    first, second = Pacer((Window(3, 60.0),)), Pacer((Window(3, 60.0),))
    for at in (0.0, 1.0, 2.0, 61.0):
        call(first, at + first.wait(at), at + first.wait(at))
    now = first.recent(0.0)[-1]
    second.recall(first.recent(now))
    assert second.wait(now) == first.wait(now) > 0


def test_only_calls_whose_slots_are_held_are_recent():
    pacer = Pacer((Window(3, 60.0),))
    pacer.recall([0.0, 50.0])
    assert pacer.recent(70.0) == [50.0]


def test_the_longest_window_is_known():
    assert Pacer((Window(10, 10.0), Window(50, 60.0))).longest == 60.0


def test_a_snapshot_counts_calls_and_peaks():
    pacer = Pacer((Window(5, 60.0), Window(2, 10.0)))
    call(pacer, 0.0, 1.0)
    pacer.reserve(1.0)
    call(pacer, 20.0, 20.0)
    seen = pacer.snapshot()
    assert (seen.calls, seen.open_calls, seen.peaks) == (3, 1, (3, 2))
    assert seen.windows == (Window(5, 60.0), Window(2, 10.0))


def test_old_calls_are_forgotten_in_bulk_and_none_too_early():
    pacer = Pacer((Window(50, 60.0),))
    now = 0.0
    for _ in range(500):
        now += pacer.wait(now)
        call(pacer, now, now)
    assert len(pacer.recent(-math.inf)) <= 50 + 64 + 1
    assert len(pacer.recent(now)) <= 50


def test_a_run_without_faults_takes_calls_over_limit_windows():
    pacer = Pacer((Window(50, 60.0),))
    now = 0.0
    for _ in range(500):
        now += pacer.wait(now)
        call(pacer, now, now)
    assert now <= 9 * (60.0 + MARGIN)


def test_calls_that_may_arrive_late_do_not_free_held_slots():
    pacer = Pacer((Window(50, 60.0),))
    now, leaves = 0.0, []
    for number in range(300):
        now += pacer.wait(now)
        leaves.append(now)
        pacer.reserve(now)
        now += 0.05
        pacer.release(now + 30.0 if number % 7 == 0 else now)
    gaps = [later - earlier for earlier, later in zip(leaves, leaves[50:], strict=False)]
    assert min(gaps) >= 60.0


def leaves_at_once(pacer, now):
    """How many calls may leave at `now`."""
    count = 0
    while pacer.wait(now) == 0.0:
        pacer.reserve(now)
        count += 1
    return count


@pytest.mark.parametrize(("windows_later", "allowed"), [(0, 50), (1, 60), (2, 70), (4.99, 99), (5, 100), (60, 100)])
def test_a_limited_call_halves_the_limit_and_windows_raise_it(windows_later, allowed):
    pacer = Pacer((Window(100, 60.0),))
    pacer.limited(1000.0, 20.0)
    assert leaves_at_once(pacer, 1020.0 + 60.0 * windows_later) == allowed


def test_the_raise_begins_only_at_the_end_of_the_pause():
    pacer = Pacer((Window(1000, 60.0),))
    pacer.limited(1000.0, 20.0)
    assert leaves_at_once(pacer, 1020.0) == 500


def test_one_pause_halves_the_limit_once_and_a_later_one_again():
    pacer = Pacer((Window(100, 60.0),))
    pacer.limited(1000.0, 20.0)
    pacer.limited(1019.9, 20.0)
    assert leaves_at_once(pacer, 1039.9) == 50
    again = Pacer((Window(100, 60.0),))
    again.limited(1000.0, 20.0)
    again.limited(1020.0, 20.0)
    assert leaves_at_once(again, 1040.0) == 25


def test_the_limit_never_falls_below_a_tenth_nor_below_one_call():
    pacer, small = Pacer((Window(100, 60.0),)), Pacer((Window(3, 60.0),))
    for turn in range(20):
        pacer.limited(turn * 10.0, 1.0)
        small.limited(turn * 10.0, 1.0)
    assert leaves_at_once(pacer, 191.0) == 10
    assert leaves_at_once(small, 191.0) == 1


@pytest.mark.parametrize("start", [0.0, 0.5, 1e6])
def test_without_a_limited_call_the_whole_limit_is_used_at_once(start):
    assert leaves_at_once(Pacer((Window(100, 60.0),)), start) == 100


def test_a_pacer_that_was_not_used_has_no_peaks():
    assert Pacer((Window(5, 60.0), Window(2, 10.0))).snapshot().peaks == (0, 0)


def test_a_window_of_one_call_is_never_cut_to_none():
    pacer = Pacer((Window(1, 60.0),))
    pacer.limited(0.0, 5.0)
    assert pacer.wait(5.0) == 0.0


def test_a_lane_is_limited_until_its_pause_is_over():
    pacer = Pacer((Window(2, 60.0),))
    assert not pacer.is_limited(10.0)
    pacer.limited(10.0, 30.0)
    assert [pacer.is_limited(at) for at in (10.0, 39.9, 40.0)] == [True, True, False]


def test_the_fullest_window_tells_how_much_is_in_use():
    pacer = Pacer((Window(4, 60.0), Window(2, 1.0)))
    assert pacer.in_use(0.0) == (0, 4)
    call(pacer, 0.0, 0.5)
    assert pacer.in_use(1.0) == (1, 2)
    assert pacer.in_use(30.0) == (1, 4)  # it has left the short window
    pacer.reserve(30.0)
    assert pacer.in_use(30.0) == (2, 4)
    assert Pacer(()).in_use(0.0) == (0, 0)
