"""A lane in front of a server, without the engine: what the laws of pacing are checked against.

Nothing here is shared with `core/pacing.py`: the counters work on the server's own stamps, which are whole
milliseconds, and the optimum is computed from its definition.
"""

import heapq
import math
from collections import Counter, deque
from dataclasses import dataclass

from orchestrator.model import Window

TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class LaneShape:
    windows: tuple[Window, ...]
    in_flight: int


LANES = {
    "the manifest's default": LaneShape((Window(50, 60.0), Window(10, 10.0)), 8),
    "one long window": LaneShape((Window(50, 60.0),), 256),
    "a short window that bursts": LaneShape((Window(10, 1.0), Window(100, 60.0)), 64),
    "the shortest window": LaneShape((Window(1, 0.1),), 4),
    "three windows": LaneShape((Window(500, 60.0), Window(60, 5.0), Window(20, 1.0)), 256),
}


@dataclass(frozen=True, slots=True)
class Call:
    leave: float
    released: float  # when the lane learns how it ended
    arrives_by: float  # the latest time at which it can arrive: what the lane tells the pacer
    arrival: float  # when the server saw it


def run_lane(pacer, answer, start, count, in_flight):
    """The calls of a lane that sends whenever the pacer lets it; `answer(leave)` says what becomes of a call."""
    now, done, flying = start, [], []
    while len(done) < count:
        delay = pacer.wait(now)
        if delay == 0.0 and len(flying) < in_flight:
            pacer.reserve(now)
            call = answer(now)
            done.append(call)
            heapq.heappush(flying, (call.released, len(done), call))
            continue
        free_at = now + delay if len(flying) < in_flight else math.inf
        if flying and flying[0][0] <= free_at:
            now, _, call = heapq.heappop(flying)
            pacer.release(call.arrives_by)
        else:
            assert math.isfinite(free_at)
            now = free_at
    return done


def earliest_safe_leaves(windows, calls, start, in_flight):
    """When the best safe client would have sent the same calls: the provable optimum.

    A client is safe if no server can count more than n arrivals in any w, whatever the latencies turn out to be. At
    time s the server may have seen an earlier call as late as the client cannot exclude: at its `arrives_by`, or at s
    itself where that is not over. So if n earlier calls have an `arrives_by` after s - w, a server exists which has
    given all the same answers and sees them together with a call sent at s: n + 1 within w. Every safe client
    therefore waits until fewer than n are left, that is, until the n-th latest `arrives_by` of the earlier calls,
    plus w. Sending at that very moment is the best that can be done: earlier sends end earlier, and the n-th latest of
    earlier ends is earlier, so by induction no safe client sends its k-th call before this one does, for any k.

    The k-th call takes as long as it took the measured lane, and no more than `in_flight` are open at once.
    """
    latest = [(w.limit, w.seconds, []) for w in windows] + [(in_flight, 0.0, open_ones := [])]
    leave, leaves = start, []
    for call in calls:
        for limit, seconds, ends in latest:
            if len(ends) == limit:
                leave = max(leave, ends[0] + seconds)
        leaves.append(leave)
        for limit, _, ends in latest:
            lasts = (call.released if ends is open_ones else call.arrives_by) - call.leave
            push = heapq.heappush if len(ends) < limit else heapq.heappushpop
            push(ends, leave + lasts)
    return leaves


def share_of_optimum(windows, calls, start, in_flight):
    """How fast the lane was, compared with the best safe client: 1.0 is as fast as can be."""
    best = earliest_safe_leaves(windows, calls, start, in_flight)[-1] - start
    return best / (calls[-1].leave - start)


def stamps_of(calls, rate=1.0):
    """The arrivals in the server's whole milliseconds, by a clock that runs `rate` times as fast as ours."""
    return sorted(math.floor(call.arrival * rate * 1000) for call in calls)


def fullest_rolling(stamps, width):
    """The most arrivals that any `width` milliseconds hold, by a queue that forgets what is older."""
    recent, fullest = deque(), 0
    for stamp in stamps:
        recent.append(stamp)
        while recent[0] <= stamp - width:
            recent.popleft()
        fullest = max(fullest, len(recent))
    return fullest


def fullest_fixed(stamps, width, phase):
    """The most arrivals that any fixed window of a calendar holds, one of whose windows begins at `phase`."""
    return max(Counter((stamp - phase) // width for stamp in stamps).values())


def milliseconds(window):
    return round(window.seconds * 1000)


def assert_never_over(windows, stamps, phases):
    """No rolling window is over its limit, nor is any window of the calendars that begin at the phases."""
    for window in windows:
        width = milliseconds(window)
        assert fullest_rolling(stamps, width) <= window.limit, f"rolling {window}"
        for phase in phases:
            assert fullest_fixed(stamps, width, phase % width) <= window.limit, f"calendar {window} from {phase}"


LATENCIES = {
    "none": lambda _: 0.0,
    "a blink": lambda _: 0.001,
    "short": lambda rnd: rnd.random(),
    "long": lambda rnd: rnd.uniform(0.9, 1.0) * TIMEOUT,
    "any": lambda rnd: rnd.uniform(0, TIMEOUT),
    "heavy tail": lambda rnd: min(TIMEOUT, 0.01 * rnd.paretovariate(0.5)),
    "all or nothing": lambda rnd: rnd.choice([0.0, TIMEOUT]),
}
ENDINGS = ("reply", "silence", "fault")
PLACES = ("at once", "at last", "in turn", "in a herd", "anywhere")


class Adversary:
    """Chooses latencies, losses and the moments of arrival, and changes its mind every few hundred calls."""

    def __init__(self, rnd, windows):
        self._rnd, self._windows = rnd, windows
        self._left = self._sent = 0

    def __call__(self, leave):
        if self._left == 0:
            self._change()
        self._left -= 1
        self._sent += 1
        latency = self._latency(self._rnd)
        ending = self._rnd.choices(ENDINGS, self._weights)[0]
        arrives_by = leave + (latency if ending == "reply" else TIMEOUT)
        released = leave + (TIMEOUT if ending == "silence" else latency)
        return Call(leave, released, arrives_by, self._arrival(leave, arrives_by))

    def _change(self):
        self._left = self._rnd.randint(1, 400)
        self._latency = self._rnd.choice(list(LATENCIES.values()))
        self._weights = self._rnd.choice([(1, 0, 0), (1, 0, 0), (8, 1, 1), (0, 1, 1)])
        self._place = self._rnd.choice(PLACES)
        self._window = self._rnd.choice(self._windows)

    def _arrival(self, leave, by):
        if self._place == "anywhere":
            return self._rnd.uniform(leave, by)
        if self._place == "in a herd":  # around the calendar's edges
            edge = math.ceil(leave / self._window.seconds) * self._window.seconds
            return min(edge, by)
        late = self._place == "at last" or (self._place == "in turn" and self._sent // self._window.limit % 2 == 0)
        return by if late else leave
