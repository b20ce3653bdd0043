"""`resolve` for many: from a file, by a selection, and asked one by one at a terminal."""

import json

import pytest

from tests.cli.test_terminal import at_terminal

REASON = ("--reason", "asked support")


@pytest.fixture
def three_lost(workplace, platform):
    """A launch whose three starts got lost."""
    url = platform.start(scripted={f"st-1/cd-{n}": ["reset_before"] for n in range(3)})
    done = workplace.run("run", workplace.manifest(host=url, accounts=workplace.credentials()))
    assert done.returncode == 11, done.stderr


def left(workplace):
    """The campaigns that are still unknown, and how often people have recorded something."""
    campaigns = json.loads(workplace.run("status", "--json").stdout)["campaigns"]
    told = json.loads(workplace.run("history", "--json").stdout)["happenings"]
    unknown = [one["campaign"] for one in campaigns if one["outcome"] == "unknown"]
    return unknown, sum(": a person" in one["what"] for one in told)


@pytest.mark.usefixtures("three_lost")
def test_a_file_of_decisions_is_recorded_row_by_row(workplace):
    rows = "stream,campaign,decision,reason\nst-1,cd-0,started,seen in it\nst-1,cd-1,not-started,\nst-1,cd-2,,\n"
    (workplace.path / "decisions.csv").write_text(rows, encoding="utf-8")
    refused = workplace.run("resolve", "spring", "--from", "decisions.csv")
    before = left(workplace)
    done = workplace.run("resolve", "spring", "--from", "decisions.csv", *REASON, "--json")

    assert (refused.returncode, before) == (3, (["cd-0", "cd-1", "cd-2"], 0))
    assert "decisions.csv: line 3: has no reason" in refused.stderr
    assert json.loads(done.stdout)["resolved"] == [
        {"campaign": "st-1/cd-0", "resolved_as": "started", "reason": "seen in it"},
        {"campaign": "st-1/cd-1", "resolved_as": "not-started", "reason": "asked support"},
    ]
    assert left(workplace) == (["cd-2"], 2)


@pytest.mark.usefixtures("three_lost")
def test_a_row_that_is_not_unknown_keeps_all_from_being_recorded(workplace):
    rows = "stream,campaign,decision,reason\nst-1,cd-0,started,x\nst-1,cd-9,started,x\n"
    (workplace.path / "decisions.csv").write_text(rows, encoding="utf-8")
    done = workplace.run("resolve", "spring", "--from", "decisions.csv")

    assert done.returncode == 4
    assert "st-1/cd-9 was never attempted in this launch, not unknown: there is nothing to resolve" in done.stderr
    assert left(workplace) == (["cd-0", "cd-1", "cd-2"], 0)


@pytest.mark.usefixtures("three_lost")
def test_a_selection_resolves_all_unknown_campaigns_of_it(workplace):
    chosen = workplace.run("resolve", "spring", "--select", "campaign:cd-0,campaign:cd-2", "--as", "started", *REASON)
    rest = workplace.run("resolve", "spring", "--select", "account:acme", "--as", "not-started", *REASON)
    none = workplace.run("resolve", "spring", "--select", "account:acme", "--as", "not-started", *REASON)

    assert chosen.stdout == "st-1/cd-0 is recorded as started\nst-1/cd-2 is recorded as started\n"
    assert rest.stdout == "st-1/cd-1 is recorded as not-started\n"
    assert (none.returncode, left(workplace)) == (5, ([], 3))


@pytest.mark.usefixtures("three_lost")
@pytest.mark.parametrize("end", ["q", "\x04"], ids=["q", "end-of-input"])
def test_a_person_is_asked_about_each_and_may_leave_at_any(workplace, end):
    answer = f"maybe\ns \nseen in it\n\n{end}"
    code, shown = at_terminal(workplace, "resolve", "spring", "--ask", answer=answer, stderr_too=True)

    assert code == 0, shown
    assert "1 of 3: st-1/cd-0 (account acme)" in shown
    assert shown.count("please answer with s, n, Enter or q") == 1
    assert "3 of 3: st-1/cd-2 (account acme)" in shown
    assert "st-1/cd-0 is recorded as started" in shown
    assert left(workplace) == (["cd-1", "cd-2"], 1)


@pytest.mark.parametrize(
    "words",
    [[], ["st-1/cd-0", "--ask"], ["st-1/cd-0"], ["--select", "account:acme"], ["--ask", "--as", "started"], ["--ask"]],
)  # fmt: skip
def test_one_way_of_naming_campaigns_is_needed(workplace, words):
    assert workplace.run("resolve", "spring", *words).returncode == 2


def test_a_tag_of_the_manifest_selects_unknown_campaigns(workplace, platform):
    url = platform.start(scripted={f"st-1/cd-{n}": ["reset_before"] for n in range(3)})
    tagged = [{"stream": "st-1", "campaign": f"cd-{n}", "tags": ["vip"] if n == 1 else ["rest"]} for n in range(3)]
    workplace.run("run", workplace.manifest(host=url, accounts=workplace.credentials(), campaigns=tagged))
    done = workplace.run("resolve", "spring", "--select", "tag:vip", "--as", "started", *REASON)

    assert done.stdout == "st-1/cd-1 is recorded as started\n"
    assert left(workplace) == (["cd-0", "cd-2"], 1)


def test_a_file_that_is_too_large_is_refused_whole(workplace):
    workplace.run("run", workplace.manifest())
    with (workplace.path / "decisions.csv").open("wb") as file:
        file.write(b"stream,campaign,decision,reason\nst-1,cd-0,started,x\n")
        file.truncate(32 * 1024 * 1024 + 1)
    done = workplace.run("resolve", "spring", "--from", "decisions.csv")

    assert done.returncode == 3
    assert "decisions.csv is larger than 32 MiB: split it" in done.stderr
