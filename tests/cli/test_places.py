"""The one rule of where ledger and reports lie, in every command."""

import json

import pytest

from orchestrator.cli.options import DEFAULT_LEDGER


def new_ledger(folder):
    return f"new ledger: {folder}/.orchestrator/ledger.db; it knows of no earlier start"


def test_every_command_finds_the_ledger_of_a_folder_above(workplace):
    manifest = workplace.path / workplace.manifest()
    assert new_ledger(workplace.path) in workplace.run("plan", str(manifest)).stderr
    top, workplace.path = workplace.path, workplace.path / "deep" / "down"
    workplace.path.mkdir(parents=True)

    first, second = (workplace.run("run", str(manifest)) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    assert "3 already_started" in second.stdout
    assert "new ledger" not in first.stderr + second.stderr
    reason = ("--reason", "x")
    for command in (
        ("status", "spring"), ("report", "spring"), ("pause", "spring", *reason), ("unpause", "spring"),
        ("abort", "spring", *reason), ("stop-started", "spring", *reason, "--manifest", str(manifest)),
    ):  # fmt: skip
        done = workplace.run(*command)
        assert done.returncode == 0, (command, done.stderr)
    assert f"{top}/.orchestrator/ledger.db is sound" in workplace.run("doctor").stdout
    assert not list(workplace.path.iterdir())
    assert (top / "reports" / "spring" / "result.json").exists()


def test_an_address_with_a_tilde_leads_home(workplace):
    home = workplace.path / "home"
    home.mkdir()
    workplace.environment["HOME"] = str(home)
    ledger = "sqlite:///~/orch/ledger.db"
    done = workplace.run("run", workplace.manifest(ledger=ledger, report={"dir": "~/rep"}))

    assert done.returncode == 0, done.stderr
    assert f"new ledger: {home}/orch/ledger.db" in done.stderr
    assert (home / "rep" / "spring" / "result.json").exists()
    assert workplace.run("report", "spring", "--ledger", ledger, "--dir", "~/again").returncode == 0
    assert (home / "again" / "spring" / "result.json").exists()
    assert sorted(file.name for file in workplace.path.iterdir()) == ["home", "launch.yaml"]


def test_campaign_files_secrets_and_checks_may_lie_at_home(workplace, platform):
    home = workplace.path / "home"
    home.mkdir()
    workplace.environment["HOME"] = str(home)
    (home / "id").write_text("cs-acme")
    (home / "secret.sh").write_text('#!/bin/sh\nprintf %s "$ACME_SECRET"\n')
    (home / "check.sh").write_text("#!/bin/sh\nexit 0\n")
    (home / "more.csv").write_text("stream,campaign\nst-1,cd-1\n")
    for script in home.glob("*.sh"):
        script.chmod(0o700)
    manifest = workplace.manifest(
        host=platform.start(), accounts=workplace.credentials(client_id={"file": "~/id"},
                                                              client_secret={"command": ["~/secret.sh"]}),
        campaigns=[{"stream": "st-1", "campaign": "cd-0"}], campaigns_from=["~/more.csv"],
        waves=[{"name": "all", "pass": {"command": ["~/check.sh"]}}],
    )  # fmt: skip
    done = workplace.run("run", manifest)

    assert done.returncode == 0, done.stderr
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("status", "--ledger", "sqlite:///$HOME/x.db"), 2, "variables are not expanded"),
        (("report", "spring", "--dir", "$HOME/rep"), 2, "variables are not expanded"),
        (("report", "spring", "--dir", "~nobody-here/rep"), 2, "no such home folder"),
        (("status", "--ledger", "sqlite:///~nobody-here/x.db"), 8, "no such home folder"),
    ],
)
def test_a_place_that_cannot_be_told_is_refused(workplace, arguments, code, words):
    done = workplace.run(*arguments)

    assert done.returncode == code, done.stderr
    assert words in " ".join(done.stderr.split())
    assert not list(workplace.path.iterdir())


def test_the_new_ledger_is_in_the_json_too(workplace):
    printed = json.loads(workplace.run("run", workplace.manifest(), "--json").stdout)

    assert printed["messages"] == [new_ledger(workplace.path)]
    assert "messages" not in json.loads(workplace.run("run", "launch.yaml", "--json").stdout)


def test_the_default_may_be_written_out(workplace):
    manifest = workplace.path / workplace.manifest(ledger=DEFAULT_LEDGER)
    (workplace.path / ".orchestrator").mkdir(mode=0o700)
    top, workplace.path = workplace.path, workplace.path / "down"
    workplace.path.mkdir()

    assert new_ledger(top) in workplace.run("run", str(manifest)).stderr
