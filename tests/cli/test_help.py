"""What the help shows: groups, examples that run, one set of words for values; and what a wrong word may mean."""

import os
import re
import shlex
import shutil
from collections import defaultdict

import click
import pytest

from docs.generator.commands import METAVARS
from orchestrator.cli import documented, main
from orchestrator.cli.catalogue import COMMANDS, FOREIGN, GROUPS
from orchestrator.core.exit_codes import ExitCode
from tests.cli.conftest import Workplace
from tests.cli.test_terminal import at_terminal
from tests.paths import ROOT
from tests.signatures import Signer

PROGRAM = "python -m orchestrator"
GOLDEN = ROOT / "tests" / "cli" / "help"
SERVICES = {"serve", "sandbox", "worker"}
"""They run until a signal: their examples are only parsed."""


def contexts():
    """Each command in its context, with those of groups, by the words that name it."""
    root = main.context_class(main, info_name=PROGRAM, **main.context_settings)
    yield "", root
    for name in main.list_commands(root):
        yield from below(main.get_command(root, name), name, root)


def below(command, name, around):
    context = command.context_class(command, info_name=name, parent=around)
    words = context.command_path.removeprefix(PROGRAM).strip()
    yield words, context
    for part, inner in getattr(command, "commands", {}).items():
        yield from below(inner, part, context)


CONTEXTS = dict(contexts())
EXAMPLES = [(words, example) for words, context in CONTEXTS.items() for example in context.command.examples]


def options():
    for words, context in CONTEXTS.items():
        for parameter in context.command.params:
            if isinstance(parameter, click.Option):
                yield words, context, parameter


def parsed(example):
    """The context of an example's command. Raises click.UsageError for one that cannot be used."""
    context, words = CONTEXTS[""], [os.path.expanduser(word) for word in shlex.split(example)]  # noqa: PTH111 - as a shell
    while isinstance(context.command, click.Group):
        name, command, words = context.command.resolve_command(context, words)
        if isinstance(command, click.Group):
            context = command.context_class(command, info_name=name, parent=context)
        else:
            context = command.make_context(name, words, parent=context)
    return context


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """A launch that has run in the sandbox, with all that the examples name."""
    place = Workplace(tmp_path_factory.mktemp("launched"))
    campaigns = [{"stream": "st-0603182c", "campaign": "cd-0e0475b", "tags": ["canary"]}]
    place.manifest(campaigns=campaigns)
    for name in ("spring", "autumn"):
        place.manifest(f"{name}.yaml", launch=name, campaigns=campaigns)
    assert place.run("run", "launch.yaml").returncode == 0
    assert place.run("plan", "launch.yaml", "-o", "plan.json").returncode == 0
    (place.path / "world.yaml").write_text("accounts: []\ncampaigns: []\n", encoding="utf-8")
    return place


@pytest.fixture
def there(launched, tmp_path, monkeypatch):
    """A copy of that folder as the working folder, with a key in the home folder."""
    shutil.copytree(launched.path, tmp_path, dirs_exist_ok=True)
    place = Workplace(tmp_path)
    Signer(tmp_path, "cleo")
    (tmp_path / ".ssh").mkdir()
    for ending in ("", ".pub"):
        shutil.copy(tmp_path / f"key-cleo{ending}", tmp_path / ".ssh" / f"id_ed25519{ending}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    place.environment |= {"HOME": str(tmp_path)}
    return place


def test_each_command_has_a_group_a_page_and_two_examples():
    assert list(GROUPS) == ["Start", "Look", "Control", "Operate"]
    assert sum(map(len, GROUPS.values())) == len(COMMANDS)
    for words, context in CONTEXTS.items():
        command = context.command
        assert len(command.examples) == 2, words
        assert all(example.startswith(words) for example in command.examples)
        page = (ROOT / command.page).read_text(encoding="utf-8")
        assert not words or re.search(rf"(orchestrator |`){words}\b", page), f"{command.page} explains no {words}"


def test_a_summary_is_the_same_in_the_list_and_in_the_help():
    for name, summary in COMMANDS.items():
        assert CONTEXTS[name].command.help.split("\n")[0] == summary


def test_what_a_command_does_is_told_in_short_sentences():
    for words, context in CONTEXTS.items():
        summary, *paragraphs = context.command.help.split("\n\n")
        text = " ".join(" ".join(paragraphs).split())
        sentences = re.split(r"(?<=[.])\s+(?=[A-Z`])", text) if text else []
        assert len(summary) <= 64 or not words, summary
        assert 1 <= len(sentences) <= 4 or not words, (words, sentences)
        assert [one for one in sentences if len(one.split()) > 28] == [], words


@pytest.mark.parametrize(("words", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_an_example_can_be_pasted(there, words, example):
    assert parsed(example).command_path.startswith(f"{PROGRAM} {words}".strip())
    if words not in SERVICES and "--ask" not in example:  # a person is asked
        done = there.run(*(word.replace("~", str(there.path)) for word in shlex.split(example)))
        assert done.returncode not in {ExitCode.INTERNAL, ExitCode.USAGE}, done.stderr
        assert "Traceback" not in done.stderr


def test_the_exit_codes_are_those_that_exist():
    for context in CONTEXTS.values():
        codes = {int(code) for code in context.command.exits if code != "2-9"}
        assert codes <= {int(code) for code in ExitCode} | {143}


def test_a_value_has_no_word_that_the_page_does_not_explain():
    known = {word for words in METAVARS for word in words.split(", ")}
    used = set()
    for context in CONTEXTS.values():
        for parameter in context.command.params:
            shown = parameter.make_metavar(context).removesuffix("...")
            if not shown or getattr(parameter, "is_flag", False) or re.fullmatch(r"[\[{][a-z|-]+[\]}]", shown):
                continue
            used.update(shown.strip("[]").split("|"))

    assert used - {"ARGS"} == known


def test_one_option_is_spelled_and_explained_alike_everywhere():
    seen = defaultdict(set)
    for words, context, option in options():
        shown, about = option.get_help_record(context)
        names = shown.split(" [")[0]  # of --format and --faults, the choices differ
        about = about if option.name in {"as_json", "environment", "retry_failed", "log_format"} and words else ""
        seen[max(option.opts, key=len)].add((names, about))

    assert {name: ways for name, ways in seen.items() if len(ways) > 1} == {
        "--json": {("--json", "Print JSON on stdout, errors too."), ("--json", "")},
        "--host": {("--host URL", ""), ("--host NAME", "")},  # the platform's; a name of ours
        "--as": {("--as", ""), ("--as NAME", "")},  # what became of a campaign; who plans
        "--stalled-after": {("--stalled-after DURATION", ""), ("--stalled-after N", "")},
        "--format": {("--format", ""), ("--format NAME", "")},  # two words are shown, seven are listed
    }


def test_a_consent_says_what_is_not_asked():
    for words, context, option in options():
        if option.name == "yes":
            assert option.get_help_record(context)[1].startswith("Do not ask"), words


def test_a_number_and_a_duration_have_a_default():
    for words, context, option in options():
        if option.make_metavar(context) in {"N", "DURATION"}:
            assert "default" in option.get_help_record(context)[1], (words, option.name)


def test_a_range_of_numbers_is_told_in_words(workplace):
    shown = {words: context.get_help() for words, context in CONTEXTS.items()}
    wrong = workplace.run("run", "launch.yaml", "--max-starts", "0")

    assert [words for words, text in shown.items() if "x<=" in text or "x>=" in text] == []
    assert "2 to 300]" in shown["worker"]
    assert wrong.stderr.endswith("0 is not in the range 1 or more.\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["run", "launch.yaml", "--max-starts", "x"], "'x' is not a valid whole number."),
        (["run", "launch.yaml", "--max-starts", "1.5"], "'1.5' is not a valid whole number."),
        (["sandbox", "--port", "http"], "'http' is not a valid whole number."),
        (["worker", "--ledger", "x", "--stalled-after", "10s"], "'10s' is not a valid number."),
        (["run", "launch.yaml", "--at", "9:00"],
         "; write --at 2026-12-01T09:00 --zone America/New_York, or --at 2026-12-01T09:00:00-05:00"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_answered_as_it_is_typed_here(workplace, words, hint):
    done = workplace.run(*words)

    assert done.returncode == 2
    assert done.stderr.rstrip().endswith(hint)


@pytest.mark.parametrize("columns", range(40, 101, 3))
def test_an_option_is_never_broken_at_its_hyphen(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for words, context in CONTEXTS.items():
        text = context.get_help()
        assert re.findall(r"\S*\w-\n", text) == [], words
        assert text.isascii(), words


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_help_fits_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for words, context in CONTEXTS.items():
        lines = context.get_help().splitlines()
        assert [line for line in lines if len(line) > columns] == [], words
        assert lines[-1] == f"More: {context.command.page}"


def test_an_installed_package_names_no_page_that_it_lacks(monkeypatch, tmp_path):
    """A wheel has the package alone."""
    monkeypatch.setattr(documented, "_PAGES", tmp_path)
    for words, context in CONTEXTS.items():
        assert "docs/" not in context.get_help(), words


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.txt")), ids=lambda file: file.stem)
def test_help_is_laid_out_as_before(monkeypatch, file):
    words, columns = file.stem.rsplit(".", 1)
    monkeypatch.setenv("COLUMNS", columns)

    assert CONTEXTS[words.replace("all", "")].get_help() + "\n" == file.read_text(encoding="utf-8")


def test_a_wrapped_example_is_still_the_same_command(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    for context in CONTEXTS.values():
        section = context.get_help().split("Examples:\n")[1].split("\n\n")[0]
        commands = [shlex.split(one) for one in section.replace("\\\n", "").splitlines()]
        assert commands == [shlex.split(f"{PROGRAM} {example}") for example in context.command.examples]


def test_help_of_a_command_is_what_its_option_prints(workplace):
    for words in ([], ["run"], ["audit"], ["audit", "verify"]):
        by_name, by_option = workplace.run("help", *words), workplace.run(*words, "--help")
        assert (by_name.returncode, by_name.stdout) == (0, by_option.stdout)

    wrong = workplace.run("help", "rum")
    assert (wrong.returncode, wrong.stderr.splitlines()[-1]) == (
        2, "Error: No such command 'rum'. Did you mean 'run'?",
    )  # fmt: skip
    assert workplace.run("help", "run", "x").returncode == 2


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["stat"], "Did you mean 'status'?"),
        (["Plan"], "Did you mean 'plan'?"),
        (["resume"], "Did you mean 'run' or 'unpause'?"),
        (["cancel"], "Did you mean 'abort' or 'stop-started'?"),
        (["start"], "Did you mean 'run'?"),
        (["logs"], "Did you mean 'history'?"),
        (["audit", "verfy"], "Did you mean 'verify'?"),
        (["xyzzy"], "No such command 'xyzzy'."),
        (["run", "launch.yaml", "--selct", "x"], "No such option '--selct'. Did you mean '--select'?"),
        (["run", "launch.yaml", "--xyzzy", "x"], "Error: No such option '--xyzzy'."),
    ],
)
def test_a_wrong_word_is_answered_with_the_likely_one(workplace, words, hint):
    done = workplace.run(*words)

    assert done.returncode == 2
    assert hint in done.stderr.splitlines()[-1]


def test_words_of_other_programs_lead_to_commands_that_exist():
    assert FOREIGN.keys() & COMMANDS.keys() == set()
    for meant in FOREIGN.values():
        for words in meant:
            name, *options = words.split(" --")
            known = {name for one in CONTEXTS[name if name in CONTEXTS else ""].command.params for name in one.opts}
            assert name in CONTEXTS or name in known, words
            assert {f"--{option}" for option in options} <= known, words


def test_help_goes_through_the_pager_where_it_does_not_fit(workplace):
    """Never with an escape sequence: there is nothing for NO_COLOR to take away."""
    long = at_terminal(workplace, "--help", answer="q", PAGER="sed s/^/paged:/")[1]
    short = at_terminal(workplace, "why", "--help", answer="q", PAGER="sed s/^/paged:/")[1]

    assert "paged:Start:" in long
    assert "Examples:" in short
    assert "paged:" not in short
    assert "\x1b" not in long + short
