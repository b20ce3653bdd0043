"""What must be known of a workbook's sheet before it is read: its size, and cells whose fault the reader cannot see.

The reader, calamine, takes an error such as #N/A and a formula that was never calculated for an empty cell, and makes
room for all cells between the first and the last one.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Final

MAX_UNPACKED: Final = 512 * 1024 * 1024
"""Bytes of all parts of a workbook, unpacked."""
MAX_CELLS: Final = 16 * 1024 * 1024
"""Cells of a sheet, from the first to the last row and column with a value."""

_CELL: Final = re.compile(rb"<(?:\w+:)?c(?:\s[^<>]*)?(?<!/)>")
_ADDRESS: Final = re.compile(rb"""\sr\s*=\s*["']([A-Z]{1,3})([1-9][0-9]{0,6})["']""")
_ERROR: Final = re.compile(rb"""\st\s*=\s*["']e["']""")
_NO_VALUE: Final = re.compile(
    rb"\s*<(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</"
)
_ATTRIBUTE: Final = re.compile(r"""(?:\w+:)?(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class WorkbookError(Exception):
    """A workbook that cannot be read, in words for a person: what is wrong, and what to do."""

    def __init__(self, message: str, hint: str = "open it in Excel or LibreOffice, and save it again") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def unpack(data: bytes) -> dict[str, bytes]:
    """The XML parts of a workbook by name, without pictures. Raises WorkbookError."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):  # the container of old Office files, and of encrypted new ones
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise WorkbookError("is protected with a password", "save it without one")
        raise WorkbookError("is a workbook in the old .xls format", "save it as .xlsx")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            # The sizes that the archive claims bound what is unpacked: a part that is longer fails its checksum.
            if sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise WorkbookError(f"is larger than {MAX_UNPACKED // 1024 // 1024} MiB, unpacked", "split the list")
            if (bad := archive.testzip()) is not None:
                raise WorkbookError(f"is damaged: the part {bad[:80]} does not match its checksum")
            return {part.filename: archive.read(part) for part in parts if part.filename.endswith((".xml", ".rels"))}
    except _BROKEN:
        raise WorkbookError("is not a workbook, or is damaged") from None


def part_of(parts: Mapping[str, bytes], sheet: str) -> bytes:
    """The part that holds a sheet's cells. Raises WorkbookError if there is none."""
    relations = _tags(parts, "xl/_rels/workbook.xml.rels", "Relationship")
    targets = {one.get("Id", ""): one.get("Target", "") for one in relations}
    ids = [one.get("id", "") for one in _tags(parts, "xl/workbook.xml", "sheet") if one.get("name") == sheet]
    target = targets.get(ids[0], "") if ids else ""
    part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    if part not in parts:
        raise WorkbookError("lacks the part with this sheet's cells")
    return parts[part]


def _tags(parts: Mapping[str, bytes], part: str, tag: str) -> Iterator[dict[str, str]]:
    text = parts.get(part, b"").decode("utf-8", "replace")
    for found in re.finditer(rf"<(?:\w+:)?{tag}\s([^>]*)>", text):
        yield {name: unescape(one or other) for name, one, other in _ATTRIBUTE.findall(found[1])}


def check_cells(sheet: bytes) -> dict[tuple[int, int], str]:
    """What is wrong with cells, by row and column from 1. Raises WorkbookError for a sheet that must not be read."""
    if sheet.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise WorkbookError("has a sheet in UTF-16")
    wrong: dict[tuple[int, int], str] = {}
    columns, last, first = set[bytes](), 0, 1 << 20
    for cell in _CELL.finditer(sheet):
        tag = cell.group()
        if (address := _ADDRESS.search(tag)) is None:
            raise WorkbookError("has a cell without an address")
        row = int(address[2])
        columns.add(address[1])
        first, last = min(first, row), max(last, row)
        if _ERROR.search(tag):
            wrong[row, column_number(address[1])] = "contains an error, such as #N/A"
        elif (
            b"<" in sheet[cell.end() : cell.end() + 1] and b't="str"' not in tag and _NO_VALUE.match(sheet, cell.end())
        ):
            wrong[row, column_number(address[1])] = "contains a formula that was never calculated"
    numbers = sorted(map(column_number, columns)) or [0]
    if (last - first + 1) * (numbers[-1] - numbers[0] + 1) > MAX_CELLS:
        raise WorkbookError(
            f"has more than {MAX_CELLS:,} cells between its first and its last value", "delete the stray ones"
        )
    return wrong


def column_number(letters: bytes) -> int:
    """The number, from 1, of a column such as `AB`."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def address_of(row: int, column: int) -> str:
    """The address of a cell, from 1: `B7`."""
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row}"
