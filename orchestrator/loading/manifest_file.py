"""A manifest from its files: the models, or every fault of all files in one pass."""

import hashlib
import shlex
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from orchestrator.core.manifest.models import Campaign, Issue, Manifest, parse
from orchestrator.core.manifest_stream import faultless
from orchestrator.errors import ManifestError, Problem
from orchestrator.loading import campaign_files as row_files
from orchestrator.loading import yaml_marks
from orchestrator.loading import yaml_reader as yaml_events
from orchestrator.loading.campaign_files import Rows

MAX_PROBLEMS: Final = 100
MAX_FILES: Final = 1000
_MAX_TEXT: Final = 300
MAX_ROW_BYTES: Final = 256 * 1024 * 1024
_DEFAULTS: Final = {field.name: field.default for field in fields(Campaign)}


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A valid manifest. `sha256` covers its own bytes and those of every file in `campaigns_from`.

    `raw` is what was written in the manifest, and `rows` in the other files: what other hosts need to read it again.
    """

    manifest: Manifest
    sha256: str
    path: Path
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The campaigns of `campaigns_from`, with the defaults filled in."""
        return [_row(campaign) for campaign in self.manifest.campaigns[len(self.raw.get("campaigns", ())) :]]

    @property
    def source_name(self) -> str:
        """The file's name as messages show it."""
        return source_name(self.path)


def _row(campaign: Campaign) -> dict[str, Any]:
    given = {field.name: getattr(campaign, field.name) for field in fields(campaign)}
    return {name: value for name, value in given.items() if value != _DEFAULTS[name]} | {"type": str(campaign.type)}


def source_name(path: Path) -> str:
    """A file's name as messages show it: as it was given, with forward slashes."""
    return path.as_posix()


def load_manifest(path: Path) -> LoadedManifest:
    """The manifest at `path`. Raises ManifestError with every problem of it and of the files it names."""
    try:
        return _load(path)
    except ManifestError as error:
        name = source_name(path)
        problems = sorted(error.problems, key=lambda p: (p.file != name, p.file, p.line, p.column))
        step = f"python -m orchestrator validate {shlex.quote(name)}"
        raise ManifestError(_capped(problems), next_step=step) from None


def _load(path: Path) -> LoadedManifest:
    name = source_name(path)
    data = _read(path, name, yaml_events.MAX_BYTES)
    loaded = yaml_events.load(_decode(data, name), name)
    raw = _mapping(loaded.value, loaded.problems, name)
    digest = _Digest(data)
    texts, problems = _read_texts(raw, path, digest)
    manifest = None if loaded.problems or problems else _stream(raw, texts)
    if manifest is None:
        manifest = _parse(loaded, raw, texts, problems)
    return LoadedManifest(manifest, digest.hexdigest(), path, raw)


def _stream(raw: Mapping[str, Any], texts: Sequence[tuple[str, str]]) -> Manifest | None:
    """The manifest where it is without a fault, and rows need not be kept to say so."""
    try:
        return faultless(raw, (row for name, text in texts for row in row_files.stream_rows(text, name)))
    except row_files.MalformedError:
        return None


def _parse(
    loaded: yaml_events.Loaded, raw: Mapping[str, Any], texts: Sequence[tuple[str, str]], problems: Sequence[Problem]
) -> Manifest:
    """The manifest. Raises ManifestError with every fault."""
    files = [row_files.read_rows(text, name) for name, text in texts]
    problems = [*problems, *(problem for file in files for problem in file.problems)]
    rows = [row for file in files for row in file.values]
    manifest, issues = parse(raw, rows, complete=not problems)
    problems = [*loaded.problems, *problems, *_Places(loaded, raw, files).problems(issues)]
    if manifest is None or problems:
        raise ManifestError(tuple(problems))
    return manifest


class _Digest:
    def __init__(self, data: bytes) -> None:
        self._sha256 = hashlib.sha256()
        self.add(data)

    def add(self, data: bytes) -> None:
        """Adds a file; its length goes first, so that no two sets of files look alike."""
        self._sha256.update(b"%d:" % len(data))
        self._sha256.update(data)

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def _fail(name: str, message: str, hint: str = "", *, line: int = 1, column: int = 1) -> ManifestError:
    return ManifestError((Problem(name, line, column, "", message, hint),))


def _read(path: Path, name: str, limit: int) -> bytes:
    try:
        if path.is_dir():
            raise _fail(name, "is a directory", "name a file in it")
        if path.exists() and not path.is_file():
            raise _fail(name, "is not a file")
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except FileNotFoundError:
        raise _fail(name, "there is no such file") from None
    except OSError as error:
        raise _fail(name, f"cannot be read: {error.strerror or type(error).__name__}") from None
    except ValueError:
        raise _fail(name, "is no file name") from None
    if len(data) > limit:
        raise _fail(name, f"is larger than {limit // 1024 // 1024} MiB", "use campaigns_from for long lists")
    return data


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise _fail(name, "is not UTF-8", "save it as UTF-8", line=line, column=column) from None


def _mapping(value: Any, problems: tuple[Problem, ...], name: str) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    message = "is empty" if value is None else "must be a mapping"
    hint = "begin with version: 1; configs/launch.yaml is an example"
    raise ManifestError((*problems, Problem(name, 1, 1, "", message, hint)))


def _read_texts(raw: Mapping[str, Any], path: Path, digest: _Digest) -> tuple[list[tuple[str, str]], list[Problem]]:
    """The files with more campaigns: their names as messages show them, and their texts."""
    names = raw.get("campaigns_from")
    texts: list[tuple[str, str]] = []
    problems: list[Problem] = []
    if isinstance(names, list) and len(names) > MAX_FILES:
        raise _fail(source_name(path), f"campaigns_from names more than {MAX_FILES} files")
    for given in names if isinstance(names, list) else []:
        if not isinstance(given, str) or not given:
            continue  # the models say so
        try:
            texts.append((source_name(path.parent / given), _read_text(path.parent / given, digest)))
        except ManifestError as error:
            problems += error.problems
    return texts, problems


def _read_text(path: Path, digest: _Digest) -> str:
    name = source_name(path)
    if path.suffix.lower() not in row_files.SUFFIXES:
        raise _fail(name, "is neither CSV nor JSON lines", f"name it {' or '.join(row_files.SUFFIXES)}")
    data = _read(path, name, MAX_ROW_BYTES)
    digest.add(data)
    return _decode(data, name)


class _Places:
    """Turns paths into places: of the manifest, or of a row's file. Rows follow the inline campaigns."""

    def __init__(self, loaded: yaml_events.Loaded, raw: Mapping[str, Any], files: Sequence[Rows]) -> None:
        self._loaded, self._files = loaded, files
        inline = raw.get("campaigns")
        self._starts = [len(inline) if isinstance(inline, list) else 0]
        for file in files:
            self._starts.append(self._starts[-1] + len(file.values))
        self._marks: dict[yaml_marks.Path, yaml_marks.Mark] = {}

    def problems(self, issues: Sequence[Issue]) -> list[Problem]:
        """The issues with their places. One look-up serves them all."""
        paths = {path for issue in issues for path in (issue.path, issue.other) if path is not None}
        self._marks = self._loaded.marks([path for path in paths if not self._row(path)]) if paths else {}
        return [self._problem(issue) for issue in issues]

    def _row(self, path: yaml_marks.Path) -> tuple[Rows, int] | None:
        number = path[1] if len(path) > 1 and path[0] == "campaigns" else None
        if not isinstance(number, int) or number < self._starts[0]:
            return None
        file = bisect_right(self._starts, number) - 1
        return self._files[file], self._files[file].lines[number - self._starts[file]]

    def _place(self, path: yaml_marks.Path) -> tuple[str, int, int]:
        row = self._row(path)
        return (row[0].name, row[1], 1) if row else (self._loaded.name, *self._marks[path])

    def _problem(self, issue: Issue) -> Problem:
        path = issue.path[2:] if self._row(issue.path) else issue.path
        hint = issue.hint
        if issue.other is not None:
            hint = "first at {}:{}:{}".format(*self._place(issue.other))
        return Problem(*self._place(issue.path), yaml_marks.render(path), issue.message, hint)


def _capped(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The first of them, each at a length that can be read. Where some are left out, not all were looked for."""
    shown = tuple(_short(problem) for problem in problems[:MAX_PROBLEMS])
    if len(problems) <= MAX_PROBLEMS:
        return shown
    left = len(problems) - MAX_PROBLEMS
    words = f"and {left} more" if left < MAX_PROBLEMS * 2 else "and many more"
    return (*shown, Problem(shown[-1].file, shown[-1].line, shown[-1].column, "", words))


def _short(problem: Problem) -> Problem:
    file, path, message, hint = map(_cut, (problem.file, problem.path, problem.message, problem.hint))
    return replace(problem, file=file, path=path, message=message, hint=hint)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
