"""The formats of `campaigns_from`: the reader of each, by the ending of a file's name."""

import re
from pathlib import Path
from typing import Final

from orchestrator.loading.csv_rows import CsvFile
from orchestrator.loading.input_files import InputFiles, fail, source_name
from orchestrator.loading.json_rows import JsonFile
from orchestrator.loading.row_file import CampaignFile

_TEXTS: Final = (".csv", ".jsonl", ".ndjson")
_WORKBOOKS: Final = (".xlsx", ".xlsm")
_ARCHIVE: Final = b"PK\x03\x04"  # how workbooks begin
_OTHER_SHEETS: Final = (".xls", ".xlsb", ".ods")
SUFFIXES: Final = (*_TEXTS, *_WORKBOOKS)
"""How the names of files end that can be read."""
# No sheet's name holds a slash. A # anywhere else is part of a file's name.
_SHEET: Final = re.compile(r"(.*\.xls[xm])#([^/]+)", re.IGNORECASE | re.DOTALL)


def split_sheet(given: str) -> tuple[str, str]:
    """A file as it is given, and the sheet that is named behind it: `list.xlsx#May`; "" where none is."""
    found = _SHEET.fullmatch(given)
    return (found[1], found[2]) if found else (given, "")


def open_campaign_file(path: Path, sheet: str, inputs: InputFiles) -> CampaignFile:
    """The file, ready to be read by the reader of its format. Raises ManifestError."""
    name, suffix = source_name(path), path.suffix.lower()
    if suffix in _WORKBOOKS:
        # Unpacking archives takes imports that no other file needs.
        from orchestrator.loading.sheet_rows import SheetFile

        return SheetFile(name, inputs.campaigns(path), sheet)
    if suffix in _OTHER_SHEETS:
        raise fail(name, f"is a spreadsheet, but {suffix} is not read", "save it as .xlsx")
    if suffix not in _TEXTS:
        raise fail(name, "is neither CSV, JSON lines nor a spreadsheet", f"name it {', '.join(SUFFIXES)}")
    data = inputs.campaigns(path)
    if data.startswith(_ARCHIVE):
        raise fail(name, f"is a workbook, not a {suffix} file", "name it .xlsx, or save it as CSV UTF-8")
    text = inputs.text(name, data, is_yaml=False)
    return CsvFile(name, text) if suffix == ".csv" else JsonFile(name, text)
