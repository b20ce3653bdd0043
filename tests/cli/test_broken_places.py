"""Every command where its streams, its folder or its working folder fail: no traceback, and a code that is true."""

import ctypes
import json
import os
import subprocess
import sys

import pytest

from orchestrator.cli.catalogue import COMMANDS as ALL

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
MANIFEST, LEDGER = "{home}/launch.yaml", "sqlite:///{home}/.orchestrator/ledger.db"

# A command, where it reads its ledger from if it takes one; and its exit code where all is well.
COMMANDS = {
    "run": (["run", MANIFEST], 0),
    "plan": (["plan", MANIFEST], 0),
    "approve": (["approve", MANIFEST, "--yes"], 3),  # a manifest is no plan
    "worker": (["worker", "--ledger", "sqlite:///x.db"], 8),
    "rehearse": (["rehearse", MANIFEST], 0),
    "validate": (["validate", MANIFEST], 0),
    "status": (["status", "spring", "--ledger", LEDGER], 0),
    "pause": (["pause", "spring", "--reason", "x", "--ledger", LEDGER], 0),
    "unpause": (["unpause", "spring", "--reason", "x", "--ledger", LEDGER], 4),
    "abort": (["abort", "spring", "--reason", "x", "--ledger", LEDGER], 0),
    # The built-in platform has ended with its run: there is nothing to follow.
    "follow": (["follow", "spring", "--manifest", MANIFEST, "--ledger", LEDGER], 4),
    "stop-started": (["stop-started", "spring", "--reason", "x", "--manifest", MANIFEST, "--ledger", LEDGER], 0),
    "resolve": (["resolve", "spring", "st-1/cd-0", "--as", "started", "--reason", "x", "--ledger", LEDGER], 4),
    "init": (
        [
            "init",
            "{home}/new",
            "--yes",
            "--launch",
            "winter",
            "--host",
            "https://bots.example.com",
            "--account-id",
            "67777ce93e25326494e90001",
        ],
        0,
    ),
    "discover": (["discover", MANIFEST, "--stream", "st-1"], 4),  # the built-in platform has nothing to discover
    "diff": (["diff", "spring", "spring", "--json", "--ledger", LEDGER], 0),
    "explain": (["explain", MANIFEST], 0),
    "list": (["list", "--ledger", LEDGER], 0),
    "history": (["history", "spring", "--ledger", LEDGER], 0),
    "why": (["why", "spring", "st-1/cd-0", "--ledger", LEDGER], 0),
    "release": (["release", "spring", "--reason", "x", "--ledger", LEDGER], 4),
    "report": (["report", "spring", "--dir", "{home}/again", "--ledger", LEDGER], 0),
    "audit verify": (["audit", "verify", "spring", "--ledger", LEDGER], 0),
    "audit export": (["audit", "export", "spring", "-o", "{home}/pack.zip", "--ledger", LEDGER], 0),
    "doctor": (["doctor", "--ledger", LEDGER], 0),
    "notify": (["notify", "test", MANIFEST], 5),  # it names nobody
    "schema": (["schema"], 0),
    "sandbox": (["sandbox", "--world", MANIFEST], 2),  # no world: it would serve until a signal
    "serve": (["serve", "--address", "192.0.2.1"], 2),  # no token: it would serve until a signal
    "completion": (["completion", "bash"], 0),
    "help": (["help", "audit", "verify"], 0),
    "--help": (["--help"], 0),
    "--version": (["--version", "--json"], 0),
    "run --help": (["run", "--help"], 0),
}
TEXT_IS_ALL = {"schema", "completion", "help", "--help", "run --help"}
"""Commands that are for nothing but their text: lost, it is a failure."""


@pytest.fixture
def home(workplace):
    """A launch that has run, to the ledger at an absolute address."""
    ledger = LEDGER.format(home=workplace.path)
    workplace.manifest(ledger=ledger, report={"dir": f"{workplace.path}/reports"})
    done = workplace.run("run", f"{workplace.path}/launch.yaml")
    assert done.returncode == 0, done.stderr
    return workplace


def command_of(home, name):
    arguments, code = COMMANDS[name]
    return [sys.executable, "-m", "orchestrator", *(one.format(home=home.path) for one in arguments)], code


def shell(home, name, script, cwd):
    """Run a command by a shell script in which "$@" stands for it."""
    command, code = command_of(home, name)
    done = subprocess.run(
        ["/bin/bash", "-c", script, "bash", *command], cwd=cwd, env=home.environment, text=True, capture_output=True,
        check=False, timeout=60, stdin=subprocess.DEVNULL, preexec_fn=obey_modes,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done, code


def obey_modes():
    """Let even root be refused by a folder's mode, from the next program on."""
    if os.getuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def test_no_command_is_left_out():
    assert {name.split()[0] for name in COMMANDS if not name.startswith("-")} == set(ALL)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_behind_stdout_is_told_in_a_line(home, name):
    command, code = command_of(home, name)
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        done = home.start(*command[3:], stdout=full, stdin=subprocess.DEVNULL)
        _, err = done.communicate()

    assert "Traceback" not in err, err
    assert done.returncode == (1 if name in TEXT_IS_ALL else code), err
    if code == 0:
        assert "cannot write to standard output: No space left on device" in err


def test_a_sandbox_that_cannot_introduce_itself_ends(workplace):
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        process = workplace.start("sandbox", "--port", "0", stdout=full)
        _, err = process.communicate()

    assert process.returncode == 1
    assert err.splitlines()[-1] == "cannot write to standard output: No space left on device"


@pytest.mark.parametrize("name", COMMANDS)
def test_closed_standard_streams_change_no_exit_code(home, name):
    done, code = shell(home, name, '"$@" <&- >&-', home.path)

    assert done.returncode == code, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_without_a_working_folder_absolute_paths_do(home, name):
    gone = home.path / "gone"
    gone.mkdir()
    done, code = shell(home, name, 'rmdir ../gone && "$@"', gone)

    assert done.returncode == code, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_a_working_folder_that_cannot_be_written_is_no_matter(home, name):
    locked = home.path / "locked"
    locked.mkdir(mode=0o500)
    done, code = shell(home, name, '"$@"', locked)

    assert done.returncode == code, done.stderr


@pytest.mark.parametrize(("arguments", "code"), [
    (["run", "launch.yaml"], 8), (["plan", "launch.yaml"], 8), (["doctor"], 4), (["doctor", "launch.yaml"], 4),
    (["rehearse", "launch.yaml", "--dir", "r"], 2), (["status"], 8), (["validate", "launch.yaml"], 0),
])  # fmt: skip
def test_where_no_ledger_and_no_report_can_be_made_it_is_said(workplace, arguments, code):
    workplace.manifest()
    workplace.path.chmod(0o500)
    done = subprocess.run(
        workplace.command(*arguments), cwd=workplace.path, env=workplace.environment, text=True, capture_output=True,
        check=False, timeout=60, stdin=subprocess.DEVNULL, preexec_fn=obey_modes,
    )  # fmt: skip
    workplace.path.chmod(0o700)

    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if arguments[0] == "doctor":
        assert "cannot be created" in done.stdout


def test_a_report_that_cannot_be_written_is_told_as_json(home):
    done = home.run("report", "spring", "--dir", "/dev/null/x", "--json", "--ledger", LEDGER.format(home=home.path))

    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["message"].startswith("cannot write to /dev/null/x: Not a directory")


def test_a_folder_that_inherits_setgid_is_safe(workplace):
    workplace.path.chmod(0o2700)
    codes = [workplace.run("run", workplace.manifest()).returncode for _ in range(2)]

    assert (workplace.path / ".orchestrator").stat().st_mode & 0o7777 == 0o2700
    assert codes == [0, 0]
