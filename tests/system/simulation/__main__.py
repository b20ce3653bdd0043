"""Simulated days by the number: `python -m tests.system.simulation --seeds 2000`, or one of them: `--seed 17`."""

import argparse
import multiprocessing
import os
import sys
import time
from pathlib import Path

from tests.system.simulation.world import simulate

KEPT = Path(__file__).with_name("regressions.txt")


def kept_seeds():
    """Seeds that once broke a promise: they go first."""
    lines = [line.partition("#")[0].strip() for line in KEPT.read_text(encoding="utf-8").splitlines()]
    return [int(line) for line in lines if line]


def lived(seed):
    """One day, and what is wrong with it; a crash of the simulation is wrong, too."""
    try:
        return simulate(seed)
    except Exception as error:  # noqa: BLE001 - the seed that crashed has to be named
        return seed, repr(error)


def replay(seed):
    day = simulate(seed, trace_to=print)
    print(f"seed {seed}: {day.broken or 'all promises hold'}; {day.events} events, trace {day.trace[:16]}")
    return 1 if day.broken else 0


def many(seeds, jobs, *, keep_going):
    begun, days, broken = time.time(), [], 0
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for day in pool.imap_unordered(lived, seeds, chunksize=8):
            seed, wrong = day if isinstance(day, tuple) else (day.seed, day.broken)
            if wrong is None:
                days.append(day)
                continue
            broken += 1
            print(f"seed {seed}: {wrong}\n  replay: python -m tests.system.simulation --seed {seed}", flush=True)
            if not keep_going:
                pool.terminate()
                break
    cpu = sum(day.cpu_seconds for day in days)
    print(
        f"{len(days) + broken} days, {broken} broken; {cpu:.1f} s of CPU ({time.time() - begun:.1f} s by the clock), "
        f"{sum(day.events for day in days):,} events"
    )
    return 1 if broken else 0


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.system.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many days")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="live this day alone, and print all that happens in it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--until-broken", action="store_true", help="stop at the first broken day")
    parser.add_argument("--before", type=int, nargs="*", default=[], help="days that go first, by their seeds")
    options = parser.parse_args()
    if options.seed is not None:
        return replay(options.seed)
    seeds = [*options.before, *kept_seeds(), *range(options.first, options.first + options.seeds)]
    return many(seeds, options.jobs, keep_going=not options.until_broken)


if __name__ == "__main__":
    sys.exit(main())
