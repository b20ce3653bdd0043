"""`python -m orchestrator`, and what the installed `orchestrator` calls."""

import os
import sys
from contextlib import suppress

if __name__ == "__main__":
    # `python -m` puts the working folder first: a `secrets.py` beside the manifest would be imported for Python's own.
    # Our own modules are still found, in the folder that the package came from. A deleted working folder is not there.
    with suppress(OSError):
        if os.path.samefile(sys.path[0], "."):  # noqa: PTH121 - pathlib would import what may lie here
            del sys.path[0]

from orchestrator.console import signals  # not before the path is safe


def main(arguments: list[str] | None = None) -> None:
    """Run a command, by default the one of the command line, and end the process with its exit code."""
    # 1. Before anything heavy is imported: from here on no signal ends in a traceback.
    signals.take_over()
    # 2. The standard streams.
    from orchestrator.console import ending, streams

    streams.open_missing_descriptors()
    streams.tolerate_closed_pipes()
    ending.keep_promises()
    # 3. The command.
    from orchestrator.cli import main as command

    command(arguments)


if __name__ == "__main__":
    main()
