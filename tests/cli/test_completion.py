"""Completion as a shell does it: a real bash completes what has been typed."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="there is no bash")


def environment(workplace):
    return workplace.environment | {"PATH": f"{BIN}:{workplace.environment['PATH']}", "TERM": "dumb", "PS1": "> "}


def completed(workplace, *words):
    """What bash offers for the last of the words."""
    script = (
        'eval "$(orchestrator completion bash)" && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && '
        '_orchestrator_completion orchestrator && printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [BASH, "--norc", "-c", script, "bash", "orchestrator", *words], cwd=workplace.path, text=True,
        env=environment(workplace), capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.split()


def test_a_command_is_completed(workplace):
    assert completed(workplace, "st") == ["status", "stop-started"]
    assert completed(workplace, "rehe") == ["rehearse"]
    assert completed(workplace, "help", "rehe") == ["rehearse"]
    assert completed(workplace, "help", "audit", "") == ["export", "verify"]
    assert completed(workplace, "help", "run", "") == []


def test_an_option_is_completed(workplace):
    assert completed(workplace, "run", "--max") == ["--max-starts", "--max-recipients"]
    assert completed(workplace, "run", "--log-format", "j") == ["json"]


def test_a_launch_is_completed_and_a_missing_ledger_is_no_error(workplace):
    before = completed(workplace, "status", "sp")
    workplace.run("plan", workplace.manifest())

    assert before == []
    assert completed(workplace, "status", "sp") == ["spring"]
    assert completed(workplace, "pause", "--ledger", "postgresql://nobody@127.0.0.1:9/none", "sp") == []


def test_at_a_terminal_a_command_and_a_manifest_are_completed(workplace):
    workplace.manifest("spring.yaml")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [BASH, "--norc", "--noprofile", "-i"], cwd=workplace.path, env=environment(workplace), stdin=theirs,
        stdout=subprocess.PIPE, stderr=theirs, start_new_session=True, text=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, b'eval "$(orchestrator completion bash)"\norchestrator valid\tspr\t\nexit\n')
    said, _ = process.communicate(timeout=60)
    os.close(ours)

    assert "spring.yaml is valid" in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(workplace, shell):
    done = workplace.run("completion", shell)

    assert done.returncode == 0
    assert f"_ORCHESTRATOR_COMPLETE={shell}_complete" in done.stdout
