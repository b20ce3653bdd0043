"""The bytes and texts of a manifest and the files it names: read within limits, hashed, and kept for messages."""

import codecs
import hashlib
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from orchestrator.core.manifest.values import did_you_mean, nearest
from orchestrator.core.text import command_line
from orchestrator.errors import ManifestError, Problem
from orchestrator.loading.source_lines import Sources

MAX_BYTES: Final = 32 * 1024 * 1024
"""Bytes of a manifest."""
MAX_CAMPAIGN_BYTES: Final = 256 * 1024 * 1024
"""Bytes of one file of `campaigns_from`."""


STANDARD_INPUT: Final = Path("-")
"""The name of a manifest that is read from standard input. Paths in one are relative to the working folder."""

NO_FILE: Final = "there is no such file"

_MANIFESTS: Final = frozenset({".yaml", ".yml", ".json"})
_MOST_NAMES: Final = 1000
_gone: Final[dict[Path, bytes]] = {}  # what was read from a descriptor of this process: no second read finds it


def is_stream(path: Path) -> bool:
    """Whether a manifest is read from standard input or a pipe, such as `<(...)` of a shell."""
    if path == STANDARD_INPUT or _is_descriptor(path):
        return True
    try:
        return path.exists() and not path.is_file() and not path.is_dir()
    except (OSError, ValueError):  # no name that a file can have
        return False


def beside(path: Path) -> Path:
    """The path that a manifest's own paths lie beside: of a stream, one in the working folder."""
    return STANDARD_INPUT if is_stream(path) else path


def _is_descriptor(path: Path) -> bool:
    return path.is_relative_to("/dev") or path.is_relative_to("/proc")


def is_gone(path: Path) -> bool:
    """Whether a manifest is a stream whose text cannot be read (again)."""
    return is_stream(path) and path not in _gone


def source_name(path: Path) -> str:
    """A file's name as messages show it: as it was given, with forward slashes."""
    return path.as_posix()


def fail(name: str, message: str, hint: str = "", *, line: int = 1, column: int = 1) -> ManifestError:
    """A fault of a file as a whole, or of its bytes."""
    return ManifestError((Problem(name, line, column, "", message, hint),))


class InputFiles:
    """The files of one manifest, in the order in which they are read. All methods raise ManifestError."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.sources = Sources()

    @property
    def sha256(self) -> str:
        """The hash of all files so far."""
        return self._sha256.hexdigest()

    def manifest(self, path: Path) -> str:
        """The text of the manifest."""
        name = source_name(path)
        return self.text(name, self._hashed(_read(path, name, MAX_BYTES, _manifest_bytes)))

    def campaigns(self, path: Path) -> bytes:
        """The bytes of a file of `campaigns_from`."""
        return self._hashed(_read(path, source_name(path), MAX_CAMPAIGN_BYTES, _file_bytes))

    def text(self, name: str, data: bytes, *, is_yaml: bool = True) -> str:
        """The bytes as text, which is kept for messages. `is_yaml`: not a list of rows."""
        encoding, spoken = _encoding(data)
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            self.sources.add(name, data.decode(encoding, "replace"), is_yaml=is_yaml)
            before = data[: error.start].decode(encoding, "replace")
            line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
            raise fail(name, f"is not {spoken}", "save it as UTF-8", line=line, column=column) from None
        self.sources.add(name, text, is_yaml=is_yaml)
        return text

    def _hashed(self, data: bytes) -> bytes:
        # Its length goes first, so that no two sets of files look alike.
        self._sha256.update(b"%d:" % len(data))
        self._sha256.update(data)
        return data


_MARKS: Final = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def _encoding(data: bytes) -> tuple[str, str]:
    """The encoding, for Python and in words: UTF-8, or UTF-16, in which Excel saves what it calls Unicode text."""
    # UTF-16 without a mark shows in the first two letters: no text of ours begins with a NUL.
    marks = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    nulls = {"0101": "utf-16-le", "1010": "utf-16-be"}
    found = marks.get(data[:2]) or nulls.get("".join(str(int(byte == 0)) for byte in data[:4]))
    # With -sig: Excel begins its files with a byte order mark.
    return (found, "UTF-16") if found else ("utf-8-sig", "UTF-8")


def read_text(path: Path) -> tuple[str, Callable[[str], bytes]]:
    """A file's text, and what writes it back: in the same encoding, with the byte order mark that it has.

    Raises ManifestError.
    """
    name = source_name(path)
    data = _read(path, name, MAX_CAMPAIGN_BYTES, _file_bytes)
    text = InputFiles().text(name, data)
    mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
    encoding = _MARKS.get(mark) or _encoding(data)[0].removesuffix("-sig")
    return text, lambda changed: mark + changed.encode(encoding)


def _read(path: Path, name: str, limit: int, read: Callable[[Path, int], bytes]) -> bytes:
    try:
        if path.is_dir():
            raise fail(name, "is a directory", "name a file in it")
        # One byte more than allowed shows that there is more, whatever the size on disk claims.
        data = read(path, limit + 1)
    except FileNotFoundError:
        raise fail(name, NO_FILE) from None
    except OSError as error:
        raise fail(name, f"cannot be read: {error.strerror or type(error).__name__}") from None
    except ValueError:
        raise fail(name, "is not a file name") from None
    if len(data) > limit:
        raise fail(name, f"is larger than {limit // 1024 // 1024} MiB", "use campaigns_from for long lists")
    return data


def _file_bytes(path: Path, most: int) -> bytes:
    # To open a named pipe would wait for its writer.
    if path.exists() and not path.is_file():
        raise fail(source_name(path), "is not a file")
    with path.open("rb") as stream:
        return stream.read(most)


def _manifest_bytes(path: Path, most: int) -> bytes:
    """The bytes of a file, or of a stream that was named as the manifest: its writer is waited for."""
    if path in _gone:
        return _gone[path]
    if path == STANDARD_INPUT:
        if sys.stdin is None or sys.stdin.isatty():
            raise fail(source_name(path), "standard input is a terminal", "give it the manifest with < or a pipe")
        _gone[path] = sys.stdin.buffer.read(most)
        return _gone[path]
    if not path.exists():
        raise _missing(path)
    with path.open("rb") as stream:
        data = stream.read(most)
    if _is_descriptor(path):
        _gone[path] = data
    return data


def _missing(path: Path) -> ManifestError:
    """There is no such manifest: one with a name like it is meant, or none was written yet."""
    hint = name_like(path, _MANIFESTS)
    where = [] if path.parent == Path() else [source_name(path.parent)]
    problem = Problem(source_name(path), 1, 1, "", NO_FILE, hint)
    return ManifestError((problem,), next_step="" if hint else command_line("init", *where))


def is_missing(path: Path) -> bool:
    """Whether there is no such file; one that cannot be looked at may be there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def name_like(path: Path, suffixes: Collection[str]) -> str:
    """A hint: the files in its folder whose names end so, the one that resembles it most if one does."""
    try:
        names = sorted(other.name for other in path.parent.iterdir() if other.suffix.lower() in suffixes)
    except OSError:
        return ""
    names = names[:_MOST_NAMES]
    # By what comes before the suffix: the suffix is the same in all of them, and makes any two short names alike.
    stems = {name.rpartition(".")[0]: name for name in reversed(names)}
    near = nearest(path.stem, stems)
    return did_you_mean(stems[near] if near else "", names)
