"""`--version --json`: what is installed here, for a bug report or an inventory."""

import platform
import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Final

from orchestrator import __version__

_NAME: Final = "campaign-orchestrator"
_DEV: Final = re.compile(r"extra == ['\"]dev['\"]")


def document() -> dict[str, Any]:
    """Name, version, interpreter, platform, and the version of each dependency that is installed, of extras too."""
    return {
        "name": _NAME,
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "dependencies": dict(sorted(_installed(_declared()))),
    }


def _declared() -> list[str]:
    """The requirements of a user: not those of our tests."""
    try:
        return [one for one in requires(_NAME) or () if not _DEV.search(one)]
    except PackageNotFoundError:  # run from a checkout, as action.yml does
        file = Path(__file__).parents[2] / "pyproject.toml"
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        # The extras' requirements too, as an installed package lists them.
        extras = project["optional-dependencies"]
        return [*project["dependencies"], *(one for extra in extras if extra != "dev" for one in extras[extra])]


def _installed(requirements: list[str]) -> list[tuple[str, str]]:
    found = []
    for requirement in requirements:
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue  # of an extra that is not installed
    return found
