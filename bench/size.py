"""From ten thousand campaigns to a million: time, memory, and what a second run of a finished launch takes.

python -m bench.size [COUNT ...]
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.harness import RUN, manifest, table, timed
from bench.target import target

_COUNTS: Final = (10_000, 100_000, 1_000_000)


def measure(counts: tuple[int, ...] = _COUNTS) -> str:
    """The table."""
    rows = []
    for count in counts:
        with tempfile.TemporaryDirectory() as name, target() as url:
            directory = Path(name)
            manifest(directory, url, count, rate="unlimited", in_flight=3)
            first, again = timed(RUN, directory), timed(RUN, directory)
        print(f"  {count}: {first.wall:.1f} s, {first.memory:.0f} MB; again {again.wall:.1f} s", file=sys.stderr)
        rows.append(
            [f"{count:,}", f"{first.wall:.1f}", f"{count / first.wall:,.0f}", f"{first.memory:,.0f}",
             f"{again.wall:.1f}", f"{again.memory:,.0f}"]
        )  # fmt: skip
    return table(["campaigns", "seconds", "starts/s", "MB", "again: seconds", "again: MB"], rows)


if __name__ == "__main__":
    print(measure(tuple(map(int, sys.argv[1:])) or _COUNTS))
