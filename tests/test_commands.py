"""A forked command is what a fresh Python is, for all that a command can see; and it is a process like any other."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys

import pytest

from tests import commands
from tests.commands import Command
from tests.paths import ROOT

STATE = [sys.executable, "-m", "tests.process_state", "--word", "ä b"]
SANDBOX = [sys.executable, "-m", "orchestrator", "sandbox", "--port", "0"]


@pytest.fixture
def environment():
    kept = {name: value for name, value in os.environ.items() if name != "TZ"}
    return {**kept, "PYTHONPATH": str(ROOT), "WORD": "a=b\nö"}


def seen(kind, **how):
    with kind(STATE, text=True, stdout=subprocess.PIPE, **how) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert getattr(process, "is_forked", False) is (kind is Command)
    return json.loads(out)


@pytest.mark.parametrize(
    "how",
    [{}, {"start_new_session": True}, {"process_group": 0}, {"stderr": subprocess.STDOUT}, {"stdin": subprocess.PIPE}],
    ids=lambda how: "".join(how) or "plain",
)
def test_a_forked_command_finds_what_a_fresh_python_finds(how, tmp_path, environment):
    how = {"stdin": subprocess.DEVNULL, "stderr": None, **how, "cwd": tmp_path, "env": environment}

    assert seen(Command, **how) == seen(subprocess.Popen, **how)


def test_it_finds_the_umask_and_the_folder_of_now(tmp_path, environment, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o027)
    try:
        forked, fresh = (seen(kind, env=environment, stdin=subprocess.DEVNULL) for kind in (Command, subprocess.Popen))
    finally:
        os.umask(before)

    assert forked == fresh
    assert (forked["umask"], forked["folder"]) == (0o027, str(tmp_path))


def test_it_finds_the_terminal_that_it_is_given(tmp_path, environment):
    ours, theirs = pty.openpty()
    how = {"cwd": tmp_path, "env": environment, "stdin": theirs, "stderr": theirs}
    forked, fresh = seen(Command, **how), seen(subprocess.Popen, **how)
    os.close(theirs)
    os.close(ours)

    assert forked == fresh
    assert [one["is a terminal"] for one in forked["terminal"]] == [True, False, True]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGUSR1, -10), (signal.SIGTERM, 0), (signal.SIGINT, 0)]
)
def test_a_signal_reaches_it_and_its_exit_code_says_so(number, code, tmp_path, environment):
    how = {"cwd": tmp_path, "env": environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
    with Command(SANDBOX, **how) as process:
        process.stdout.readline()
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.send_signal(number)
        process.communicate(timeout=60)

    assert process.is_forked
    assert process.returncode == code
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_the_output_of_one_ends_with_it_while_another_runs(tmp_path, environment):
    how = {"cwd": tmp_path, "env": environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    with Command(SANDBOX, **how) as first, Command(SANDBOX, **how) as second:
        first.kill()
        first.communicate(timeout=60)
        runs = second.poll() is None
        second.kill()

    assert runs


@pytest.mark.parametrize(
    "how",
    [
        {"env": {"PYTHONHASHSEED": "7"}}, {"env": {"PYTHONPATH": "/nowhere"}}, {"env": {"LC_ALL": "C"}},
        {"env": {"LD_PRELOAD": ""}}, {"pass_fds": (0,)}, {"umask": 0o077}, {"preexec_fn": int},
    ],
    ids=lambda how: "-".join(map(str, how.get("env", how))),
)  # fmt: skip
def test_what_changes_pythons_own_start_gets_a_fresh_one(how, environment):
    how = {**how, "env": {**environment, **how.get("env", {})}}
    with Command(
        [sys.executable, "-m", "orchestrator", "--version"], stderr=subprocess.DEVNULL, cwd=ROOT, **how
    ) as process:
        process.wait(60)

    assert not process.is_forked


@pytest.mark.parametrize("args", [["-c", "1"], ["-X", "utf8", "-m", "orchestrator"], ["-m", "json.tool", "--help"]])
def test_another_program_gets_a_fresh_python(args, environment):
    with Command([sys.executable, *args], env=environment, stdout=subprocess.DEVNULL) as process:
        process.wait(60)

    assert not process.is_forked


def ended(kind, arguments, stdout, env):
    """Its exit code, its output, and its last words: a traceback goes through other frames of ours."""
    command = [sys.executable, "-m", "orchestrator", *arguments]
    with (
        stdout.open("wb") as sink,
        kind(command, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.PIPE, text=True) as process,
    ):
        _, err = process.communicate(timeout=60)
    return process.returncode, stdout.is_file() and stdout.read_bytes(), err.splitlines()[-1:]


@pytest.mark.parametrize(
    ("arguments", "stdout", "code"),
    [(["run", "--nonsense"], "out", 2), (["schema"], "out", 0), (["schema"], "/dev/full", 1)],
    ids=["usage error", "success", "full disk"],
)
def test_it_ends_as_a_fresh_python_does(arguments, stdout, code, tmp_path, environment):
    fresh, forked = (ended(kind, arguments, tmp_path / stdout, environment) for kind in (subprocess.Popen, Command))

    assert forked == fresh
    assert forked[0] == code


def test_who_leaves_before_the_answer_ends_no_server(tmp_path, environment):
    """As a test that is over before its command has begun."""
    request = {"args": STATE, "environment": environment, "umask": 0o022, "cwd": str(tmp_path),
               "session": False, "group": -1}  # fmt: skip
    ours, theirs = socket.socketpair()
    with (tmp_path / "out").open("wb") as sink, ours, theirs:
        socket.send_fds(commands._server()._control, [b"f"], [theirs.fileno(), *[sink.fileno()] * 3])
        ours.sendall(json.dumps(request).encode() + b"\n")

    assert seen(Command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL)["folder"] == str(tmp_path)
