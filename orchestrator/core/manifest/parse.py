"""The one parse: a manifest from plain data and a stream of rows, or every fault of both.

A manifest may list a million campaigns, so a row is read once and kept only as the campaign that it becomes. Of a row
at fault, what the checks across rows need is kept. After `MAX_ISSUES` faults the rest of the rows is left unread.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.core.manifest import messages
from orchestrator.core.manifest.checks import MAX_ISSUES, FaultyRow, Issue, Row, check_across, repeats
from orchestrator.core.manifest.models import Campaign, Defaults, Manifest

_CHUNK_SIZE: Final = 100  # rows validated in one call: row by row takes twice the time
_DEFAULT_KEYS: Final = ("account", "type", "window")
_CAMPAIGN: Final = TypeAdapter(Campaign)
_CAMPAIGNS: Final = TypeAdapter(list[Campaign])


def parse(
    raw: Mapping[str, Any], rows: Iterable[Any] = (), *, is_complete: Callable[[], bool] = lambda: True
) -> tuple[Manifest | None, tuple[Issue, ...]]:
    """The manifest and no issue, or None and its faults: all of them, or at least the first `MAX_ISSUES` of a kind.

    `raw` is the manifest's mapping. `rows` are the campaigns of `campaigns_from`, which follow the inline ones: a fault
    in row n has the path `("campaigns", inline + n, …)`. They are read once. `is_complete` is asked after that: where
    it answers False, some rows could not be read, and campaigns that seem to be missing are no fault.
    """
    # 1. Each row by itself, in one pass.
    inline, issues = _inline_campaigns(raw)
    reader = _RowReader(raw.get("defaults"))
    reader.read(chain(inline, rows))
    # 2. What fits together. Where rows are left out, a wave that looks empty may not be.
    complete = not issues and not reader.ended_early and is_complete()
    issues += check_across(raw, reader.rows, complete=complete)
    issues += messages.issues(reader.faults)
    # 3. All other sections. They are checked beside faulty rows, too, so that one pass finds everything.
    try:
        campaigns = [] if issues else reader.rows
        manifest = Manifest.model_validate({**raw, "campaigns": campaigns}, by_name=False)
    except ValidationError as error:
        return None, (*issues, *islice(messages.issues(error.errors()), MAX_ISSUES))
    return (None, tuple(issues)) if issues else (manifest, ())


def _inline_campaigns(raw: Mapping[str, Any]) -> tuple[list[Any], list[Issue]]:
    inline = raw.get("campaigns", [])
    if isinstance(inline, list):
        return inline, []
    hint = "write each campaign as - {stream: …, campaign: …}"
    return [], [Issue(("campaigns",), "must be a list", hint, value=inline)]


def _usable(defaults: Any) -> Mapping[str, Any]:
    """The defaults without those at fault: a fault is the section's, and not each row's that has it from there."""
    if not isinstance(defaults, dict):
        return {}
    try:
        Defaults.model_validate(defaults, by_name=False)
    except ValidationError as error:
        faulty = {details["loc"][0] for details in error.errors()}
        return {key: value for key, value in defaults.items() if key not in faulty}
    return defaults


class _RowReader:
    """Reads rows into `rows`, and collects the `faults` that they have by themselves."""

    def __init__(self, defaults: Any) -> None:
        written = _usable(defaults)
        self._defaults = {key: written[key] for key in _DEFAULT_KEYS if key in written}
        self._repeats = 0
        self.rows: list[Row] = []
        self.faults: list[ErrorDetails] = []

    @property
    def ended_early(self) -> bool:
        """Whether enough faults were found to leave the rest of the rows unread."""
        # Repeats count, too: otherwise an endless file that lists one campaign would be read forever.
        return len(self.faults) >= MAX_ISSUES or self._repeats >= MAX_ISSUES

    def read(self, rows: Iterable[Any]) -> None:
        """Reads all rows, or as many as it takes to find `MAX_ISSUES` faults."""
        rest = iter(rows)
        while not self.ended_early and (chunk := list(islice(rest, _CHUNK_SIZE))):
            read = self._validated(self._filled_in(chunk))
            self._repeats += repeats(read)
            self.rows += read

    def _filled_in(self, chunk: list[Any]) -> list[Any]:
        """The rows, with the manifest's defaults where they have no value of their own."""
        if not self._defaults:
            return chunk
        return [{**self._defaults, **row} if isinstance(row, dict) else row for row in chunk]

    def _validated(self, chunk: list[Any]) -> Sequence[Row]:
        try:
            return _CAMPAIGNS.validate_python(chunk, by_name=False)
        except ValidationError:
            # A chunk with a fault gives no campaign at all, so each row is read again by itself.
            return [self._row(number, row) for number, row in enumerate(chunk, len(self.rows))]

    def _row(self, number: int, row: Any) -> Row:
        try:
            return _CAMPAIGN.validate_python(row, by_name=False)
        except ValidationError as error:
            found = islice(error.errors(), MAX_ISSUES)
            self.faults += ({**details, "loc": ("campaigns", number, *details["loc"])} for details in found)
            return FaultyRow.of(row)
