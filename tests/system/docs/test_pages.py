import re
import shlex

import click
import pytest

from orchestrator.cli import main
from tests.paths import ROOT
from tests.system.docs.page import ELSEWHERE, PAGES, comparable, pages, rewritten, steps

COMMAND = re.compile(r"python -m orchestrator((?: [^\s`|&;>]+)*)")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_prints_what_the_page_shows(page, printed):
    shown, actual = steps((ROOT / page).read_text(encoding="utf-8")), printed(page)

    assert len(actual) == len(shown)
    for (command, expected), one in zip(shown, actual, strict=True):
        assert comparable(one) == comparable(expected), f"{command}: python -m tests.system.docs.page {page}"


@pytest.mark.parametrize(("page", "file"), ELSEWHERE.items())
def test_the_other_pages_commands_are_run_by_the_named_test(page, file):
    assert steps((ROOT / page).read_text(encoding="utf-8"))
    assert page.rsplit("/", 1)[-1] in (ROOT / file).read_text(encoding="utf-8")


def test_a_page_is_only_rewritten_where_its_output_changed():
    text = "```console\n$ echo a\nr-0123456789ab\n$ echo b\n```\nand\n```yaml\na: 1\n```\n"

    assert rewritten(text, ["r-ba9876543210", ""]) == text
    assert rewritten(text, ["other", "b"]) == text.replace("r-0123456789ab", "other").replace("echo b", "echo b\nb")


@pytest.mark.parametrize("took", ["0.0 s", "1 s", "2 min 7 s", "1,204 ms"])
def test_a_slow_machine_prints_the_same(took):
    line = "+++ spring@r-0123456789ab: 3 started; took {}: Campaign Started"

    assert comparable(line.format(took)) == comparable(line.format("12 ms"))
    assert comparable(f"took {took}; first") != comparable("took an hour; first")


@pytest.mark.parametrize("page", pages())
def test_every_command_that_a_page_names_exists_with_its_options(page):
    for words in COMMAND.findall((ROOT / page).read_text(encoding="utf-8")):
        name, options = command_of(words)
        if name is None:
            continue
        command = main.get_command(click.Context(main), name)
        if isinstance(command, click.Group):
            name = shlex.split(words)[1]
            command = command if name == "[OPTIONS]" else command.commands.get(name)
        assert command is not None, words
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert options <= {*known, "--help", "-h"}, words


def command_of(words):
    """The command's name and its options; None for a placeholder such as COMMAND, and for a group's options."""
    try:
        parts = shlex.split(words)
    except ValueError:
        parts = words.split()
    name = parts[0] if parts else ""
    if not re.fullmatch(r"[a-z][a-z-]*", name):
        return None, set()
    return name, {part.split("=")[0] for part in parts[1:] if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", part)}


def test_the_runbook_goes_from_the_file_to_the_report():
    runbook = (ROOT / "docs" / "how-to" / "runbook.md").read_text(encoding="utf-8")
    titles = [line[3:] for line in runbook.splitlines() if line.startswith("## ")]

    assert titles == [
        "Prepare", "Rehearse", "Plan", "Approve", "Pause", "Run and watch", "Resolve", "Stop", "Report",
    ]  # fmt: skip
