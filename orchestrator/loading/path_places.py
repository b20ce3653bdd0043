"""Where the paths of a manifest stand: in its own file, or in the file that has a campaign's row."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from orchestrator.core.manifest import checks
from orchestrator.core.manifest.checks import Issue
from orchestrator.core.visible import shown
from orchestrator.errors import Problem, where
from orchestrator.loading.row_file import CampaignFile, Place
from orchestrator.loading.yaml_reader import Document, Mark, render


class PathPlaces:
    """Turns paths into places: of the manifest, or of a row's file. Rows follow the inline campaigns."""

    def __init__(self, document: Document, raw: Mapping[str, Any], files: Sequence[CampaignFile]) -> None:
        self._document, self._files = document, files
        inline = raw.get("campaigns")
        self._starts = [len(inline) if isinstance(inline, list) else 0]
        for file in files:
            self._starts.append(self._starts[-1] + len(file.lines))
        self._marks: dict[checks.Path, Mark] = {}

    def problems(self, issues: Sequence[Issue]) -> list[Problem]:
        """The issues with their places. One look-up serves them all."""
        self._find({path for issue in issues for path in (issue.path, issue.other) if path is not None})
        return [self._problem(issue) for issue in issues]

    def of(self, paths: Collection[checks.Path]) -> dict[checks.Path, str]:
        """The place of each path, as people write it."""
        self._find(paths)
        places = ((path, self._place(path)) for path in paths)
        return {path: where(name, *place) for path, (name, place) in places}

    def _find(self, paths: Collection[checks.Path]) -> None:
        self._marks = self._document.marks([path for path in paths if not self._row(path)]) if paths else {}

    def _row(self, path: checks.Path) -> tuple[CampaignFile, int] | None:
        number = path[1] if len(path) > 1 and path[0] == "campaigns" else None
        if not isinstance(number, int) or number < self._starts[0]:
            return None
        file = bisect_right(self._starts, number) - 1
        return self._files[file], number - self._starts[file]

    def _place(self, path: checks.Path) -> tuple[str, Place]:
        if (row := self._row(path)) is None:
            return self._document.name, Place(*self._marks[path])
        key = path[2] if len(path) > 2 else ""
        return row[0].name, row[0].place(row[1], key if isinstance(key, str) else "")

    def _problem(self, issue: Issue) -> Problem:
        path = issue.path[2:] if self._row(issue.path) else issue.path
        hint = issue.hint
        if issue.other is not None:
            name, first = self._place(issue.other)
            hint = f"first at {where(name, *first)}"
        name, place = self._place(issue.path)
        return Problem(
            name, place.line, place.column, render(path), issue.message, hint, place.cell, shown(issue.value)
        )
