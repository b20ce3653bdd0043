"""The user's checks, as real processes."""

import asyncio
import fcntl
import os
import sys
import time

import pytest

from orchestrator.app.command_checks import CommandChecks
from orchestrator.core.manifest.models import Pass
from orchestrator.redaction import Redactor

SECRET = "canary-secret-0123456789"


def asking(script, **more):
    return Pass(command=(sys.executable, "-c", script), **more)


@pytest.fixture
def checks(tmp_path):
    return CommandChecks(tmp_path, Redactor([SECRET]))


async def test_a_command_that_ends_well_has_passed(checks):
    assert await checks.run(asking("print('all is well')"), {}) is None


async def test_a_command_that_does_not_says_why(checks):
    why = await checks.run(asking("import sys; print('12 %\\n opted out', file=sys.stderr); sys.exit(3)"), {})
    assert why == f"{sys.executable} exited with 3 (12 % opted out)"


async def test_a_command_that_is_not_there_has_not_passed(checks):
    why = await checks.run(Pass(command=("./missing.sh",)), {})
    assert why == "./missing.sh could not be run (No such file or directory)"


@pytest.mark.parametrize("shebang", [b"#!/bin/sh", b"#!/usr/bin/env sh"])
async def test_a_script_with_windows_line_ends_says_so(checks, tmp_path, shebang):
    (tmp_path / "check.sh").write_bytes(shebang + b"\r\nexit 0\r\n")
    (tmp_path / "check.sh").chmod(0o755)
    why = await checks.run(Pass(command=("./check.sh",)), {})
    assert why is not None
    assert "the lines of ./check.sh end with CR LF, as on Windows: save it with LF only" in why


async def test_it_runs_beside_the_manifest_and_knows_the_wave(checks, tmp_path):
    script = "import os; open('seen', 'w').write(os.environ['ORCHESTRATOR_WAVE'])"
    assert await checks.run(asking(script), {"WAVE": "canary"}) is None
    assert (tmp_path / "seen").read_text(encoding="utf-8") == "canary"


async def test_it_sees_no_variable_but_the_harmless_and_the_named(checks, tmp_path, monkeypatch):
    monkeypatch.setenv("KORE_SECRET", SECRET)
    monkeypatch.setenv("DASHBOARD_TOKEN", "t")
    script = "import os; open('seen', 'w').write(' '.join(os.environ))"
    assert await checks.run(asking(script, env=("DASHBOARD_TOKEN", "UNSET")), {}) is None
    seen = (tmp_path / "seen").read_text(encoding="utf-8").split()
    assert "KORE_SECRET" not in seen
    assert {"PATH", "DASHBOARD_TOKEN"} <= set(seen)


async def test_what_it_says_is_cut_and_holds_no_secret(checks):
    why = await checks.run(asking(f"print('x' * 10**6, '{SECRET}'); raise SystemExit(1)"), {})
    assert why is not None
    assert len(why) < 500
    assert SECRET not in why


async def test_there_is_no_shell(checks, tmp_path):
    assert await checks.run(Pass(command=("echo", "a; touch made")), {}) is None
    assert not (tmp_path / "made").exists()


async def test_a_command_that_takes_too_long_has_not_passed(checks):
    why = await checks.run(asking("import time; time.sleep(60)", timeout="0.5s"), {})
    assert why == f"{sys.executable} did not end within 0.5 s"


HOLDS = "import fcntl, time; f = open('lock', 'w'); fcntl.flock(f, 2); open('ready', 'w').close(); time.sleep(60)"


async def test_a_cancelled_command_is_ended_with_all_that_it_began(checks, tmp_path):
    os.mkfifo(tmp_path / "ready")
    task = asyncio.create_task(
        checks.run(asking(f"import subprocess as s; s.run([{sys.executable!r}, '-c', {HOLDS!r}])"), {})
    )
    await asyncio.to_thread((tmp_path / "ready").read_text)  # the grandchild has the lock
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    begun = time.monotonic()
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # free once its holder is gone
    assert time.monotonic() - begun < 20
