"""A manifest from standard input, a named pipe or a shell's `<(...)`."""

import subprocess
import sys

from tests.cli.test_terminal import at_terminal
from tests.commands import run


def given(workplace, data, *arguments):
    with workplace.start(*arguments, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(data)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def in_shell(workplace, line):
    return run(["bash", "-c", line], cwd=workplace.path, env=workplace.environment, stdin=subprocess.DEVNULL)


def with_list(workplace, **changes):
    """A manifest whose campaigns are in a file beside it, which is the working folder."""
    (workplace.path / "list.csv").write_text("stream,campaign\nst-1,cd-0\nst-1,cd-1\n")
    return workplace.manifest(campaigns=None, campaigns_from=["list.csv"], **changes)


def test_a_manifest_is_read_from_standard_input(workplace):
    text = (workplace.path / with_list(workplace)).read_text()
    done = given(workplace, text, "run", "-")
    assert (done.returncode, workplace.result()["totals"]["started"]) == (0, 2), done.stderr


def test_the_hash_of_a_stream_is_that_of_the_file(workplace):
    name = with_list(workplace)
    assert workplace.run("run", name).returncode == 0
    of_file = workplace.result()["run"]["manifest_sha256"]
    assert given(workplace, (workplace.path / name).read_text(), "run", "-").returncode == 0
    assert workplace.result()["run"]["manifest_sha256"] == of_file


def test_a_pipe_of_the_shell_and_a_named_pipe_are_manifests(workplace):
    command = f"{sys.executable} -m orchestrator validate"
    name = with_list(workplace)
    for line in (
        f"{command} <(cat {name})",
        f"mkfifo p; cat {name} > p & {command} p",
        f"{command} /dev/stdin < {name}",
    ):
        done = in_shell(workplace, line)
        assert (done.returncode, "2 campaigns" in done.stdout) == (0, True), (line, done.stderr)


def test_no_command_is_offered_that_would_read_a_stream_again(workplace):
    done = given(workplace, "version: 2\n", "validate", "-")
    assert done.returncode == 3
    assert "-:1:1: version: must be 1\n  1 | version: 2\n    | ^ 2\n" in done.stderr
    assert "next:" not in done.stderr


def test_standard_input_at_a_terminal_is_no_manifest(workplace):
    code, text = at_terminal(workplace, "validate", "-", answer="x")
    assert code == 3
    assert "standard input is a terminal; give it the manifest with < or a pipe" in text


def test_a_refused_run_reads_a_pipe_once(workplace):
    done = in_shell(workplace, f"{sys.executable} -m orchestrator run <(echo launch: spring) --ci github")
    assert (done.returncode, "problem" in done.stderr) == (3, True)


def test_a_person_who_cannot_answer_is_told_so(workplace, platform):
    name = workplace.manifest(host=platform.start(), accounts=workplace.credentials())
    command = f"cat {name} | {sys.executable} -m orchestrator run -"
    code, text = at_terminal(workplace, typed=command)
    assert (code, platform.starts) == (4, {})
    assert "run again with --yes, or with --approve and the hash that plan prints" in text
    assert at_terminal(workplace, typed=f"{command} --yes")[0] == 0


def test_too_long_a_stream_ends(workplace):
    done = in_shell(workplace, f"{sys.executable} -m orchestrator validate /dev/zero")
    assert (done.returncode, "is larger than 32 MiB" in done.stderr) == (3, True)
