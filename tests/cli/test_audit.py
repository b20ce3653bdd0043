"""`audit verify` and `audit export` in real processes, over both kinds of ledger, and the example beside them."""

import json
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing

import pytest

from tests import postgres
from tests.canaries import SECRET, heard
from tests.paths import ROOT

VERIFY = ROOT / "docs/examples/verify.py"


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request, workplace):
    if request.param == "sqlite":
        return f"sqlite:///{workplace.path}/.orchestrator/ledger.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def launched(workplace, ledger, platform):
    """A launch with secrets, paused in between, that ran twice."""
    host = platform.start()
    workplace.manifest(ledger=ledger, host=host, accounts=workplace.credentials())
    assert workplace.run("run", "launch.yaml").returncode == 0
    workplace.run("pause", "spring", "--reason", "lunch", "--ledger", ledger)
    workplace.run("unpause", "spring", "--ledger", ledger)
    assert workplace.run("run", "launch.yaml").returncode == 0
    return workplace


def audit(workplace, ledger, *words):
    done = workplace.run("audit", *words, "--ledger", ledger, "--json")
    return done.returncode, json.loads(done.stdout)


def alter(ledger, statement):
    """Change the journal behind the program's back."""
    is_file = ledger.startswith("sqlite")
    path = ledger.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path) if is_file else postgres.connected(ledger)) as connection:
        connection.execute(statement)
        connection.commit()


def offline(workplace, *words):
    """The example, by a Python that cannot find this program."""
    command = [sys.executable, "-I", "-S", str(VERIFY), *words]
    return subprocess.run(command, cwd=workplace.path, text=True, capture_output=True, check=False, timeout=60)


def test_a_journal_as_it_was_written_is_verified(launched, ledger):
    code, seen = audit(launched, ledger, "verify", "spring")

    assert (code, seen["verified"], seen["findings"], seen["unchained"]) == (0, True, [], 0)
    assert [one["ended"] for one in seen["chains"]] == [True, False, True]
    assert [one["records"] for one in seen["chains"]] == [9, 2, 3]


@pytest.mark.parametrize(("statement", "message"), [
    ("UPDATE journal SET at = at + 1 WHERE kind = 'verdict' AND campaign = 'st-1/cd-1'", "verdict of st-1/cd-1"),
    ("DELETE FROM journal WHERE kind = 'intent' AND campaign = 'st-1/cd-2'", "does not follow the one before it"),
    ("DELETE FROM journal WHERE kind = 'unpause'", "people has only 1 of the 2 records"),
    ("UPDATE journal SET data = replace(data, 'lunch', 'a bug') WHERE kind = 'pause'", "pause of @launch"),
])  # fmt: skip
def test_a_journal_that_was_changed_ends_with_8(launched, ledger, statement, message):
    alter(ledger, statement)
    code, seen = audit(launched, ledger, "verify", "spring")
    launched.run("audit", "export", "spring", "-o", "bad.zip", "--ledger", ledger)
    checked = offline(launched, "bad.zip")

    assert (code, seen["verified"]) == (8, False)
    assert message in seen["findings"][0]["message"]
    assert (checked.returncode, checked.stderr) == (1, "")


def test_the_end_that_was_cut_off_is_known_by_its_head(launched, ledger):
    head = launched.result()["run"]["head"]
    assert audit(launched, ledger, "verify", "--head", head)[0] == 0
    alter(ledger, "DELETE FROM journal WHERE kind = 'end' AND id = (SELECT max(id) FROM journal)")

    assert audit(launched, ledger, "verify")[0] == 0
    code, seen = audit(launched, ledger, "verify", "--head", head)
    assert (code, seen["findings"]) == (8, [{
        "chain": "", "row": None,
        "message": f"no record has the hash {head}: the journal was cut off or rewritten since it had",
    }])  # fmt: skip


def test_an_invalid_head_is_a_usage_error(workplace):
    assert workplace.run("audit", "verify", "spring", "--head", "abc").returncode == 2


def test_the_text_names_each_chain(launched, ledger):
    lines = launched.run("audit", "verify", "--ledger", ledger).stdout.splitlines()

    assert lines[0] == "launch spring: 14 records in 3 chains, all as they were written"
    assert lines[2].startswith("  people: 2 records, open, head ")
    assert len(lines) == 4


def test_a_pack_is_verified_without_the_program(launched, ledger):
    code, made = audit(launched, ledger, "export", "spring", "-o", "pack.zip")
    head = launched.result()["run"]["head"]
    good, other = offline(launched, "pack.zip", head), offline(launched, "pack.zip", "0" * 64)

    assert (code, made["findings"]) == (0, 0)
    assert (good.returncode, good.stdout, good.stderr) == (0, "14 records: 14 are as they were written\n", "")
    assert (other.returncode, "no record has the hash" in other.stdout) == (1, True)


def test_a_pack_holds_journal_plans_approvals_and_reports(launched, ledger):
    launched.run("plan", "launch.yaml")
    launched.run("audit", "export", "-o", "pack.zip", "--ledger", ledger)
    with zipfile.ZipFile(launched.path / "pack.zip") as pack:
        approvals, names = json.loads(pack.read("approvals.json")), pack.namelist()
        first = approvals[0]["run_id"]
        plan = json.loads(pack.read(f"plans/{first}.json"))
        report = json.loads(pack.read(f"reports/{first}/result.json"))
        planned = json.loads(pack.read("plans/planned-1.json"))

    assert approvals[0]["plan_sha256"] == plan["plan_sha256"] == report["run"]["plan_sha256"]
    assert [one["campaign"] for one in plan["campaigns"]] == ["cd-0", "cd-1", "cd-2"]
    assert report["totals"]["started"] == 3
    assert planned["identity"]
    assert len(names) == len(set(names)) == 1 + 1 + 3 + 2 * 5 + 1
    assert names[-1] == "SHA256SUMS"


def test_a_pack_holds_no_secret(launched, ledger):
    launched.run("audit", "export", "-o", "pack.zip", "--ledger", ledger)
    with zipfile.ZipFile(launched.path / "pack.zip") as pack:
        for name in pack.namelist():
            heard(pack.read(name).decode())
            assert SECRET not in pack.read(name).decode()


@pytest.mark.parametrize("name", ["journal.jsonl", "approvals.json"])
def test_a_pack_with_a_changed_file_is_found(launched, ledger, name):
    launched.run("audit", "export", "-o", "pack.zip", "--ledger", ledger)
    with zipfile.ZipFile(launched.path / "pack.zip") as pack, zipfile.ZipFile(launched.path / "new.zip", "w") as new:
        for file in pack.namelist():
            new.writestr(file, pack.read(file) + (b"\n" if file == name else b""))

    assert offline(launched, "new.zip").stdout.splitlines()[0] == f"{name} was changed"


def test_a_journal_nobody_can_read_is_packed_all_the_same(launched, ledger):
    alter(ledger, "UPDATE journal SET kind = 'notice' WHERE kind = 'verdict' AND campaign = 'st-1/cd-1'")
    code, made = audit(launched, ledger, "export", "spring", "-o", "pack.zip")
    checked = offline(launched, "pack.zip")

    assert (code, made["findings"] > 0) == (0, True)
    assert made["files"][0] == "journal.jsonl"
    assert made["files"][-1] == "SHA256SUMS"
    assert (checked.returncode, "does not follow the one before it" in checked.stdout) == (1, True)
    assert ".json was added" not in checked.stdout


def test_what_is_no_pack_is_told_in_a_line(workplace):
    (workplace.path / "x.zip").write_bytes(b"PK")
    done = offline(workplace, "x.zip")

    assert (done.returncode, done.stdout.startswith("the pack cannot be read: "), done.stderr) == (1, True, "")


def test_the_same_journal_makes_the_same_pack(launched, ledger):
    for name in ("one.zip", "two.zip"):
        launched.run("audit", "export", "-o", name, "--ledger", ledger)

    assert (launched.path / "one.zip").read_bytes() == (launched.path / "two.zip").read_bytes()
