import io
import sys
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import ManifestError
from orchestrator.loading.manifest_file import load_manifest
from orchestrator.loading.sheet_rows import SheetFile
from orchestrator.loading.workbook import address_of, column_number
from tests.loading.sheets import SHEET, changed, workbook

HEAD = ("stream", "campaign", "name")
TEXT = "format the column as text, and write the value again"
ID = "can only contain letters, digits, '.', '_' and '-', at most 128 of them; begin with a letter or a digit"
OLE = b"\xd0\xcf\x11\xe0"
AGAIN = "open it in Excel or LibreOffice, and save it again"


def read(data, sheet=""):
    """The rows of a workbook, its faults, and how it was read."""
    file = SheetFile("a.xlsx", data, sheet)
    rows = list(file.rows())
    return rows, [str(problem) for problem in file.problems], file.reading()


def test_the_first_sheet_is_read_in_the_words_of_people():
    data = workbook(
        ("Stream ID", "Campaign ID", "Name", "Rerun", "enabled", 2026),
        (" s ", "d", 2026, True, "no", "Ann"), (), ("s", "e", "", "cid-1", 1, 7), ("", " ", "", "", "", ""),
    )  # fmt: skip
    rows, problems, reading = read(data)
    assert rows == [
        {"stream": "s", "campaign": "d", "name": "2026", "rerun": True, "enabled": False},
        {"stream": "s", "campaign": "e", "rerun": {"instance": "cid-1"}, "enabled": True},
    ]
    assert (problems, reading.file, reading.left_out) == ([], "a.xlsx#List", ("2026",))
    columns = "stream (Stream ID), campaign (Campaign ID), name (Name), rerun (Rerun), enabled"
    assert reading.sentence == f"a.xlsx#List: 2 campaigns; columns {columns}"


def test_a_table_may_begin_anywhere_in_the_sheet():
    rows, problems, _ = read(workbook(HEAD, ("s", "d", "x"), ("s", 7, "x"), at=(2, 27)))
    assert rows == [{"stream": "s", "campaign": "d", "name": "x"}]
    assert problems == [f"a.xlsx#List!AC5: campaign: is the number 7, and must be text; {TEXT}"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (7, "the number 7"), (123456789012345678, "the number 1.23456789012346e+17"), (True, "TRUE"),
        (date(2026, 3, 4), "the date 2026-03-04"), (datetime(2026, 3, 4, 5, 6), "the date 2026-03-04"),  # noqa: DTZ001
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["campaign", "tags", "window", "account", "iid", "type"])
def test_what_is_no_text_is_refused_with_its_cell(key, cell, words):
    data = workbook(("stream", "campaign", key) if key != "campaign" else ("stream", "name", key), ("s", "d", cell))
    problems = read(data)[1]
    assert len(problems) == 1
    assert problems[0].startswith(f"a.xlsx#List!C2: {key}: is {words}")
    assert problems[0].endswith(f"and must be text; {TEXT}")


def test_a_date_or_a_time_is_no_name_and_no_switch():
    rows = [("s", "d", date(2026, 3, 4), ""), ("s", "e", "", timedelta(hours=4)), ("s", "f", 1.5, 2)]
    found, problems, _ = read(workbook(("stream", "campaign", "name", "rerun"), *rows))
    assert found == []
    assert problems == [
        f"a.xlsx#List!C2: name: is the date 2026-03-04, and must be text; {TEXT}",
        "a.xlsx#List!D3: rerun: is the time 04:00:00; write TRUE or FALSE",
        "a.xlsx#List!D4: rerun: is the number 2; write TRUE or FALSE",
    ]


def test_an_error_or_a_formula_without_value_is_refused():
    def fill(_, sheet):
        sheet.write_formula("C2", "=NA()", value="#N/A")
        sheet.write_formula("C3", '="d"&"ay"', value="day")
        sheet.write_formula("C4", "=Z1", value="")
        sheet.write_formula("A5", "=1/0", value="#DIV/0!")

    data = workbook(("stream", "campaign", "window"), ("s", "d"), ("s", "e"), ("s", "f"), fill=fill)
    rows, problems, _ = read(changed(data, SHEET, lambda xml: xml.replace(b't="str"><f>Z1', b"><f>Z1")))
    assert rows == [{"stream": "s", "campaign": "e", "window": "day"}]
    assert problems == [
        "a.xlsx#List!C2: window: contains an error, such as #N/A; write the value itself",
        "a.xlsx#List!C4: window: contains a formula that was never calculated; write the value itself",
        "a.xlsx#List!A5: stream: contains an error, such as #N/A; write the value itself",
    ]


def test_missing_repeated_and_nameless_cells_have_addresses():
    rows = (("stream", "campaign", ""), ("s", "d"), ("Stream", "Campaign"), ("s", ""), ("s", "e", "x"))
    assert read(workbook(*rows))[1] == [
        "a.xlsx#List!A3: repeats the header; remove this row",
        "a.xlsx#List!B4: campaign: is missing",
        "a.xlsx#List!C5: has a value in a column without a name; name it in the header",
    ]


def test_a_sheet_is_chosen_by_name():
    data = workbook(HEAD, ("s", "d", "x"), name="May & June", more=("June",))
    assert read(data, "May & June")[0] == [{"stream": "s", "campaign": "d", "name": "x"}]
    assert read(data, "Jun")[1] == ["a.xlsx#Jun:1:1: has no sheet 'Jun'; did you mean 'June'?"]
    assert read(data, "April")[1] == ["a.xlsx#April:1:1: has no sheet 'April'; known here: May & June, June"]


def test_a_hidden_first_sheet_is_not_the_first():
    def fill(book, sheet):
        other = book.add_worksheet("Shown")
        other.write_row(0, 0, HEAD)
        other.write_row(1, 0, ("s", "e", "x"))
        other.activate()
        other.set_first_sheet()
        sheet.hide()

    rows, _, reading = read(workbook(HEAD, ("s", "d", "x"), fill=fill))
    assert ([row["campaign"] for row in rows], reading.file) == (["e"], "a.xlsx#Shown")


GOOD = workbook(HEAD, ("s", "d", "x"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", f"is not a workbook, or is damaged; {AGAIN}"),
        (b"stream,campaign\n", f"is not a workbook, or is damaged; {AGAIN}"),
        (GOOD[: len(GOOD) // 2], f"is not a workbook, or is damaged; {AGAIN}"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "is protected with a password; save it without one"),
        (OLE + bytes(600), "is a workbook in the old .xls format; save it as .xlsx"),
        (workbook(), "is empty; begin with the header stream,campaign,account"),
        (changed(GOOD, SHEET, lambda _: None), f"lacks the part with this sheet's cells; {AGAIN}"),
        (changed(GOOD, SHEET, lambda xml: xml.replace(b' r="A1"', b"")), f"has a cell without an address; {AGAIN}"),
        (
            changed(GOOD, SHEET, lambda xml: xml.replace(b'r="C2"', b'r="XFD1048576"')),
            "has more than 16,777,216 cells between its first and its last value; delete the stray ones",
        ),
    ],
)  # fmt: skip
def test_a_workbook_that_cannot_be_read_says_why(data, words):
    rows, [problem], _ = read(data)
    assert rows == []
    assert problem.partition(":1:1: ")[2] == words


def test_a_workbook_is_bounded_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr("orchestrator.loading.workbook.MAX_UNPACKED", 2 * 1024 * 1024)
    bomb = changed(GOOD, SHEET, lambda xml: xml + b" " * 3 * 1024 * 1024)
    assert len(bomb) < 10_000
    assert read(bomb)[1] == ["a.xlsx:1:1: is larger than 2 MiB, unpacked; split the list"]


def test_a_size_that_lies_is_found():
    bomb = changed(GOOD, SHEET, lambda xml: xml + b" " * 3 * 1024 * 1024)
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        size = archive.getinfo(SHEET).file_size.to_bytes(4, "little")
    assert bomb.count(size) == 2
    said = f"is damaged: the part {SHEET} does not match its checksum"
    assert read(bomb.replace(size, bytes([100, 0, 0, 0])))[1] == [f"a.xlsx:1:1: {said}; {AGAIN}"]


@pytest.mark.parametrize(("column", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (703, "AAA"), (16384, "XFD")])
def test_columns_are_counted_in_letters(column, letters):
    assert (address_of(7, column), column_number(letters.encode())) == (f"{letters}7", column)


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_workbook_raises_nothing(data):
    damaged = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(GOOD) - 1))] = data.draw(st.integers(0, 255))
    rows, problems, _ = read(bytes(damaged))
    assert problems or rows == [{"stream": "s", "campaign": "d", "name": "x"}]


MANIFEST = """\
version: 1
launch: spring
host: sandbox
accounts: {acme: {account_id: "67777ce93e25326494e90001"}}
defaults: {account: acme}
campaigns_from: [%s]
"""


def manifest(folder, given, data, name="list.xlsx"):
    (folder / name).write_bytes(data)
    (folder / "m.yaml").write_text(MANIFEST % given)
    return folder / "m.yaml"


def problems_of(path):
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    return [str(problem) for problem in caught.value.problems]


def test_a_sheet_is_named_behind_the_files_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = workbook(HEAD, ("s", "d", "x"), ("s", "d", "y"), ("s", "e/f", "z"), name="May 1")
    assert problems_of(manifest(Path(), "list.XLSX#May 1", data, "list.XLSX")) == [
        "list.XLSX#May 1!A3: s/d is listed twice; first at list.XLSX#May 1!A2",
        f"list.XLSX#May 1!B4: campaign: {ID}",
    ]


def test_a_number_sign_elsewhere_belongs_to_the_file(tmp_path):
    loaded = load_manifest(manifest(tmp_path, "list#1.xlsx", GOOD, "list#1.xlsx"))
    assert [campaign.key for campaign in loaded.manifest.campaigns] == ["s/d"]


def test_the_hash_covers_the_bytes_of_a_workbook(tmp_path):
    first = load_manifest(manifest(tmp_path, "list.xlsx", GOOD)).sha256
    assert load_manifest(manifest(tmp_path, "list.xlsx", GOOD)).sha256 == first
    other = workbook(HEAD, ("s", "d", "y"))
    assert load_manifest(manifest(tmp_path, "list.xlsx", other)).sha256 != first


def test_without_the_extra_the_message_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    monkeypatch.chdir(tmp_path)
    assert problems_of(manifest(Path(), "list.xlsx", GOOD)) == [
        "list.xlsx:1:1: needs the extra xlsx; pip install 'campaign-orchestrator[xlsx]'"
    ]


@pytest.mark.parametrize("suffix", [".xls", ".ods", ".xlsb"])
def test_other_spreadsheets_are_refused_by_name(tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    assert problems_of(manifest(Path(), f"list{suffix}", GOOD, f"list{suffix}")) == [
        f"list{suffix}:1:1: is a spreadsheet, but {suffix} is not read; save it as .xlsx"
    ]
