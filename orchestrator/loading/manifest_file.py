"""A manifest from its files: the models, or every fault of all files in one pass."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from orchestrator.errors import ManifestError, Problem
from orchestrator.loading import yaml_reader
from orchestrator.loading.campaign_files import SUFFIXES, open_campaign_file, split_sheet
from orchestrator.loading.input_files import (
    NO_FILE,
    InputFiles,
    beside,
    fail,
    is_gone,
    is_missing,
    is_stream,
    name_like,
    source_name,
)
from orchestrator.loading.path_places import PathPlaces
from orchestrator.loading.row_file import CampaignFile, Reading
from orchestrator.loading.yaml_reader import Document
from orchestrator.places import expanded

MAX_FILES: Final = 1000
"""Files in `campaigns_from`."""
MAX_PROBLEMS: Final = 100
"""Problems that are shown."""

_MAX_TEXT: Final = 300  # characters of a problem's file, path, message or hint
_MAX_VALUE: Final = 120
_ID: Final = re.compile(ID_PATTERN)
_LAUNCH: Final = re.compile(r"^[ {]*[\"']?launch[\"']?\s*:\s*[\"']?([\w.-]+)", re.MULTILINE)
_FIELD_DEFAULTS: Final = {field.name: field.default for field in fields(Campaign)}


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A valid manifest. `sha256` covers its own bytes and those of every file in `campaigns_from`.

    `files` says how those files were read. `raw` is the mapping in the file as it counts in the `environment`, without
    `campaigns`, and `rows` are all campaigns: `parse(raw, rows)` gives the same manifest on another host, which has
    none of the files.
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
    with showing_problems(path, environment) as inputs:
        # The campaigns live on in the models only: as plain data they take twice the memory.
        opened = open_files(path, environment, inputs, is_draft=is_draft)
        manifest = parsed(opened, chain.from_iterable(file.rows() for file in opened.files), is_draft=is_draft)
        raw = {key: value for key, value in opened.merged.raw.items() if key != "campaigns"}
        read = tuple(file.reading() for file in opened.files)
        return LoadedManifest(manifest, inputs.sha256, beside(path), raw, environment, read)


@contextmanager
def showing_problems(path: Path, environment: str | None) -> Iterator[InputFiles]:
    """Gives the files of the manifest at `path`, and adds their lines to the problems of a ManifestError."""
    inputs = InputFiles()
    try:
        yield inputs
    except ManifestError as error:
        name = source_name(path)
        problems = sorted(error.problems, key=lambda p: (p.file != name, p.file, p.line, p.column))
        first = inputs.sources.shown(problems[:MAX_PROBLEMS])
        # What was read from a stream is gone, and what is no file leads elsewhere.
        can_be_read = path.is_file() and not is_stream(path)
        again = command_line("validate", *manifest_words(name, environment)) if can_be_read else ""
        next_step = error.next_step or again
        raise ManifestError(_capped(first, len(problems)), next_step=next_step) from None


def launch_and_folder(path: Path, environment: str | None = None) -> tuple[str, str | None, str | None] | None:
    """The launch, `report.dir` and the environment of a manifest that need not be valid, None for what it has not.

    None for all of it where it does not name the launch.
    """
    name = source_name(path)
    if is_gone(path):
        return None
    try:
        text = InputFiles().manifest(path)
    except ManifestError:
        return None
    raw: Mapping[str, Any]
    try:
        merged = environments.merge(_mapping(yaml_reader.load(text, name), name), environment)
        raw, known = merged.raw, merged.environment
    except ManifestError:  # no YAML: its lines may still tell
        known, raw = None, {"launch": found[1]} if (found := _LAUNCH.search(text)) else {}
    launch, report = raw.get("launch"), raw.get("report")
    directory = report.get("dir") if isinstance(report, Mapping) else None
    if not isinstance(launch, str) or not _ID.fullmatch(launch):
        return None
    # A folder is named after it, so that it must be one of the manifest's.
    return launch, directory if isinstance(directory, str) and directory else None, known


@dataclass(frozen=True, slots=True)
class OpenedManifest:
    """A manifest's text as plain data, what of it counts in the environment, and the files that it names.

    `unreadable` says why others of these cannot be read, and `missing` which of them do not exist.
    """

    document: Document
    merged: Merged
    files: Sequence[CampaignFile]
    unreadable: Sequence[Problem]
    missing: Sequence[Issue]

    @property
    def places(self) -> PathPlaces:
        """Where the paths of the document stand."""
        return PathPlaces(self.document, self.merged.raw, self.files)


def open_files(path: Path, environment: str | None, inputs: InputFiles, *, is_draft: bool = False) -> OpenedManifest:
    """The manifest at `path`, not yet parsed. Raises ManifestError and WrongEnvironment."""
    name = source_name(path)
    document = yaml_reader.load(inputs.manifest(path), name)
    whole = _mapping(document, name)
    environments.check_choice(whole, name, environment)
    merged = environments.merge(whole, environment)
    return OpenedManifest(document, merged, *_open_campaign_files(merged.raw, beside(path), inputs, is_draft=is_draft))


def parsed(opened: OpenedManifest, rows: Iterable[Mapping[str, Any]], *, is_draft: bool = False) -> Manifest:
    """The manifest with the rows of its files. Raises ManifestError with every fault, of each environment."""
    document, merged, files = opened.document, opened.merged, opened.files

    named = merged.raw.get("campaigns_from", [])

    def is_complete() -> bool:
        # A file that is not named as it must be, or cannot be read, may list any campaign.
        is_all = isinstance(named, list) and len(files) == len(named)
        return not is_draft and is_all and not any(file.problems for file in files)

    manifest, issues = parse(merged.raw, rows, is_complete=is_complete)
    problems = [*document.problems, *opened.unreadable, *(problem for file in files for problem in file.problems)]
    located = map(merged.located, (*opened.missing, *issues))
    found = (*environments.check(document.value, merged.environment), *located)
    problems += opened.places.problems(found)
    if manifest is None or problems:
        is_empty = issues == (checks.EMPTY_FILES,) and len(problems) == 1
        next_step = _discover(document.name, merged.environment, files) if is_empty else ""
        raise ManifestError(tuple(problems), next_step=next_step)
    return manifest


def _discover(manifest: str, environment: str | None, files: Sequence[CampaignFile]) -> str:
    """The command that fills the first file, or prints its campaigns; the stream's id is to be typed behind it."""
    name, words = files[0].name, manifest_words(manifest, environment)
    return command_line("discover", *words, *(["-o", name] if name.endswith(".csv") else []), "--stream")


def _mapping(document: Document, name: str) -> Mapping[str, Any]:
    if isinstance(document.value, dict):
        return document.value
    message = "is empty" if document.value is None else "must be a mapping"
    hint = f"begin with version: 1; for an example: {command_line('init', 'demo', '--example')}"
    raise ManifestError((*document.problems, Problem(name, 1, 1, "", message, hint)))


def _open_campaign_files(
    raw: Mapping[str, Any], path: Path, inputs: InputFiles, *, is_draft: bool
) -> tuple[list[CampaignFile], list[Problem], list[Issue]]:
    """The files of `campaigns_from`, why others of them cannot be read, and which do not exist."""
    names = raw.get("campaigns_from")
    files: list[CampaignFile] = []
    problems: list[Problem] = []
    missing: list[Issue] = []
    if isinstance(names, list) and len(names) > MAX_FILES:
        raise fail(source_name(path), f"campaigns_from names more than {MAX_FILES} files")
    for number, given in enumerate(names if isinstance(names, list) else []):
        if not isinstance(given, str) or not given or "$" in given:
            continue  # the models report it
        try:
            named, sheet = split_sheet(given)
            file = _campaign_path(path, named)
            if not is_missing(file):
                files.append(open_campaign_file(file, sheet, inputs))
            elif not is_draft:
                missing.append(Issue(("campaigns_from", number), NO_FILE, name_like(file, SUFFIXES), value=given))
        except ManifestError as error:
            problems += error.problems
    return files, problems, missing


def _campaign_path(manifest: Path, given: str) -> Path:
    try:
        return manifest.parent / expanded(given)
    except OSError as error:
        raise fail(source_name(manifest), f"campaigns_from: {error.strerror}") from None


def _capped(first: Sequence[Problem], found: int) -> tuple[Problem, ...]:
    """The first problems, each at a length that can be read, and how many are left out."""
    short = tuple(_short(problem) for problem in first)
    left = found - len(short)
    if not left:
        return short
    words = f"and {left} more" if left < MAX_PROBLEMS * 2 else "and many more"
    return (*short, replace(short[-1], path="", message=words, hint="", value="", source="", caret=0))


def _short(problem: Problem) -> Problem:
    file, path, message, hint = map(_cut, (problem.file, problem.path, problem.message, problem.hint))
    return replace(problem, file=file, path=path, message=message, hint=hint, value=_cut(problem.value, _MAX_VALUE))


def _cut(text: str, most: int = _MAX_TEXT) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
