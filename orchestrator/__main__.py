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

from orchestrator.cli import main  # not before the path is safe

if __name__ == "__main__":
    main()
