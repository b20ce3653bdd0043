import subprocess
import sys

import pytest

from tests.paths import ROOT

PROGRAM = "from orchestrator.console import ending; ending.keep_promises(); ending.promise(lambda: {code}); {last}"


@pytest.mark.parametrize(
    ("code", "last", "ended"),
    [(13, "raise RuntimeError", 13), (11, "raise SystemExit(5)", 11), (0, "raise KeyboardInterrupt", 0),
     (None, "raise SystemExit(5)", 5), (None, "raise RuntimeError", 1)],
)  # fmt: skip
def test_a_promised_exit_code_outlasts_every_error(code, last, ended):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(code=code, last=last)], cwd=ROOT, capture_output=True, check=False
    )

    assert done.returncode == ended, done.stderr
