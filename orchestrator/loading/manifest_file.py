"""A manifest from its files: the models, or every fault of all files in one pass."""

import os
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from orchestrator.core.manifest import checks, environments
from orchestrator.core.manifest.checks import Issue
from orchestrator.core.manifest.environments import Merged
from orchestrator.core.manifest.models import Campaign, Manifest
from orchestrator.core.manifest.parse import parse
from orchestrator.core.manifest.values import ID_PATTERN, Rerun
from orchestrator.core.text import command_line, manifest_words
from orchestrator.core.visible import shown
from orchestrator.errors import ManifestError, Problem, where
from orchestrator.loading import yaml_reader
from orchestrator.loading.campaign_files import open_campaign_file, split_sheet
from orchestrator.loading.input_files import InputFiles, fail, source_name
from orchestrator.loading.row_file import CampaignFile, Place, Reading
from orchestrator.loading.yaml_reader import Document, Mark, render
from orchestrator.places import expanded

MAX_FILES: Final = 1000
"""Files in `campaigns_from`."""
MAX_PROBLEMS: Final = 100
"""Problems that are shown."""

_MAX_TEXT: Final = 300  # characters of a problem's file, path, message, hint or value
_ID: Final = re.compile(ID_PATTERN)
_LAUNCH: Final = re.compile(r"^[ {]*[\"']?launch[\"']?\s*:\s*[\"']?([\w.-]+)", re.MULTILINE)
_FIELD_DEFAULTS: Final = {field.name: field.default for field in fields(Campaign)}


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A valid manifest. `sha256` covers its own bytes and those of every file in `campaigns_from`.

    <<<<<<< HEAD
        `raw` is the mapping in the file as it counts in the `environment`, without `campaigns`, and `rows` are all
    =======
        `files` says how those files were read. `raw` is the mapping in the file without `campaigns`, and `rows` are all
    >>>>>>> 046cf36 (wip)
        campaigns: `parse(raw, rows)` gives the same manifest on another host, which has none of the files.
    """

    manifest: Manifest
    sha256: str
    path: Path
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    environment: str | None = None
    files: tuple[Reading, ...] = ()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All campaigns as mappings, with the defaults filled in: made anew at each call."""
        return [self._row(campaign) for campaign in self.manifest.campaigns]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was not read of the files in `campaigns_from`."""
        return tuple(warning for file in self.files for warning in file.warnings)

    @property
    def source_name(self) -> str:
        """The file's name as messages show it."""
        return source_name(self.path)

    @property
    def words(self) -> tuple[str, ...]:
        """What names it on a command line: the file, and the environment where it has some."""
        return manifest_words(self.source_name, self.environment)

    def _row(self, campaign: Campaign) -> dict[str, Any]:
        values = {name: getattr(campaign, name) for name in _FIELD_DEFAULTS}
        row = {name: value for name, value in values.items() if value != _FIELD_DEFAULTS[name]}
        if isinstance(campaign.rerun, Rerun):
            row["rerun"] = campaign.rerun.as_json()
        if self.manifest.defaults.window is not None:
            row["window"] = campaign.window  # None, too: left out, it would be the default again
        return row | {"type": str(campaign.type)}


def load_manifest(path: Path, environment: str | None = None, *, is_draft: bool = False) -> LoadedManifest:
    """The manifest at `path`, as it counts in the environment; None: it has no environments.

    A draft's campaigns are still to come: it may list none, have waves without any, and name files that do not exist.
    Raises ManifestError with every problem of it and of the files it names, and WrongEnvironment.
    """
    inputs = InputFiles()
    try:
        return _load(path, environment, inputs, is_draft=is_draft)
    except ManifestError as error:
        name = source_name(path)
        problems = sorted(error.problems, key=lambda p: (p.file != name, p.file, p.line, p.column))
        first = inputs.sources.shown(problems[:MAX_PROBLEMS])
        next_step = error.next_step or command_line("validate", *manifest_words(name, environment))
        raise ManifestError(_capped(first, len(problems)), next_step=next_step) from None


def launch_and_folder(path: Path, environment: str | None = None) -> tuple[str, str | None] | None:
    """The launch and `report.dir` of a manifest that need not be valid; None where it does not name the launch."""
    name = source_name(path)
    try:
        text = InputFiles().manifest(path)
    except ManifestError:
        return None
    raw: Mapping[str, Any]
    try:
        raw = environments.merge(_mapping(yaml_reader.load(text, name), name), environment).raw
    except ManifestError:  # no YAML: its lines may still tell
        raw = {"launch": found[1]} if (found := _LAUNCH.search(text)) else {}
    launch, report = raw.get("launch"), raw.get("report")
    directory = report.get("dir") if isinstance(report, Mapping) else None
    if not isinstance(launch, str) or not _ID.fullmatch(launch):
        return None
    return launch, directory if isinstance(directory, str) and directory else None


def _load(path: Path, environment: str | None, inputs: InputFiles, *, is_draft: bool) -> LoadedManifest:
    # 1. The manifest's own text, as plain data, and what of it counts in the environment.
    name = source_name(path)
    document = yaml_reader.load(inputs.manifest(path), name)
    whole = _mapping(document, name)
    environments.check_choice(whole, name, environment)
    merged = environments.merge(whole, environment)
    # 2. The texts of the files it names.
    files, unreadable = _open_campaign_files(merged.raw, path, inputs, is_draft=is_draft)
    # 3. All of it as models. The campaigns live on in the models only: as plain data they take twice the memory.
    manifest = _parse(document, merged, files, unreadable, is_draft=is_draft)
    raw = {key: value for key, value in merged.raw.items() if key != "campaigns"}
    return LoadedManifest(manifest, inputs.sha256, path, raw, environment, tuple(file.reading() for file in files))


def _parse(
    document: Document,
    merged: Merged,
    files: Sequence[CampaignFile],
    unreadable: Sequence[Problem],
    *,
    is_draft: bool,
) -> Manifest:
    """The manifest. Raises ManifestError with every fault, also of environments that are not chosen."""
    rows = chain.from_iterable(file.rows() for file in files)

    def is_complete() -> bool:
        return not is_draft and not unreadable and not any(file.problems for file in files)

    manifest, issues = parse(merged.raw, rows, is_complete=is_complete)
    problems = [*document.problems, *unreadable, *(problem for file in files for problem in file.problems)]
    found = (*environments.check(document.value, merged.environment), *map(merged.located, issues))
    problems += _Places(document, merged.raw, files).problems(found)
    if manifest is None or problems:
        is_empty = issues == (checks.EMPTY_FILES,) and len(problems) == 1
        raise ManifestError(
            tuple(problems), next_step=_discover(document.name, merged.environment, files) if is_empty else ""
        )
    return manifest


def _discover(manifest: str, environment: str | None, files: Sequence[CampaignFile]) -> str:
    """The command that fills the first file, or prints its campaigns; the stream's id is to be typed behind it."""
    name, words = files[0].name, manifest_words(manifest, environment)
    return command_line("discover", *words, *(["-o", name] if name.endswith(".csv") else []), "--stream")


def _mapping(document: Document, name: str) -> Mapping[str, Any]:
    if isinstance(document.value, dict):
        return document.value
    message = "is empty" if document.value is None else "must be a mapping"
    hint = "begin with version: 1; configs/launch.yaml is an example"
    raise ManifestError((*document.problems, Problem(name, 1, 1, "", message, hint)))


def _open_campaign_files(
    raw: Mapping[str, Any], path: Path, inputs: InputFiles, *, is_draft: bool
) -> tuple[list[CampaignFile], list[Problem]]:
    """The files of `campaigns_from`, and why others of them cannot be read."""
    names = raw.get("campaigns_from")
    files: list[CampaignFile] = []
    problems: list[Problem] = []
    if isinstance(names, list) and len(names) > MAX_FILES:
        raise fail(source_name(path), f"campaigns_from names more than {MAX_FILES} files")
    for given in names if isinstance(names, list) else []:
        if not isinstance(given, str) or not given or "$" in given:
            continue  # the models report it
        try:
            named, sheet = split_sheet(given)
            file = _campaign_path(path, named)
            if is_draft and not os.path.exists(file):  # noqa: PTH110 - False for a name that no file can have
                continue
            files.append(open_campaign_file(file, sheet, inputs))
        except ManifestError as error:
            problems += error.problems
    return files, problems


def _campaign_path(manifest: Path, given: str) -> Path:
    try:
        return manifest.parent / expanded(given)
    except OSError as error:
        raise fail(source_name(manifest), f"campaigns_from: {error.strerror}") from None


class _Places:
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
        paths = {path for issue in issues for path in (issue.path, issue.other) if path is not None}
        self._marks = self._document.marks([path for path in paths if not self._row(path)]) if paths else {}
        return [self._problem(issue) for issue in issues]

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


def _capped(first: Sequence[Problem], found: int) -> tuple[Problem, ...]:
    """The first problems, each at a length that can be read, and how many are left out."""
    short = tuple(_short(problem) for problem in first)
    left = found - len(short)
    if not left:
        return short
    words = f"and {left} more" if left < MAX_PROBLEMS * 2 else "and many more"
    return (*short, replace(short[-1], path="", message=words, hint="", value="", source="", caret=0))


def _short(problem: Problem) -> Problem:
    texts = (problem.file, problem.path, problem.message, problem.hint, problem.value)
    file, path, message, hint, value = map(_cut, texts)
    return replace(problem, file=file, path=path, message=message, hint=hint, value=value)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
