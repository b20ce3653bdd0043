"""Mistakes in lists of campaigns: CSV files, JSON lines and sheets."""

from datetime import date

from tests.loading.mistakes.case import HEAD, Case
from tests.loading.sheets import SHEET, changed, workbook

_COLUMNS = ("stream", "campaign", "name")
_WINDOWS = ("stream", "campaign", "window")


def _list(content, sees, name="list.csv", given=None):
    return Case({"m.yaml": HEAD + f"campaigns_from: [{given or name}]\n", name: content}, sees)


def _sheet(*rows, sees, given="list.xlsx", **options):
    return _list(workbook(*rows, **options), sees, "list.xlsx", given)


def _errors(_, sheet):
    sheet.write_formula("C2", "=VLOOKUP(A2,Other!A:B,2)", value="#N/A")


def _formula(_, sheet):
    sheet.write_formula("C2", "=Other!B2", value="")


CASES = {
    "a column with a typing error": _list("stream,campaign,windw\nst-1,cd-1,day\n", "windw"),
    "a column that holds the word window": _list("stream;campaign;Calling window\nst-1;cd-1;day\n", "Calling window"),
    "an account's id as a column": _list("Stream ID,Campaign ID,Account ID\nst-1,cd-1,67777ce\n", "Account ID"),
    "two columns for the stream": _list("Stream,Stream ID,Campaign\nst-1,st-1,cd-1\n", "Stream ID"),
    "a column that inverts enabled": _list("stream,campaign,disabled\nst-1,cd-1,TRUE\n", "disabled"),
    "no column for the campaign": _list("Stream ID;Name\nst-1;Spring\n", "Stream ID,Name"),
    "a title above the header": _list("Spring campaigns 2026\nstream,campaign\nst-1,cd-1\n", "Spring campaigns 2026"),
    "a sign that separates nothing": _list("sep=:\nstream:campaign\nst-1:cd-1\n", "':'"),
    "a header that commas and semicolons fit": _list("stream,campaign,x;stream;campaign\ns,c,x;t;d\n", "semicolons"),
    "an open quote": _list('stream,campaign,name\nst-1,cd-1,"5 inch\nst-1,cd-2,x\n', '"5 inch'),
    "an open quote that another one closes": _list(
        'stream,campaign,name\nst-1,cd-1,"5 inch\nst-1,cd-2,"x"\n', "opens a quote that closes within the cell, at 3:12"
    ),
    "a row that an open quote swallowed": _list(
        'stream,campaign,Notes\nst-1,cd-1,"5 inch\nst-1,cd-2,12"\n', "line 3 looks like a row of its own"
    ),
    "a row too short": _list("stream,campaign,window\nst-1,cd-1\n", "2 cells"),
    "a comma in a name without quotes": _list("stream,campaign,name\nst-1,cd-1,Spring, NE\n", "4 cells"),
    "an open quote in the header": _list('stream,campaign,"name\nst-1,cd-1,x\n', '"name'),
    "a header in the middle": _list("stream,campaign\nst-1,cd-1\nStream ID,Campaign ID\nst-1,cd-2\n", "Stream ID"),
    "a sum below the list": _list("stream,campaign,Notes\nst-1,cd-1,\n,,Total: 1\n", "stream: is missing"),
    "a value without a column": _list("stream,campaign,\nst-1,cd-1,FALSE\n", "FALSE"),
    "an id with an exponent": _list("stream,campaign\nst-1,1.2E+17\n", '"1.2E+17"'),
    "a zero width space in an id": _list("stream,campaign\nst-1,cd-1\u200b\n", "U+200B"),
    "a hard space in an id": _list("stream,campaign\nst-1,cd\u00a01\n", "U+00A0"),
    "a boolean in another language": _list("stream,campaign,enabled\nst-1,cd-1,FALSCH\n", '"FALSCH"'),
    "a campaign in two rows": _list("stream,campaign\nst-1,cd-1\nst-1,cd-1\n", "st-1/cd-1"),
    "a list saved in an old encoding": _list(b"stream,campaign,name\nst-1,cd-1,M\xfcller\n", "list.csv:2:12"),
    "a list with nothing in it": _list("\n\n", "is empty"),
    "a JSON line with a comma too many": _list('{"stream": "s", "campaign": "c",}\n', "list.jsonl:1:32", "list.jsonl"),
    "a number as an id in JSON": _list('{"stream": "st-1", "campaign": 12}\n', "12", "list.jsonl"),
    "a spreadsheet of an old kind": _list(b"\xd0\xcf\x11\xe0" + bytes(99), ".xls", "list.xls"),
    "an id that Excel made a number": _sheet(_COLUMNS, ("st-1", 123456789012345678, "x"), sees="1.23456789012346e+17"),
    "an id that Excel made a date": _sheet(_COLUMNS, ("st-1", date(2026, 3, 4), "x"), sees="2026-03-04"),
    "an id that Excel made a boolean": _sheet(_COLUMNS, ("st-1", True, "x"), sees="TRUE"),
    "a lookup that found nothing": _sheet(_WINDOWS, ("st-1", "cd-1"), fill=_errors, sees="#N/A"),
    "a formula that was never calculated": _list(
        changed(
            workbook(_WINDOWS, ("st-1", "cd-1"), fill=_formula),
            SHEET, lambda xml: xml.replace(b't="str"><f>Other', b"><f>Other"),
        ),
        "list.xlsx#List!C2", "list.xlsx",
    ),
    "a number where TRUE belongs": _sheet(("stream", "campaign", "rerun"), ("st-1", "cd-1", 2), sees="the number 2"),
    "cells merged over several rows": _sheet(_COLUMNS, ("st-1", "cd-1", "x"), ("", "cd-2"), sees="list.xlsx#List!A3"),
    "a sheet that is not there": _sheet(_COLUMNS, ("st-1", "cd-1"), given="list.xlsx#Lists", sees="'Lists'"),
    "a sheet with an empty one in front": _sheet(more=("Campaigns",), sees="is empty"),
    "a stray cell at the far end": _list(
        changed(workbook(_COLUMNS, ("st-1", "cd-1", "x")), SHEET, lambda xml: xml.replace(b'"C2"', b'"XFD1048576"')),
        "16,777,216 cells", "list.xlsx",
    ),
    "a workbook with a password": _list(
        b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "password", "list.xlsx"
    ),
    "a workbook that is called a CSV file": _list(workbook(_COLUMNS, ("st-1", "cd-1", "x")), "is a workbook"),
    "a CSV file that is called a workbook": _list("stream,campaign\nst-1,cd-1\n", "is not a workbook", "list.xlsx"),
}  # fmt: skip
