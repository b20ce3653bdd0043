"""What a table's header may look like, and what becomes of its rows."""

import pytest

from orchestrator.loading.csv_rows import CsvFile
from orchestrator.loading.headers import HEADS, header_of


def read(text):
    """The rows of a CSV file, its faults, and how it was read."""
    file = CsvFile("a.csv", text)
    rows = list(file.rows())
    return rows, [str(problem) for problem in file.problems], file.reading()


@pytest.mark.parametrize(
    "header",
    [
        "stream,campaign,name",
        "Stream ID,Campaign ID,Campaign Name",
        "STREAM_ID,campaign-id,NAME",
        "bot id, CampaignId,Name",
        '"Stream\nID",Campaign  ID,campaign_name',
        "stream;campaign;name",
        "Stream ID\tCampaign ID\tName",
        "stream|campaign|name",
    ],
)
def test_a_header_may_be_written_in_many_ways(header):
    separator = next(sign for sign in ";\t|," if sign in header)
    rows, problems, _ = read(f"{header}\ns{separator}d{separator}One\n")
    assert (rows, problems) == ([{"stream": "s", "campaign": "d", "name": "One"}], [])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acount", "unknown column; did you mean 'account'? If not, rename or remove it"),
        ("Calling window", "unknown column; did you mean 'window'? If not, rename or remove it"),
        ("Rerun?", "unknown column; did you mean 'rerun'? If not, rename or remove it"),
        ("winodw", "unknown column; did you mean 'window'? If not, rename or remove it"),
        ("Tag", "unknown column; did you mean 'tags'? If not, rename or remove it"),
        ("Disabled", "is not a column; call it enabled, and write FALSE where it is TRUE"),
        ("Account ID",
         "is not a column: an account is given by its name in `accounts`; call it account, and write names"),
        ("App ID", "is not a column: it may be the stream's id or the iid; call it stream or iid"),
        ("Stream ID", "means the same as stream: both are stream; remove one of them"),
    ],
)  # fmt: skip
def test_a_column_whose_loss_would_matter_is_refused(name, message):
    rows, problems, _ = read(f"stream,campaign,{name}\ns,d,x\n")
    assert (rows, problems) == ([], [f"a.csv:1:17: {name}: {message}"])


@pytest.mark.parametrize(
    "name", ["Owner", "Country", "Count", "Stage", "Region", "Campaign Status", "ID", "Start date"]
)
def test_any_other_column_is_left_out_with_one_warning(name):
    rows, problems, reading = read(f"stream,campaign,{name},Notes\ns,d,x,\ns,e,,y\n")
    assert (len(rows), problems, reading.left_out) == (2, [], (name, "Notes"))
    assert reading.warnings == (f"a.csv: 2 columns left out: {name}, Notes",)


def test_what_discover_notes_is_passed_over():
    header = "stream,campaign,account,name,status,contact_lists,Instance ID,updated_at"
    rows, problems, reading = read(f"{header}\ns,d,acme,One,Ready,CL,cid-1,2026-01-01\n")
    assert (problems, reading.warnings) == ([], ())
    assert rows == [{"stream": "s", "campaign": "d", "account": "acme", "name": "One"}]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_a_sep_line_names_the_separator(sign):
    rows, problems, reading = read(
        f"sep={sign}\r\nstream{sign}campaign{sign}rerun\r\ns{sign}d{sign}si\r\n\r\n{sign}e{sign}\r\n"
    )
    assert rows == [{"stream": "s", "campaign": "d", "rerun": "si"}]
    assert problems == ["a.csv:5:1: stream: is missing"]
    assert reading.separator == {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}[sign]


def test_a_sep_line_with_another_sign_is_refused():
    assert read("sep=:\nstream:campaign\n")[1] == [
        "a.csv:1:5: names ':' as the separator; use a comma, a semicolon, a tab or a pipe"
    ]


def test_a_header_that_two_separators_fit_is_refused():
    assert read("stream,campaign,x;stream;campaign\ns,d,x;t;e\n")[1] == [
        "a.csv:1:1: may be separated by commas and by semicolons; write sep=, as its first line"
    ]


def test_other_signs_within_cells_do_not_matter():
    rows, problems, _ = read("stream;campaign;name;Notes, free\ns;d;a, b;c,d\n")
    assert (rows, problems) == ([{"stream": "s", "campaign": "d", "name": "a, b"}], [])


def test_a_table_has_a_thousand_columns_at_most():
    header = "stream,campaign" + "".join(f",x{n}" for n in range(998))
    assert read(f"{header}\n{',' * 999}\n")[1] == []
    assert read(f"{header},y\n")[1] == ["a.csv:1:1: has more than 1000 columns; delete those that are empty"]


def test_rows_without_a_value_are_passed_over():
    rows, problems, reading = read("\n,,\nstream,campaign,name\n,,\n  , ,\n,\ns,d,One\n,,,,\n")
    assert (rows, problems, reading.rows) == ([{"stream": "s", "campaign": "d", "name": "One"}], [], 1)


@pytest.mark.parametrize("written", ["stream,campaign,name", "Stream ID,CAMPAIGN_ID,Name"])
def test_a_row_that_repeats_the_header_is_refused(written):
    assert read(f"stream,campaign,name\ns,d,x\n{written}\ns,e,x\n")[1] == [
        "a.csv:3:1: repeats the header; remove this row"
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('s,d,"5 inch\ns,e,x\ns,f,x\n', "2:5: opens a quote that is never closed"),
        ('s,d,"5 inch\ns,e,x\ns,f,"x"\n', "2:5: opens a quote that closes within the cell, at 4:6"),
        ('s,"d"x,y\n', "2:3: opens a quote that closes within the cell, at 2:6"),
        ('s,d,"' + "x" * 200_000 + "\n", "2:5: opens a quote that is never closed"),
    ],
)
def test_an_open_quote_is_reported_where_it_opens(row, message):
    rows, problems, _ = read("stream,campaign,name\n" + row)
    assert (rows, problems) == ([], [f'a.csv:{message}; write "" for a quote that belongs to the text'])


def test_a_row_swallowed_by_an_open_quote_is_reported():
    rows, problems, _ = read('stream,campaign,Notes\ns,d,"5 inch\ns,e,12"\ns,f,"two\nand more, of it, is text"\n')
    assert [row["campaign"] for row in rows] == ["f"]
    said = "is a record of 2 lines, and line 3 looks like a row of its own"
    assert problems == [f"a.csv:2:1: {said}; close the quote, or remove the line breaks from the cell"]


def test_a_value_without_a_column_is_refused():
    assert read("stream,campaign,,\ns,d,,\ns,e,,TRUE\n")[1] == [
        "a.csv:3:6: has a value in a column without a name; name it in the header"
    ]


@pytest.mark.parametrize(("written", "value"), [("YES", True), ("no", False), ("1", True), ("0", False), ("Y", "Y")])
def test_yes_and_no_are_read_as_booleans(written, value):
    rows, _, _ = read(f"stream,campaign,rerun,enabled\ns,d,{written},{written}\n")
    assert (rows[0]["rerun"], rows[0]["enabled"]) == (value, value)


def test_a_reading_says_what_each_column_is():
    *_, reading = read("Stream ID;campaign;Owner\ns;d;Ann\n")
    assert reading.sentence == "a.csv: 1 campaign, separated by semicolons; columns stream (Stream ID), campaign"
    assert reading.as_json() == {
        "file": "a.csv", "campaigns": 1, "columns": {"Stream ID": "stream", "campaign": "campaign"},
        "left_out": ["Owner"], "separator": "semicolons",
    }  # fmt: skip


def test_the_words_of_a_repeated_header_are_known():
    assert {"stream", "stream id", "bot_id", "streamid"} <= HEADS["stream"]
    assert header_of(["Bot-ID", "campaign"]).is_complete
