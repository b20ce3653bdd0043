"""The rate when others spend the account's budget, too (AIMD), against the sandbox's own limiter."""

import heapq
import math

import pytest

from orchestrator.core.rules.pacing import Pacer
from orchestrator.model import Window
from orchestrator.sandbox.limiter import Arrivals, Limit

LATENCY = 0.1
OURS = Window(50, 60.0)


def shared(pacer, left, seconds):
    """When calls were let through, of a lane that always has some to make and is left `left` a minute by others."""
    server, now, open_calls, through = Arrivals(Limit(left, 60.0), "none"), 0.0, [], []
    while now < seconds:
        wait = pacer.wait(now)
        if wait == 0.0 and len(open_calls) < 8:
            pacer.reserve(now)
            heapq.heappush(open_calls, now + LATENCY)
            continue
        free_at = now + wait if wait > 0 else math.inf
        now = min(free_at, open_calls[0]) if open_calls else free_at
        if open_calls and open_calls[0] <= now:
            heapq.heappop(open_calls)
            refused = server.arrive(now) is not None
            pacer.release(now)
            if refused:
                pacer.limited(now, pacer.longest)
            else:
                through.append(now)
    return through


@pytest.mark.parametrize("left", [10, 15, 30, 40, 49])
def test_the_rate_settles_where_others_leave_room_and_says_so(left):
    pacer = Pacer((OURS,))
    through = shared(pacer, left, 4 * 3600)
    settled = [at for at in through if at > 3600]
    rate = len(settled) / 180

    assert 0.5 * left <= rate <= left
    assert pacer.snapshot().suggested == Window(left, 60.0)
    assert max(pacer.snapshot().peaks) <= OURS.limit


def test_alone_the_manifests_rate_holds_and_nothing_is_suggested():
    pacer = Pacer((OURS,))
    through = shared(pacer, 60, 3600)

    assert len(through) >= 0.97 * 50 * 60
    assert pacer.snapshot().suggested is None


def test_once_the_others_are_gone_the_rate_comes_back():
    pacer = Pacer((OURS,))
    shared(pacer, 15, 3600)
    assert pacer.snapshot().throttled > 0
    # The same lane an hour later, for nobody else calls any more.
    later = [at for at in _alone(pacer, 7200.0, 1800.0) if at > 7200.0 + 900]

    assert len(later) >= 0.97 * 50 * 15


def _alone(pacer, begin, seconds):
    now, sent = begin, []
    while now < begin + seconds:
        wait = pacer.wait(now)
        now += wait
        pacer.reserve(now)
        pacer.release(now + LATENCY)
        sent.append(now)
    return sent


def squeezed(*windows, earlier):
    """The rate suggested after three pauses, where an earlier holder's calls are still in the window."""
    pacer = Pacer(windows)
    pacer.recall([0.0] * earlier)
    for at in (1.0, 3.0, 5.0):  # of the calls in the window one, two and three were refused: the middle counts
        pacer.limited(at, 1.0)
    return pacer.suggested()


@pytest.mark.parametrize("windows", [(OURS,), (Window(10, 10.0), OURS), (OURS, Window(99, 10.0))])
def test_what_is_suggested_is_a_rate_over_the_longest_window(windows):
    assert squeezed(*windows, earlier=9) == Window(7, 60.0)


@pytest.mark.parametrize(("limit", "suggested"), [(8, Window(7, 60.0)), (7, None), (6, None)])
def test_a_rate_is_suggested_only_below_the_manifests(limit, suggested):
    assert squeezed(Window(limit, 60.0), earlier=9) == suggested


def test_two_pauses_are_no_reason_to_give_a_rate_up():
    pacer, seen = Pacer((OURS,)), []
    for at in (0.0, 120.0, 240.0):
        pacer.reserve(at)
        pacer.release(at)
        pacer.limited(at, 60.0)
        seen.append(pacer.snapshot().suggested)

    assert seen == [None, None, Window(1, 60.0)]
