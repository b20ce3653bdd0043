"""Where things lie on this machine: `~`, the folder of default ledger and reports, and files put in place whole."""

import errno
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

LEDGER: Final = ".orchestrator/ledger.db"
"""The default ledger's place in the project's folder."""
REPORTS: Final = "reports"
"""The default reports' place in the same folder."""
IS_WINDOWS: Final = os.name == "nt"
"""Whether files have no mode, folders cannot be synchronised, and a signal 0 would end a process."""


def expanded(text: str) -> Path:
    """The path, with the home folder for a leading `~` or `~user`.

    Raises OSError for `$`, which nothing expands here, and for a user without a home folder: each would become a
    folder of that very name in the working folder, and two working folders two ledgers.
    """
    if "$" in text:
        raise OSError(errno.EINVAL, f"{text} holds a $, and variables are not expanded: write the path out")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise OSError(errno.ENOENT, f"{text} begins with ~, and there is no such home folder") from None


def command_words(command: Sequence[str]) -> list[str]:
    """A command's words as a shell would hand them over: `~` and `~/…` lead to the home folder."""
    return [os.path.expanduser(word) if word == "~" or word.startswith("~/") else word for word in command]  # noqa: PTH111 - a word, perhaps no path


def project_folder() -> Path:
    """The nearest folder, from the working folder upwards, that has a `.orchestrator`; else the working folder.

    Raises OSError if the working folder is gone.
    """
    here, state = Path.cwd(), Path(LEDGER).parent
    return next((folder for folder in (here, *here.parents) if os.path.isdir(folder / state)), here)  # noqa: PTH112 - False without access


def ledger_file(database: str) -> Path:
    """The absolute path of the ledger in an address such as `sqlite:///DATABASE`. Raises OSError as `expanded` does."""
    return project_folder() / LEDGER if database == LEDGER else expanded(database).absolute()


def report_folder(chosen: str | None) -> Path:
    """The folder of the reports: the one that was chosen, else the project's. Raises OSError as `expanded` does."""
    if chosen is not None:
        return expanded(chosen)
    folder = project_folder()
    return Path(REPORTS) if folder == Path.cwd() else folder / REPORTS


def put_over(draft: Path, path: Path) -> None:
    """Put a draft in its place, whether or not a file is there."""
    draft.replace(path)


def put_new(draft: Path, path: Path) -> None:
    """Put a draft where nothing is. Raises FileExistsError if something is, even if it came a moment ago."""
    try:
        path.hardlink_to(draft)
    except OSError as error:
        # Where links cannot be made, a file that comes within this moment is lost.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        draft.replace(path)
    else:
        draft.unlink()


def put_instead(draft: Path, path: Path) -> None:
    """Put a draft in the place of a file, with that file's rights."""
    draft.chmod(path.stat().st_mode & 0o7777)
    draft.replace(path)


@contextmanager
def put_in_place(path: Path, put: Callable[[Path, Path], object] = put_over) -> Iterator[BinaryIO]:
    """A draft beside `path` to write to, put there once it is whole: no reader ever sees half a file.

    `put` is given the draft and `path`. Raises OSError.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    # Not by `tempfile`, whose files are 0600 whatever the umask says: readers of a group would lose a report.
    # Where files have a text mode, as on Windows, it would change the line ends.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            # Before the rename: after a power failure, the new name could otherwise stand for an empty file.
            os.fsync(file.fileno())
        put(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
