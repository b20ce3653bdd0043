"""Two or three signals at any moments of a run: no traceback, and the exit code of design section 6.

The moments begin where the program's own handlers are in place; before that there is only the interpreter.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.paths import ROOT

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
UNKNOWN, JOURNAL = 11, 13
CAUGHT = sum(1 << (number - 1) for number in CODES)
HANGS = 120  # seconds
COUNT = 12


def write_manifest(directory, launch):
    raw = {
        "version": 1, "launch": launch, "host": "sandbox", "sandbox": {"faults": "none"},
        "accounts": {"acme": {"account_id": "a1", "rate": ["24/1s"], "in_flight": 2}},
        "campaigns": [{"account": "acme", "stream": "st-1", "campaign": f"cd-{n}"} for n in range(COUNT)],
        "retry": {"attempts": 3, "backoff": "0.01s..0.05s"}, "timeouts": {"connect": "0.3s", "total": "0.4s"},
        "probe": {"settle": "0.2s"}, "report": {"formats": ["json", "html"]},
    }  # fmt: skip
    (directory / "m.yaml").write_text(json.dumps(raw), encoding="utf-8")


def wait_until_caught(process):
    """Until the program has put its handlers in place."""
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1]
        if int(caught, 16) & CAUGHT == CAUGHT:
            return


def begin(directory, loop="asyncio"):
    directory.mkdir(mode=0o700)
    write_manifest(directory, "signals")
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "run", "m.yaml"], cwd=directory, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRATOR_LOOP": loop},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_until_caught(process)
    return process


def seconds_of_a_run(directory):
    """From its handlers to its end, as fast as this machine is today."""
    process = begin(directory)
    begun = time.monotonic()
    process.communicate(timeout=HANGS)
    return time.monotonic() - begun


def signalled(directory, seed, seconds):
    """A run that gets two or three signals; what it came to."""
    draw = random.Random(seed)
    sent = draw.choices(list(CODES), k=draw.choice([2, 3]))
    # Half of the time in quick succession, as by somebody who is impatient.
    first = draw.uniform(0, seconds)
    gap = draw.choice([0.02, seconds])
    moments = [first, *(first + draw.uniform(0, gap) for _ in sent[1:])]
    process = begin(directory, draw.choice(["asyncio", "uvloop"]))
    begun = time.monotonic()
    for moment, number in zip(sorted(moments), sent, strict=True):
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, begun + moment - time.monotonic()))
        process.send_signal(number)
    out, err = process.communicate(timeout=HANGS)
    return process.returncode, sent, out, err


def check(seed, code, sent, out, err):
    told = f"seed {seed}, {[number.name for number in sent]}: exit code {code}\n{out}\n{err}"
    assert "Traceback" not in err, told
    assert "Exception ignored" not in err, told
    assert code in {0, UNKNOWN, JOURNAL, *(CODES[number] for number in sent)}, told
    # Ended at once or refused before the first start, or with the summary.
    is_early = "ended at once" in err or "no start was sent" in err
    assert is_early or f"exit code {code}: " in out, told


def series(tmp_path, seeds):
    codes = Counter()
    for count, seed in enumerate(seeds):
        if count % 20 == 0:
            seconds = seconds_of_a_run(tmp_path / f"look{count}")
        code, sent, out, err = signalled(tmp_path / str(seed), seed, seconds)
        check(seed, code, sent, out, err)
        codes[code] += 1
    sys.stdout.write(f"{sum(codes.values())} runs: {dict(codes)}\n")
    return codes


def test_signals_at_any_moment_never_end_in_a_traceback(tmp_path):
    codes = series(tmp_path, range(12))

    assert codes.keys() - {0}


@pytest.mark.soak
@pytest.mark.parametrize("part", range(50))
def test_a_thousand_runs_with_signals_show_no_traceback(tmp_path, part):
    series(tmp_path, range(20 * part + 1000, 20 * part + 1020))
