"""`audit verify` and `audit export` in real processes, over both kinds of ledger, and the example beside them."""

import hashlib
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


def test_a_journal_whose_hashes_are_all_gone_ends_with_8(launched, ledger):
    alter(ledger, "UPDATE journal SET data = '{}'")
    code, seen = audit(launched, ledger, "verify", "spring")

    assert (code, seen["verified"], seen["findings"]) == (8, False, [])
    assert seen["unchained"] == seen["records"] == 14


@pytest.mark.parametrize("host", ["https://elsewhere.example", "staging.example in environment staging"])
def test_a_launch_that_was_tied_to_another_host_is_found(launched, ledger, host):
    """Elsewhere, everything that it started would count as started, and nobody be texted."""
    alter(ledger, f"UPDATE launches SET host = '{host}'")  # noqa: S608 - our own words
    code, seen = audit(launched, ledger, "verify", "spring")
    [finding] = seen["findings"]

    assert (code, seen["verified"], finding["row"]) == (8, False, None)
    assert f"by the ledger the launch belongs to {host}, but r-" in finding["message"]
    exported = audit(launched, ledger, "export", "spring", "-o", "pack.zip")[1]
    assert exported["findings"] == 1


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
    good, other = offline(launched, "pack.zip", head.upper()), offline(launched, "pack.zip", "0" * 64)

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


def test_a_pack_or_a_plan_takes_the_place_of_no_ledger(workplace):
    workplace.run("run", workplace.manifest())
    file = ".orchestrator/ledger.db"
    before, manifest = (workplace.path / file).read_bytes(), (workplace.path / "launch.yaml").read_bytes()
    packed = workplace.run("audit", "export", "spring", "-o", file)
    planned = workplace.run("plan", "launch.yaml", "-o", file)
    over = workplace.run("plan", "launch.yaml", "-o", "launch.yaml")

    assert [(one.returncode, "is a ledger" in one.stderr) for one in (packed, planned)] == [(2, True), (2, True)]
    assert (over.returncode, "launch.yaml is what this command reads" in over.stderr) == (2, True)
    assert (workplace.path / file).read_bytes() == before
    assert (workplace.path / "launch.yaml").read_bytes() == manifest


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


def test_a_journal_without_findings_may_be_unreadable(launched, ledger):
    alter(ledger, "UPDATE journal SET data = '[]'")
    code, made = audit(launched, ledger, "export", "spring", "-o", "pack.zip")
    shown = launched.run("audit", "export", "spring", "-o", "pack.zip", "--ledger", ledger)

    assert (code, made["complete"], made["files"]) == (0, False, ["journal.jsonl", "SHA256SUMS"])
    assert "the journal cannot be read: approvals, plans or reports are missing" in shown.stderr
    assert audit(launched, ledger, "verify")[1]["verified"] is False


def test_a_run_with_a_hostile_name_reaches_no_other_folder(launched, ledger):
    name = "'../../x' || chr(10) || chr(27) || '[8m: all as they were written'"
    name = name if ledger.startswith("postgresql") else name.replace("chr(", "char(")
    first = "WHERE kind = 'run' AND id = (SELECT min(id) FROM journal)"
    alter(ledger, f"UPDATE journal SET run_id = {name}, campaign = '@' || {name} {first}")  # noqa: S608 - our own
    code, made = audit(launched, ledger, "export", "spring", "-o", "pack.zip")
    shown = launched.run("audit", "verify", "spring", "--ledger", ledger).stdout
    checked = offline(launched, "pack.zip").stdout

    assert (code, made["findings"] > 0) == (0, True)
    assert not [one for one in made["files"] if ".." in one]
    assert not [text for text in (shown, checked) if "\n\x1b" in text or "\x1b" in text]


def packed(workplace, more=(), journal=b"", then=bytes):
    """A pack with a journal and more files, all with their sums; `then` changes its bytes."""
    files = {"journal.jsonl": journal, **dict(more)}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    with zipfile.ZipFile(workplace.path / "x.zip", "w", zipfile.ZIP_DEFLATED) as pack:
        for name, data in {**files, "SHA256SUMS": sums.encode()}.items():
            pack.writestr(name, data)
    (workplace.path / "x.zip").write_bytes(then((workplace.path / "x.zip").read_bytes()))
    return offline(workplace, "x.zip")


def with_two_sums(content):
    """A second list of sums, of which readers of zip files may take either."""
    at, end = content.rindex(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    count = (int.from_bytes(content[end + 8 : end + 10], "little") + 1).to_bytes(2, "little")
    size = (int.from_bytes(content[end + 12 : end + 16], "little") + end - at).to_bytes(4, "little")
    head = content[end : end + 8] + count + count + size + content[end + 16 :]
    return content[:end] + content[at:end] + head


def encrypted(content):
    at = content.index(b"PK\x01\x02") + 8
    return content[:at] + b"\x01" + content[at + 1 :]


def damaged(content):
    at = content.index(b"SHA256SUMS") + len(b"SHA256SUMS") + 2
    return content[:at] + b"\xff\xff" + content[at + 2 :]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"more": [("../x", b"")]}, "../x would be unpacked in another folder"),
        ({"more": [("/x", b"")]}, "/x would be unpacked in another folder"),
        ({"more": [("x\\y", b"")]}, "would be unpacked in another folder"),
        ({"more": [("x\x1b[8m/../y", b"")]}, "x\\x1b[8m/../y would be unpacked"),
        ({"then": with_two_sums}, "SHA256SUMS was added"),
        ({"then": encrypted}, "the pack cannot be read: RuntimeError"),
        ({"then": damaged}, "the pack cannot be read: error('Error -3"),
        ({"journal": b"[" * 100_000}, "the pack cannot be read: RecursionError"),
        ({"journal": b"{}"}, "the pack cannot be read: KeyError"),
    ],
    ids=["above", "root", "windows", "terminal", "two sums", "encrypted", "damaged", "deep", "no record"],
)  # fmt: skip
def test_a_hostile_pack_is_told_in_a_line(workplace, how, why):
    done = packed(workplace, **how)

    assert (done.returncode, done.stderr) == (1, "")
    assert why in done.stdout


def test_a_pack_without_records_proves_nothing(workplace):
    done = packed(workplace)

    assert (done.returncode, done.stdout) == (1, "0 records: none has a hash, so nothing can be verified\n")
    assert offline(workplace).stdout.startswith("Checks a pack of `audit export`")


def test_what_is_no_pack_is_told_in_a_line(workplace):
    (workplace.path / "x.zip").write_bytes(b"PK")
    done = offline(workplace, "x.zip")

    assert (done.returncode, done.stdout.startswith("the pack cannot be read: "), done.stderr) == (1, True, "")


def test_the_same_journal_makes_the_same_pack(launched, ledger):
    for name in ("one.zip", "two.zip"):
        launched.run("audit", "export", "-o", name, "--ledger", ledger)

    assert (launched.path / "one.zip").read_bytes() == (launched.path / "two.zip").read_bytes()
