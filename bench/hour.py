"""A long paced run does not grow: memory, file handles and CPU of a run that mostly waits.

python -m bench.hour [SECONDS]     3600 unless told: 20 accounts at 1 call a second each
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.harness import RUN, manifest, started, table
from bench.target import target

_ACCOUNTS: Final = 20
_LOOKS: Final = 12


def look(pid: int) -> tuple[float, int, float]:
    """Resident memory in MB, open files, seconds of CPU."""
    folder = Path("/proc", str(pid))
    memory = int((folder / "statm").read_text(encoding="ascii").split()[1]) * 4096 / 2**20
    user, system = (folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return memory, len(list((folder / "fd").iterdir())), (int(user) + int(system)) / 100


def measure(seconds: int = 3600) -> str:
    """The table."""
    rows = []
    with tempfile.TemporaryDirectory() as name, target() as url:
        directory = Path(name)
        count = _ACCOUNTS * seconds
        manifest(directory, url, count, accounts=_ACCOUNTS, rate="[1/1s]", in_flight=3)
        with started(RUN, directory) as process:
            begun = time.monotonic()
            for number in range(1, _LOOKS + 1):
                time.sleep(max(0.0, begun + seconds * number / (_LOOKS + 1) - time.monotonic()))
                memory, files, cpu = look(process.pid)
                passed = time.monotonic() - begun
                rows.append([f"{passed:.0f}", f"{memory:.1f}", str(files), f"{cpu:.1f}"])
                print("  " + ", ".join(rows[-1]), file=sys.stderr)
            first, last = rows[0], rows[-1]
            code = process.wait()
    each = (float(last[3]) - float(first[3])) / (float(last[0]) - float(first[0])) / _ACCOUNTS * 1000
    said = table(["seconds", "MB", "open files", "seconds of CPU"], rows)
    return f"{said}\n{count:,} campaigns, exit {code}; {each:.2f} ms of CPU a paced start.\n"


if __name__ == "__main__":
    print(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 3600))
