"""Campaigns from a sheet of an Excel workbook: a header, then a campaign a row."""

import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from orchestrator.core.manifest.values import did_you_mean
from orchestrator.loading.row_file import Place
from orchestrator.loading.table_file import TableFile
from orchestrator.loading.workbook import WorkbookError, address_of, check_cells, part_of, unpack

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_SWITCHES: Final = ("rerun", "enabled")


class SheetFile(TableFile):
    """A sheet. Its name as people write it: `list.xlsx#Sheet1`; of a sheet that is not named, the first one's."""

    def __init__(self, file: str, data: bytes, sheet: str = "") -> None:
        super().__init__(f"{file}#{sheet}" if sheet else file)
        self._file = file
        self._data = data
        self._sheet = sheet
        self._wrong: dict[tuple[int, int], str] = {}
        self._left = 0  # empty columns before the first one

    def _read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        # 1. The sheet, or why there is none.
        try:
            sheet = self._open()
        except WorkbookError as error:
            self.report(Place(1), error.message, error.hint)
            return
        # 2. What the columns are.
        self._left = sheet.start[1] if sheet.start else 0
        faulty = {line for line, _ in self._wrong}
        numbered = enumerate(sheet.iter_rows(), start=1)
        rows = ((line, cells) for line, cells in numbered if any(cell != "" for cell in cells) or line in faulty)
        line, cells = next(rows, (1, []))
        if not cells:
            self._report_empty()
            return
        names = [_number(cell) if isinstance(cell, float) else str(cell) for cell in cells]
        if not self._accept_header(line, names):
            return
        # 3. The rows.
        for line, cells in rows:
            before = len(self.problems)
            row = self._row(line, cells)
            # A cell that was reported is not reported as missing, too.
            if len(self.problems) == before and (row or any(str(cell).strip() for cell in cells)):
                campaign = self._campaign(line, row)
                if campaign is not None:
                    yield line, campaign
                self._check_nameless(line, cells)
            if self.has_enough_faults:
                break

    def _open(self) -> "CalamineSheet":
        try:
            from python_calamine import CalamineError, CalamineWorkbook
        except ImportError:
            raise WorkbookError("needs the extra xlsx", "pip install 'campaign-orchestrator[xlsx]'") from None
        # Checked before it is given to the reader, which trusts what the file says of itself.
        parts = unpack(self._data)
        try:
            workbook = CalamineWorkbook.from_filelike(io.BytesIO(self._data))
            name = self._chosen(workbook)
            self.name = f"{self._file}#{name}"
            self._wrong = check_cells(part_of(parts, name))
            parts.clear()
            return workbook.get_sheet_by_name(name)
        except CalamineError as error:
            raise WorkbookError(f"cannot be read: {error}") from None
        # A panic of the reader is no Exception, and its class cannot be imported.
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise WorkbookError("cannot be read") from None

    def _chosen(self, workbook: "CalamineWorkbook") -> str:
        from python_calamine import SheetTypeEnum, SheetVisibleEnum

        sheets = [one for one in workbook.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        names = [one.name for one in sheets]
        if self._sheet:
            if self._sheet not in names:
                raise WorkbookError(f"has no sheet {self._sheet!r}", did_you_mean(self._sheet, names))
            return self._sheet
        visible = [one.name for one in sheets if one.visible == SheetVisibleEnum.Visible]
        if not visible:
            raise WorkbookError("has no visible sheet", "name one: list.xlsx#Sheet1")
        return visible[0]

    def _row(self, line: int, cells: Sequence[Any]) -> dict[str, Any]:
        row = {}
        for number, key in self.header.columns:
            value = cells[number]
            value = value.strip() if isinstance(value, str) else self._value(line, number, key, value)
            if value != "":
                row[key] = value
        # The reader has taken the cells at fault for empty ones.
        if self._wrong:
            self._report_wrong(line)
        return row

    def _report_wrong(self, line: int) -> None:
        for number, key in self.header.columns:
            if (said := self._wrong.get((line, self._left + number + 1))) is not None:
                self.report(self._cell(line, number), said, "write the value itself", path=key)

    def _value(self, line: int, number: int, key: str, value: Any) -> Any:
        """A cell that is no text, as a campaign's value; "" where it is reported."""
        if key in _SWITCHES and value in (True, False):
            return bool(value)
        if key == "name" and isinstance(value, (int, float)) and not isinstance(value, bool):
            return _number(value)
        said, hint = f"is {_kind(value)}", "write TRUE or FALSE"
        if key not in _SWITCHES:
            said, hint = f"{said}, and must be text", "format the column as text, and write the value again"
        self.report(self._cell(line, number), said, hint, path=key)
        return ""

    def _cell(self, line: int, number: int) -> Place:
        column = self._left + number + 1
        return Place(line, column, address_of(line, column))


def _number(value: float) -> str:
    """A number as a sheet shows it: a cell of 12 holds 12.0."""
    return f"{value:.15g}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return f"the number {_number(value)}"
    if isinstance(value, (datetime, date)):
        return f"the date {value.isoformat()}"
    return f"the time {value}" if isinstance(value, (time, timedelta)) else "no text"
