"""The signals of the real command: those that were ignored at the start, and those at a terminal's question."""

import contextlib
import os
import pty
import signal
import subprocess

import pytest

from tests.commands import HANGS

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def started(process):
    for line in process.stderr:
        if "wave_opened" in line:
            return


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
def test_a_signal_that_is_ignored_at_the_start_stays_ignored(workplace, number):
    """As under nohup, or by the `&` of a shell without job control."""
    manifest = workplace.manifest(accounts={"acme": {"account_id": "a1", "rate": ["5/1s"]}},
                                  campaigns=[{"stream": "st-1", "campaign": f"cd-{n}"} for n in range(8)])  # fmt: skip
    with workplace.start("run", manifest, preexec_fn=lambda: signal.signal(number, signal.SIG_IGN)) as process:
        started(process)
        process.send_signal(number)
        out, err = process.communicate()

    assert process.returncode == 0, err
    assert "8 started" in out


def test_a_second_signal_stops_waiting_and_a_third_does_nothing(workplace, platform):
    url = platform.start(scripted={f"st-1/cd-{n}": ["hang_before"] for n in range(3)})
    manifest = workplace.manifest(host=url, accounts=workplace.credentials(), timeouts={"total": "60s"})
    with workplace.start("run", manifest, "--verbose", "--log-format", "json") as process:
        started(process)
        while sum(platform.starts.values()) == 0 and platform.calls < 3:  # two lists, then the first start
            pass
        process.send_signal(signal.SIGTERM)
        for line in process.stderr:
            if "again to stop waiting" in line:
                break
        for _ in range(20):
            process.send_signal(signal.SIGINT)
        out, err = process.communicate()

    assert process.returncode == 11, err
    assert "Traceback" not in err
    assert "exit code 11" in out
    assert workplace.result()["run"]["stop"]["reason"] == "SIGTERM"


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
def test_the_sandbox_ends_in_order_on_many_signals(workplace, number):
    with workplace.start("sandbox", "--port", "0") as process:
        for line in process.stdout:
            if line.startswith("# A manifest"):
                break
        for _ in range(3):
            process.send_signal(number)
        out, err = process.communicate()

    assert process.returncode == 0, err
    assert out.endswith("# 0 starts accepted, 0 hazards, 0 calls, 0 over the limit\n")
    assert "Traceback" not in err


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_run_with_closed_standard_streams_ends_as_any(workplace, loop):
    """Else the ledger or a socket takes their numbers, and uvloop aborts the process."""
    workplace.environment["ORCHESTRATOR_LOOP"] = loop
    for number, closed in enumerate(("<&-", ">&-", "2>&-", "<&- >&- 2>&-")):
        command = " ".join(workplace.command("run", workplace.manifest(launch=f"spring-{number}")))
        done = subprocess.run(["/bin/sh", "-c", f"{command} {closed}"], cwd=workplace.path, env=workplace.environment,
                              capture_output=True, text=True, check=False, timeout=HANGS)  # fmt: skip
        assert done.returncode == 0, (closed, done.returncode, done.stderr)


def signalled_at(question, number, workplace, *arguments):
    """The command's exit code and all that it showed, after a signal at its question at a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(workplace.command(*arguments), cwd=workplace.path, env=workplace.environment,
                               stdin=theirs, stderr=theirs, stdout=subprocess.PIPE)  # fmt: skip
    os.close(theirs)
    said = b""
    while question.encode() not in said:
        said += os.read(ours, 4096)
    process.send_signal(number)
    process.wait(HANGS)
    with contextlib.suppress(OSError):  # the terminal's other end is closed
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    process.stdout.close()
    return process.returncode, said.decode()


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
def test_a_signal_at_the_question_ends_with_its_code(workplace, platform, number):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials())
    code, said = signalled_at("to go on", number, workplace, "run", manifest, "--new-ledger")

    assert code == SIGNALS[number], said
    assert "before the first start; no start was sent" in said
    assert "Traceback" not in said
    assert platform.starts == {}
