"""How long it takes until something happens: --help and --version beside `import click`, and the first start."""

import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Final

from bench.harness import RUN, Timed, in_turn, manifest, started, table, timed, wall

_ROUNDS: Final = 15


def _first_start(directory: Path) -> Timed:
    """Seconds from the process's start to the first byte of a start on the wire. The process is killed then."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        manifest(directory, f"http://127.0.0.1:{server.getsockname()[1]}", 100, accounts=1)
        begun = perf_counter()
        with started(RUN, directory) as process:
            watchdog = threading.Timer(60, process.kill)
            watchdog.start()
            connection, _ = server.accept()
            with connection:
                while not connection.recv(65536).startswith(b"POST"):
                    pass
            took = perf_counter() - begun
            watchdog.cancel()
            process.kill()
    return Timed(took, 0.0, 0.0, "")


def _python(*arguments: str) -> Callable[[], Timed]:
    return lambda: timed([sys.executable, *arguments], Path.cwd())


def measure() -> str:
    """The table."""

    def first_start() -> Timed:
        with tempfile.TemporaryDirectory() as name:
            return _first_start(Path(name))

    seen = in_turn(
        {
            "`python -c 'import click'`": _python("-c", "import click"),
            "`--version`": _python("-m", "orchestrator", "--version"),
            "`--help`": _python("-m", "orchestrator", "--help"),
            "`python -c 'import aiohttp, sqlalchemy, pydantic'`": _python("-c", "import aiohttp, sqlalchemy, pydantic"),
            "first start on the wire, 100 campaigns, preflight off": first_start,
        },
        _ROUNDS,
    )
    base = wall(next(iter(seen.values())))
    return table(
        ["from process start", "milliseconds", "least", "x import click"],
        [
            [name, f"{wall(one) * 1000:.0f}", f"{min(t.wall for t in one) * 1000:.0f}", f"{wall(one) / base:.2f}"]
            for name, one in seen.items()
        ],
    )


if __name__ == "__main__":
    print(measure())
