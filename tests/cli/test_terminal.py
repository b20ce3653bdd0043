"""The real program at terminals of all kinds, and in front of readers that leave."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

from tests.cli.conftest import ACCOUNT
from tests.cli.test_control import leased_elsewhere
from tests.commands import HANGS, Command

ESCAPE = "\x1b["
CURSOR = re.compile(r"\x1b\[\d*[AK]|\x1b\[2K|\x1b\[\?25")


def at_terminal(workplace, *arguments, typed=None, columns=100, stderr_too=True, answer=None, at=None, **environ):
    """Run the command at a terminal of its own, where a person may answer; its exit code and all that it showed.

    `at` is a word and what is done when it is shown for the first time.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    child = Command(
        ["sh", "-c", typed] if typed else workplace.command(*arguments), cwd=workplace.path,
        env={**workplace.environment, "TERM": "xterm-256color", **environ},
        stdin=theirs if answer else subprocess.DEVNULL,
        stdout=theirs, stderr=theirs if stderr_too else subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    if answer:
        os.write(ours, f"{answer}\n".encode())
    got = bytearray()

    def read():
        try:
            is_open = at is not None
            while data := os.read(ours, 65536):
                got.extend(data)
                if is_open and at[0].encode() in got:
                    is_open = False
                    at[1]()
        except OSError:  # how Linux says that the last writer has gone
            pass

    reader = threading.Thread(target=read)
    reader.start()
    code = child.wait()
    reader.join(HANGS)
    os.close(ours)
    return code, got.decode()


def test_a_terminal_gets_bars_and_a_styled_table(workplace):
    code, text = at_terminal(workplace, "run", workplace.manifest())

    assert code == 0
    assert CURSOR.search(text)
    assert "3 started" in text


@pytest.mark.parametrize(
    "environ", [{"TERM": "dumb"}, {"CI": "true", "NO_COLOR": "1"}], ids=["dumb", "ci-without-color"]
)
def test_a_plain_terminal_gets_no_escape_sequence(workplace, environ):
    code, text = at_terminal(workplace, "run", workplace.manifest(), **environ)

    assert code == 0
    assert ESCAPE not in text
    assert "run_finished" in text


def test_a_ci_job_with_a_terminal_gets_no_frames(workplace):
    code, text = at_terminal(workplace, "run", workplace.manifest(), CI="true")

    assert code == 0
    assert not CURSOR.search(text)


def test_no_color_leaves_the_bars_and_takes_the_colors(workplace):
    _, text = at_terminal(workplace, "run", workplace.manifest(), NO_COLOR="1")

    assert CURSOR.search(text)
    assert not re.search(r"\x1b\[[\d;]*m", text)


def test_force_color_styles_a_pipe_and_nothing_else_does(workplace):
    manifest = workplace.manifest()
    workplace.environment.pop("TERM", None)
    plain = workplace.run("run", manifest)
    workplace.environment["FORCE_COLOR"] = "1"
    forced = workplace.run("run", manifest)

    assert ESCAPE not in plain.stdout + plain.stderr
    assert ESCAPE in forced.stdout
    assert not CURSOR.search(forced.stderr)


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_a_narrow_terminal_cuts_no_number(workplace, columns):
    accounts = {name: {"account_id": f"{name}-1", "rate": "unlimited"} for name in ("north-of-the-river", "b")}
    campaigns = [{"stream": "s", "campaign": f"c{n}", "account": name} for n, name in enumerate(accounts)]
    manifest = workplace.manifest(accounts=accounts, campaigns=campaigns, defaults=None)
    code, text = at_terminal(workplace, "run", manifest, columns=columns, stderr_too=False)

    assert code == 0
    assert "…" not in text
    assert re.search(r"north-of-the-river(: 1 started, \d+ calls, 0 throttled| +1 +\d+ +0)", text)


def test_a_narrow_terminal_gets_narrow_bars(workplace):
    code, text = at_terminal(workplace, "run", workplace.manifest(), columns=30)
    frames = [line for line in re.split(r"[\r\n]", text.split("launch spring")[0]) if "0/3" in line or "3/3" in line]

    assert code == 0
    assert frames
    assert all(len(re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", frame)) <= 30 for frame in frames)


def pipe_without_reader():
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize(("broken", "option"), [("stdout", "--json"), ("stderr", "--verbose"), ("both", "--yes")])
def test_a_reader_that_leaves_changes_no_exit_code(workplace, platform, broken, option):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials())
    platform.set_state("cd-1", "Completed")
    nobody = pipe_without_reader()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    streams |= dict.fromkeys(("stdout", "stderr") if broken == "both" else (broken,), nobody)
    child = Command(
        workplace.command("run", manifest, option), cwd=workplace.path, env=workplace.environment, text=True,
        stdin=subprocess.DEVNULL, **streams,
    )  # fmt: skip
    os.close(nobody)
    out, err = child.communicate()

    assert child.returncode == 10
    assert "Traceback" not in (out or "") + (err or "")
    assert workplace.result()["totals"]["started"] == 2


def test_a_shell_pipe_into_head_keeps_the_runs_exit_code(workplace):
    manifest = workplace.manifest()
    script = f'{" ".join(workplace.command("run", manifest))} | head -1; echo "code ${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=workplace.path, env=workplace.environment, text=True, capture_output=True,
        check=False, timeout=HANGS,
    )  # fmt: skip

    assert re.fullmatch(r"launch spring, run r-\w+: 3 started\ncode 0\n", done.stdout)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">/dev/full", ">/dev/full 2>&1"])
def test_no_stream_and_a_full_disk_change_no_exit_code_of_a_run(workplace, closed):
    command = " ".join(workplace.command("run", workplace.manifest()))
    done = subprocess.run(
        ["/bin/bash", "-c", f"{command} {closed}"], cwd=workplace.path, env=workplace.environment, text=True,
        capture_output=True, check=False, timeout=HANGS,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert workplace.result()["totals"]["started"] == 3


def test_a_full_disk_is_an_error_for_a_command_that_only_prints(workplace):
    command = " ".join(workplace.command("schema"))
    done = subprocess.run(
        ["/bin/bash", "-c", f"{command} >/dev/full"], cwd=workplace.path, env=workplace.environment, text=True,
        capture_output=True, check=False, timeout=HANGS,
    )  # fmt: skip

    assert done.returncode != 0


def test_a_locale_without_our_letters_costs_nothing(workplace):
    workplace.environment |= {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    manifest = workplace.manifest(launch="spring", campaigns=[{"stream": "s", "campaign": "c", "name": "Zürich"}])
    done = workplace.run("run", manifest, "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["campaigns"][0]["name"] == "Zürich"


@pytest.mark.parametrize(("answer", "code"), [("spring", 0), ("yes", 4)])
def test_a_release_is_confirmed_by_typing_the_name_again(workplace, answer, code):
    workplace.run("run", workplace.manifest())
    leased_elsewhere(workplace)
    ended, shown = at_terminal(workplace, "release", "spring", "--reason", "its host burned down", answer=answer)

    assert ended == code
    assert f"account {ACCOUNT} is held by run r-far of launch spring (pid 4711 on burned-down)" in shown
    assert "Type spring to go on" in shown
    assert workplace.run("release", "spring", "--reason", "x").returncode == (4 if code == 0 else 0)


def installed(workplace):
    """The command as `pip install` makes it, in a folder for PATH."""
    script = workplace.path / "bin" / "orchestrator"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom orchestrator.__main__ import main\nmain()\n", encoding="utf-8")
    script.chmod(0o755)
    return f"{script.parent}{os.pathsep}{os.environ['PATH']}"


def test_what_comes_next_runs_as_it_is_pasted(workplace):
    workplace.environment["PATH"] = installed(workplace)
    workplace.manifest(
        "my launch.yaml", ledger="sqlite:///own.db", sandbox={"faults": "nasty", "seed": 3},
        campaigns=[{"stream": "st-1", "campaign": f"cd-{n}"} for n in range(12)],
    )  # fmt: skip
    run, shown = at_terminal(workplace, typed="orchestrator run 'my launch.yaml'", NO_COLOR="1")
    pasted = [line.strip().removeprefix("next: ") for line in shown.splitlines() if line.startswith("  next: ")]
    resolved, answered = at_terminal(workplace, typed=pasted[0], answer="seen in the console")

    assert run == 11
    assert [" ".join(line.split()[4:]) for line in pasted[:2]] == [
        "--ledger sqlite:///own.db --as started --reason", "--ledger sqlite:///own.db --as not-started --reason",
    ]  # fmt: skip
    assert resolved == 0, answered
    assert "Reason: " in answered
    assert "is recorded as started" in answered
    files = "".join(path.read_text(encoding="utf-8") for path in (workplace.path / "reports" / "spring").iterdir())
    assert "orchestrator resolve spring" in files
    assert "python -m orchestrator" not in shown + files


def pasted_next(workplace, folder, called, search):
    """The command that a mistake ends with, and whether a shell in `folder` runs it."""
    (workplace.path / "empty.yaml").touch()
    environment = {**workplace.environment, "PATH": search}
    how = {"shell": True, "capture_output": True, "text": True, "env": environment}
    shown = subprocess.run(f"{called} run empty.yaml", check=False, cwd=workplace.path, **how).stderr
    command = shown.rpartition("next: ")[2].strip()
    again = subprocess.run(command, check=False, cwd=folder, **how)
    return command.removesuffix("validate empty.yaml").strip(), "there is no such file" in again.stderr


@pytest.mark.parametrize("kind", ["command", "python"])
def test_a_program_that_is_not_on_the_path_is_named_by_its_own(workplace, tmp_path, kind):
    found = installed(workplace)
    venv = Path(sys.prefix)
    for name, target in {"bin/python3": sys.executable, "pyvenv.cfg": venv / "pyvenv.cfg", "lib": venv / "lib"}.items():
        (workplace.path / name).symlink_to(target)
    typed, on_path = {"command": ("bin/orchestrator", "orchestrator"),
                      "python": ("bin/python3 -m orchestrator", "python3 -m orchestrator")}[kind]  # fmt: skip
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    assert pasted_next(workplace, elsewhere, typed, os.environ["PATH"]) == (f"{workplace.path}/{typed}", True)
    assert pasted_next(workplace, elsewhere, on_path, found) == (on_path, True)


def test_a_reason_that_is_left_out_is_asked_for(workplace):
    workplace.run("run", workplace.manifest())
    ended, shown = at_terminal(workplace, "pause", "spring", answer="lunch")

    assert (ended, "is paused: no start leaves until" in shown) == (0, True)
    assert json.loads(workplace.run("status", "spring", "--json").stdout)["control"]["reason"] == "lunch"
