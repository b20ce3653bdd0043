"""`list`, `history` and `why`, with the real commands."""

import json

from orchestrator import __version__
from orchestrator.ledger.machine_id import _ACTORS, this_user


def test_a_ledger_lists_its_launches_newest_first(workplace):
    workplace.run("run", workplace.manifest())
    workplace.run("run", workplace.manifest("autumn.yaml", launch="autumn"))
    workplace.run("plan", workplace.manifest("winter.yaml", launch="winter"))
    workplace.run("abort", "spring", "--reason", "wrong list")
    shown, listed = workplace.run("list"), json.loads(workplace.run("list", "--json").stdout)

    lines = shown.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["launch", "winter", "autumn", "spring"]
    assert lines[1].endswith("no run yet")
    assert lines[2].endswith("exit code 0: 3 started")
    assert "exit code 0: 3 started; aborted by" in lines[3]
    assert [(one["launch"], one["run"] and one["run"]["exit_code"]) for one in listed["launches"]] == [
        ("winter", None), ("autumn", 0), ("spring", 0)
    ]  # fmt: skip
    assert listed["launches"][2]["control"]["reason"] == "wrong list"


def test_a_history_says_who_did_what_and_why(workplace):
    manifest = workplace.manifest()
    workplace.run("plan", manifest)
    workplace.run("pause", "spring", "--reason", "carrier is down")
    workplace.run("unpause", "spring")
    workplace.run("run", manifest)
    told = json.loads(workplace.run("history", "--json").stdout)
    shown = workplace.run("history", "spring").stdout

    assert told["launch"] == "spring"
    whats = [one["what"] for one in told["happenings"]]
    assert [what.split(":")[0].split(" ")[:2] for what in whats] == [
        ["plan", whats[0].split()[1]], ["the", "launch"], ["the", "launch"],
        ["run", whats[3].split()[1]], ["run", whats[4].split()[1]],
    ]  # fmt: skip
    assert told["happenings"][1]["why"] == "carrier is down"
    assert told["happenings"][1]["by"]
    assert ": carrier is down\n" in shown
    assert len(shown.splitlines()) == 6


def test_a_result_names_who_ran_it_and_how_it_was_approved(workplace, monkeypatch):
    for name in _ACTORS:
        monkeypatch.delenv(name, raising=False)
    workplace.run("run", workplace.manifest())
    unasked = workplace.result()["run"]
    workplace.run("run", workplace.manifest(), "--yes")
    asked, told = workplace.result()["run"], workplace.run("history", "spring").stdout

    assert (unasked["by"], unasked["approved"], unasked["version"]) == (this_user(), None, __version__)
    assert (asked["by"], asked["approved"]) == (this_user(), "--yes")
    assert told.count(", approved: --yes") == 1


def test_why_tells_a_campaigns_story_and_where_it_stands(workplace):
    workplace.run("run", workplace.manifest())
    shown = workplace.run("why", "spring", "st-1/cd-1")
    told = json.loads(workplace.run("why", "spring", "st-1/cd-1", "--json").stdout)
    missing = workplace.run("why", "spring", "st-1/cd-11")

    assert (shown.returncode, missing.returncode) == (0, 5)
    assert "attempt 1: the platform started it; HTTP 200" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith("now: started after 1 attempt (accepted): ")
    assert (told["now"]["outcome"], len(told["happenings"])) == ("started", 3)
    assert "launch spring has no campaign st-1/cd-11; did you mean 'st-1/cd-1'?" in missing.stderr


def test_looking_back_needs_a_ledger_and_writes_nothing(workplace):
    assert [workplace.run(*words).returncode for words in (["list"], ["history"], ["why", "spring", "a/b"])] == [
        8,
        8,
        8,
    ]
    assert list(workplace.path.iterdir()) == []
