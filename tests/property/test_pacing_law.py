import math
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.rules.pacing import Pacer
from orchestrator.model import Window
from tests.property.lane_model import TIMEOUT, Call, run_lane

windows_of_a_lane = st.lists(
    st.builds(Window, st.integers(1, 12), st.sampled_from([0.05, 1.0, 10.0, 60.0, 3600.0])), min_size=1, max_size=3
).map(tuple)


def drawn_call(rnd, leave, *, early_faults):
    latency = rnd.choice([0.0, 0.001, rnd.random(), rnd.uniform(0, TIMEOUT)])
    place = rnd.choice([0.0, 1.0, rnd.random()])
    ending = rnd.choice(["reply", "reply", "silence", "fault" if early_faults else "reply"])
    if ending == "reply":
        return Call(leave, leave + latency, leave + latency, leave + place * latency)
    released = leave + (TIMEOUT if ending == "silence" else latency)
    return Call(leave, released, leave + TIMEOUT, leave + place * TIMEOUT)


def simulated(pacer, rnd, start, count, in_flight, *, early_faults):
    """The calls of a lane that sends whenever the pacer lets it, with random latencies."""
    return run_lane(pacer, lambda leave: drawn_call(rnd, leave, early_faults=early_faults), start, count, in_flight)


def assert_never_over(windows, arrivals):
    arrivals = sorted(arrivals)
    for window in windows:
        for first, over in zip(arrivals, arrivals[window.limit :], strict=False):
            assert over - first >= window.seconds, f"{window.limit + 1} arrivals within {over - first} of {window}"


@settings(max_examples=60)
@given(
    windows_of_a_lane,
    st.randoms(use_true_random=True),
    st.sampled_from([0.0, 86_400.0, 1.8e9]),
    st.integers(1, 200),
    st.integers(1, 16),
)
def test_no_window_ever_sees_more_arrivals_than_its_limit(windows, rnd, start, count, in_flight):
    calls = simulated(Pacer(windows), rnd, start, count, in_flight, early_faults=False)
    assert_never_over(windows, [call.arrival for call in calls])


@settings(max_examples=40)
@given(windows_of_a_lane, st.randoms(use_true_random=True), st.integers(1, 60), st.integers(1, 16))
def test_abandoned_calls_that_may_still_arrive_break_no_limit(windows, rnd, count, in_flight):
    calls = simulated(Pacer(windows), rnd, 0.0, count, in_flight, early_faults=True)
    assert_never_over(windows, [call.arrival for call in calls])


@settings(max_examples=30)
@given(
    windows_of_a_lane,
    st.randoms(use_true_random=True),
    st.sampled_from([1 - 0.0005, 1.0, 1 + 0.0005]),
    st.integers(1, 100),
)
def test_a_drifting_millisecond_server_clock_sees_no_excess(windows, rnd, rate, count):
    calls = simulated(Pacer(windows), rnd, 0.0, count, 8, early_faults=False)
    stamps = [math.floor(call.arrival * rate * 1000) for call in calls]
    assert_never_over([Window(w.limit, round(w.seconds * 1000)) for w in windows], stamps)


@settings(max_examples=30)
@given(windows_of_a_lane, st.randoms(use_true_random=True), st.integers(2, 60), st.integers(1, 8))
def test_a_second_holder_recalling_earlier_calls_breaks_no_limit(windows, rnd, count, in_flight):
    first = Pacer(windows)
    before = simulated(first, rnd, 0.0, count, in_flight, early_faults=False)
    now = max(call.released for call in before)
    second = Pacer(windows)
    second.recall(sorted(call.arrives_by for call in before))
    after = simulated(second, rnd, now, count, in_flight, early_faults=False)
    assert_never_over(windows, [call.arrival for call in before + after])


@settings(max_examples=30)
@given(windows_of_a_lane, st.randoms(use_true_random=True), st.integers(1, 40))
def test_after_a_fill_no_limit_breaks_whatever_was_sent_before(windows, rnd, count):
    takeover = 1000.0
    unknown = [takeover for _ in range(min(w.limit for w in windows))]
    pacer = Pacer(windows)
    pacer.fill(takeover)
    after = simulated(pacer, rnd, takeover, count, 8, early_faults=False)
    assert_never_over(windows, unknown + [call.arrival for call in after])


@settings(max_examples=30)
@given(windows_of_a_lane, st.randoms(use_true_random=True), st.floats(0, 500))
def test_nothing_leaves_before_the_end_of_a_pause(windows, rnd, until):
    pacer = Pacer(windows)
    pacer.limited(0.0, until)
    calls = simulated(pacer, rnd, 0.0, 20, 4, early_faults=False)
    assert min(call.leave for call in calls) >= until
    assert all(earlier.leave <= later.leave for earlier, later in pairwise(calls))


@settings(max_examples=30)
@given(windows_of_a_lane, st.randoms(use_true_random=True), st.integers(1, 60))
def test_peaks_never_exceed_the_limits_and_every_call_is_counted(windows, rnd, count):
    pacer = Pacer(windows)
    simulated(pacer, rnd, 0.0, count, 8, early_faults=True)
    seen = pacer.snapshot()
    assert seen.calls == count
    assert all(peak <= window.limit for peak, window in zip(seen.peaks, windows, strict=True))
