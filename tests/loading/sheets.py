"""Workbooks for the tests, by a writer that shares nothing with the reader."""

import io
import zipfile

import xlsxwriter


def workbook(*rows, name="List", more=(), at=(0, 0), formats=None, fill=None):
    """The bytes of a workbook whose first sheet holds these rows; `fill` puts more into it."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"default_date_format": "yyyy-mm-dd", **(formats or {})}) as book:
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(at[0] + number, at[1], row)
        if fill is not None:
            fill(book, sheet)
        for other in more:
            book.add_worksheet(other)
    return data.getvalue()


def changed(data, part, change):
    """The workbook with one of its parts changed by a function of bytes; None takes it out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for one in before.infolist():
            content = before.read(one) if one.filename != part else change(before.read(one))
            if content is not None:
                after.writestr(one.filename, content)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
