"""Where things lie on this machine: `~`, and the folder that a default ledger and default reports belong to."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

LEDGER: Final = ".orchestrator/ledger.db"
"""The default ledger's place in the project's folder."""
REPORTS: Final = "reports"
"""The default reports' place in the same folder."""


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

    Raises OSError where the working folder is gone.
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
