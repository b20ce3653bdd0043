"""A million arrivals over adversarial latencies, against counters that share nothing with the pacer.

Run as `python -m bench.pacing_law [CALLS]`. Prints, per lane, the fullest rolling and calendar windows that a server
counted, and the share of the provable optimum (defined in tests/property/lane_model.py). Ends with 1 where a window
was over its limit or the share was below 97 %.
"""

import sys
import time
from random import Random

from orchestrator.core.rules.pacing import Pacer
from tests.property.lane_model import (
    LANES,
    Adversary,
    Call,
    LaneShape,
    fullest_fixed,
    fullest_rolling,
    milliseconds,
    run_lane,
    share_of_optimum,
    stamps_of,
)

_PHASES = 16
_LEAST_SHARE = 0.97


def _fullest(lane: LaneShape, stamps: list[int], rnd: Random) -> list[tuple[int, int, int]]:
    """For each window its limit, and the fullest rolling and calendar one."""
    found = []
    for window in lane.windows:
        width = milliseconds(window)
        phases = [0, *rnd.sample(stamps, min(_PHASES, len(stamps)))]
        fixed = max(fullest_fixed(stamps, width, phase % width) for phase in phases)
        found.append((window.limit, fullest_rolling(stamps, width), fixed))
    return found


def _calm_share(lane: LaneShape) -> float:
    """The share where every reply comes at once: the pacer's safety margin weighs most there."""
    calls = run_lane(Pacer(lane.windows), lambda leave: Call(leave, leave, leave, leave), 0.0, 10_000, lane.in_flight)
    return share_of_optimum(lane.windows, calls, 0.0, lane.in_flight)


def _measure(name: str, lane: LaneShape, count: int) -> bool:
    rnd = Random("a million")  # noqa: S311 - a seed that repeats
    begun = time.perf_counter()
    calls = run_lane(Pacer(lane.windows), Adversary(rnd, lane.windows), 0.0, count, lane.in_flight)
    spent = time.perf_counter() - begun
    fullest = _fullest(lane, stamps_of(calls), rnd)
    share, calm = share_of_optimum(lane.windows, calls, 0.0, lane.in_flight), _calm_share(lane)
    windows = ", ".join(f"{w}: {r} rolling, {f} fixed" for w, (_, r, f) in zip(lane.windows, fullest, strict=True))
    print(f"{name}: {count:,} arrivals, {windows}; {share:.2%} of the optimum, {calm:.2%} where replies take no time;")
    print(f"    {spent / count * 1e6:.0f} us a call, simulated server included")
    return min(share, calm) >= _LEAST_SHARE and all(max(rolling, fixed) <= limit for limit, rolling, fixed in fullest)


def _main() -> int:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    kept = [_measure(name, lane, total // len(LANES)) for name, lane in LANES.items()]
    print(f"{total:,} arrivals: " + ("every window held" if all(kept) else "a promise is broken"))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(_main())
