"""A CSV list of campaigns, changed where it must be: every other byte stays as it is."""

import csv
import re
from collections.abc import Iterable
from typing import Final

from orchestrator.core.discovery import GONE, Changes, csv_text
from orchestrator.core.manifest.models import Defaults
from orchestrator.errors import ManifestError, Refused
from orchestrator.loading.csv_rows import CsvFile

Edit = tuple[int, int, str]
"""From which character to which a text is replaced, and by what."""

_LINE_END: Final = re.compile("\r\n|\r|\n")


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits that do not overlap; of several at one place, the first comes first."""
    parts, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


def line_end(text: str) -> str:
    """What ends the lines of a text, by its first one."""
    found = _LINE_END.search(text)
    return found[0] if found else "\n"


class CsvList:
    """A CSV file's text, without its byte order mark, and its rows. Raises ManifestError for a faulty one."""

    def __init__(self, name: str, text: str) -> None:
        self._file = CsvFile(name, text)
        self.rows = list(self._file.rows())
        if self._file.problems:
            raise ManifestError(tuple(self._file.problems))
        self.text = text
        self._columns = self._file.header.known

    def edited(self, changes: Changes, defaults: Defaults) -> tuple[str, int]:
        """The text with the changes made, and how many campaigns are marked as gone. Raises Refused.

        Without a column `status` none can be marked.
        """
        edits = list(self._marks(changes)) if "status" in self._columns else []
        marked = len(changes.gone) if "status" in self._columns else 0
        text = applied(self.text, edits)
        if not changes.added:
            return text, marked
        # The last line stays as it is, and a file that does not end its last line goes on so.
        rows, end = self._new_rows(changes, defaults), line_end(text)
        return text + (rows if text.endswith(("\n", "\r")) else end + rows.removesuffix(end)), marked

    def _new_rows(self, changes: Changes, defaults: Defaults) -> str:
        rows = [one.cells(defaults) for one in changes.added]
        for column in ("account", "type"):
            if column not in self._columns and any(row[column] for row in rows):
                raise Refused(
                    f"{self._file.name} has no column {column}, and the campaigns found are not those of the defaults",
                    next_step=f"add the column {column} to its header, or write another file with -o",
                )
        quoting = csv.QUOTE_ALL if self._file.is_quoted else csv.QUOTE_MINIMAL
        form = {"delimiter": self._file.separator, "lineterminator": line_end(self.text), "quoting": quoting}
        return csv_text(rows, self._columns, **form)

    def _marks(self, changes: Changes) -> Iterable[Edit]:
        """What the cells `status` become: `gone`, or what the platform reports of a campaign that was gone before."""
        for number in (*changes.gone, *changes.listed):
            start, end, said = self._status(number)
            status = changes.listed.get(number, GONE)
            if GONE in {said, status} and said != status:
                quoting = csv.QUOTE_ALL if self.text.startswith('"', start) else csv.QUOTE_MINIMAL
                yield start, end, csv_text([{"status": status}], ["status"], lineterminator="", quoting=quoting)

    def _status(self, number: int) -> Edit:
        """The place of a row's cell `status`, and what it says."""
        start, end = self._file.span(self._file.lines[number], self._columns.index("status"))
        return start, end, self.text[start:end].strip(' "')
