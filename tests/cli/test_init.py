"""`init`: questions at a terminal, options anywhere else."""

import json
import subprocess

import pytest

from orchestrator.loading.manifest_file import load_manifest
from tests.cli.conftest import ACCOUNT
from tests.cli.test_signals import SIGNALS, signalled_at
from tests.cli.test_terminal import at_terminal

ID = "a1a1a1a1a1a1a1a1a1a1a1a1"
NEXT = "python -m orchestrator discover launch.yaml -o campaigns.csv --stream"


def draft(workplace, folder="spring"):
    return load_manifest(workplace.path / folder / "launch.yaml", is_draft=True).manifest


def test_options_and_defaults_are_enough_without_a_terminal(workplace):
    done = workplace.run("init", "spring", "--yes", "--account-id", ID)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "spring/launch.yaml       the launch: what to start, where, and how fast",
        "spring/campaigns.csv     its campaigns; only the header so far",
        "spring/.gitignore        keeps the ledger and the reports out of git",
        "spring/manifest.v1.json  lets an editor complete and check launch.yaml",
        f"next: cd spring && {NEXT}",
    ]
    assert (draft(workplace).launch, draft(workplace).host) == ("spring", "https://platform.kore.ai")


def test_every_answer_can_be_an_option(workplace):
    done = workplace.run(
        "init", "--launch", "may", "--host", "http://127.0.0.1:8765", "--account-id", ID, "--algorithm", "RS256",
        "--client-id-command", "pass show 'kore id'", "--client-secret-file", "key.pem",
    )  # fmt: skip
    account = draft(workplace, "").accounts["main"]

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"\nnext: {NEXT}\n")
    assert draft(workplace, "").launch == "may"
    assert (account.algorithm, account.client_id.command) == ("RS256", ("pass", "show", "kore id"))
    assert account.client_secret.file == "key.pem"


def test_what_is_missing_is_named_in_one_message(workplace):
    without_terminal = workplace.run("init", "spring")
    without_id = workplace.run("init", "spring", "--yes")
    without_yes = workplace.run("init", "spring", "--account-id", ID)

    assert {done.returncode for done in (without_terminal, without_id, without_yes)} == {2}
    assert without_terminal.stderr == (
        "error: --account-id and --yes must be given: there is no terminal to ask at; nothing was written\n"
    )
    assert without_id.stderr == "error: --account-id must be given: it has no default; nothing was written\n"
    assert without_yes.stderr == "error: --yes must be given: there is no terminal to ask at; nothing was written\n"
    assert list(workplace.path.iterdir()) == []


def test_wrong_options_are_all_named_and_no_secret_is(workplace):
    arguments = ("--host", "http://kore.ai", "--account-id", "a b", "--client-secret-env", "s3cr3t-value")
    done = workplace.run("init", "spring", "--yes", *arguments, "--json")
    error = json.loads(done.stdout)["error"]

    assert (done.returncode, error["exit_code"]) == (2, 2)
    assert error["message"] == (
        "--host 'http://kore.ai' must be https: plain http is for this machine only; write it as https://…, "
        "and --account-id 'a b' can only contain letters, digits, '.', '_' and '-', at most 128 of them; begin with a "
        "letter or a digit, and --client-secret-env must be the name of a variable; write letters, digits and '_', "
        "and no digit first. Nothing was written"
    )
    assert "s3cr3t" not in done.stdout + done.stderr
    assert list(workplace.path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--client-id-env", "A", "--client-id-file", "b"),
            "--client-id-… is given twice: choose one place for the secret",
        ),
        (("--example", "--launch", "x"), "--example unpacks a complete launch: leave the other options out"),
    ],
)
def test_options_that_contradict_each_other_are_refused(workplace, arguments, words):
    done = workplace.run("init", "spring", "--yes", *arguments)

    assert (done.returncode, words in done.stderr) == (2, True)


def test_plan_and_run_of_what_it_wrote_lead_to_discover(workplace):
    workplace.run("init", "spring", "--yes", "--account-id", ID)
    for command in ("plan", "run", "validate"):
        done = workplace.run(command, "spring/launch.yaml")
        assert done.returncode == 3
        assert "spring/launch.yaml:28:1: campaigns_from: its files list no campaigns yet" in done.stderr
        assert done.stderr.splitlines()[-2:] == [
            "error: the manifest has 1 problem" + ("; no start was sent" if command == "run" else ""),
            "next: python -m orchestrator discover spring/launch.yaml -o spring/campaigns.csv --stream",
        ]


def test_the_example_runs_as_the_next_line_says(workplace):
    done = workplace.run("init", "demo", "--example", "--json")
    said = json.loads(done.stdout)
    script = said["next"].replace("python -m orchestrator", " ".join(workplace.command())).replace("run ", "validate ")
    ran = subprocess.run(
        ["/bin/sh", "-c", script], cwd=workplace.path, env=workplace.environment, text=True, capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip

    assert said["files"] == ["demo/launch.yaml", "demo/.gitignore", "demo/manifest.v1.json"]
    assert said["next"] == "cd demo && python -m orchestrator run launch.yaml"
    assert "30 campaigns, 3 accounts" in ran.stdout


def test_a_folder_in_use_is_left_alone_before_any_question(workplace):
    (workplace.path / "campaigns.csv").write_text("mine", encoding="utf-8")
    code, shown = at_terminal(workplace, "init", answer="spring")

    assert code == 2
    assert "error: there is campaigns.csv already; nothing was written" in shown
    assert "Launch" not in shown.replace("launch", "")
    assert [file.name for file in workplace.path.iterdir()] == ["campaigns.csv"]


ANSWERS = ("spring-2026", "", "a1a1", "HS512", "cs-0123", "env SPRING_ID", "command pass show kore")


def test_a_terminal_is_asked_for_what_no_option_answers(workplace):
    code, shown = at_terminal(workplace, "init", "spring", "--launch", "may", answer="\n".join(ANSWERS[1:]))
    account = draft(workplace).accounts["main"]

    assert code == 0, shown
    assert "Launch, the name of this send" not in shown
    assert "Host [https://platform.kore.ai]: " in shown
    assert "must be the secret's place, never its value" in shown
    assert "note: account main has the account_id a1a1, but the platform's have 24 hex digits" in shown
    assert (draft(workplace).launch, account.algorithm) == ("may", "HS512")
    assert (account.client_id.env, account.client_secret.command) == ("SPRING_ID", ("pass", "show", "kore"))


def test_a_wrong_answer_is_asked_again_with_its_reason(workplace):
    code, shown = at_terminal(workplace, "init", "spring", answer=f"a b\nmay\nhttp://kore.ai\n\n\n{ID}\n\n\n")

    assert code == 0, shown
    assert shown.count("Launch, the name of this send [spring]: ") == 2
    assert "  must be https: plain http is for this machine only; write it as https://…" in shown
    assert shown.count("Account id, 24 hex digits: ") == 2
    assert "  is needed" in shown
    assert draft(workplace).launch == "may"


def test_the_end_of_the_input_ends_the_questions(workplace):
    code, shown = at_terminal(workplace, "init", "spring", answer="may\n\x04")

    assert code == 2
    assert "error: the input ended before the last answer; nothing was written" in shown
    assert list(workplace.path.iterdir()) == []


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
def test_a_signal_at_a_question_writes_nothing(workplace, number):
    code, shown = signalled_at("Launch, the name", number, workplace, "init", "spring")

    assert code == SIGNALS[number]
    assert f"{number.name} received: ended at once" in shown
    assert "Traceback" not in shown
    assert list(workplace.path.iterdir()) == []


def test_yes_asks_nothing_at_a_terminal_either(workplace):
    code, shown = at_terminal(workplace, "init", "spring", "--yes", "--account-id", ID, answer="may")

    assert code == 0
    assert "Host" not in shown
    assert draft(workplace).launch == "spring"


def test_four_commands_lead_from_an_empty_folder_to_a_plan(workplace, platform):
    host = platform.start(campaigns=[f"cd-{number:03}" for number in range(120)])
    secrets = ("--client-id-env", "ACME_ID", "--client-secret-env", "ACME_SECRET")
    commands = [
        ("init", "--yes", "--launch", "spring", "--host", host, "--account-id", ACCOUNT, *secrets),
        ("discover", "launch.yaml", "-o", "campaigns.csv", "--stream", "st-1"),
        ("validate", "launch.yaml"),
        ("plan", "launch.yaml"),
    ]
    done = [workplace.run(*command) for command in commands]

    assert [(one.returncode, one.stderr) for one in done if one.returncode] == []
    assert "120 campaigns, 1 account" in done[2].stdout
    assert done[3].stdout.startswith("plan for launch spring: 120 to start, 0 to check, 0 to skip\n")
    assert platform.starts == {}
