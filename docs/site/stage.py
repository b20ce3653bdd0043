"""docs/ and all that its pages link to, in one folder, as a site generator needs it."""

import re
import shutil
from collections import deque
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

_PAGES: Final = {"README.md": "project.md", "docs/README.md": "index.md"}
"""Pages with another place in the site than below docs/ in the repository."""

_LEFT_OUT: Final = ("docs/english", "docs/generator", "docs/recording", "docs/site")
_SHOWN_AS_THEY_ARE: Final = (".png", ".svg", ".html", ".json", ".csv", ".xml", ".txt")
_LINK: Final = re.compile(r"(?<!\\)\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")

_NO_LINK: Final = "]\0"
_LABEL: Final = re.compile(rf"\[([^\[\]]*){re.escape(_NO_LINK)}")

_FILE: Final = re.compile(r"^(```\w+) file=(\S+)$", re.MULTILINE)


def place_of(path: PurePosixPath) -> PurePosixPath:
    """Where a file of the repository lies in the site: code below source/, as text that a browser shows."""
    if str(path) in _PAGES:
        return PurePosixPath(_PAGES[str(path)])
    if path.parts[0] == "docs":
        return path.relative_to("docs")
    if path.suffix == ".md":
        return PurePosixPath("project", path)
    return PurePosixPath("source", path if path.suffix in _SHOWN_AS_THEY_ARE else f"{path}.txt")


def stage(to: Path) -> int:
    """Copy docs/ and, page by page, what is linked from it. Returns the number of pages.

    Raises FileNotFoundError for a link that leads nowhere.
    """
    files = (file.relative_to(ROOT) for file in sorted((ROOT / "docs").rglob("*")) if file.is_file())
    waiting = deque(PurePosixPath(file) for file in files if not str(file).startswith(_LEFT_OUT))
    seen = set(waiting)
    pages = 0
    while waiting:
        path = waiting.popleft()
        target = to / place_of(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix != ".md":
            shutil.copyfile(ROOT / path, target)
            continue
        text, linked = _moved(path)
        target.write_text(text, encoding="utf-8")
        waiting.extend(new := [one for one in linked if one not in seen])
        seen.update(new)
        pages += 1
    return pages


def _moved(page: PurePosixPath) -> tuple[str, list[PurePosixPath]]:
    """A page with its links as they must be in the site, and what they lead to."""
    linked: dict[PurePosixPath, None] = {}

    def link(match: re.Match[str]) -> str:
        file = (ROOT / page.parent / match[1]).resolve()
        if not file.exists():
            raise FileNotFoundError(f"{page} links to {match[1]}, which is not there")
        path = PurePosixPath(file.relative_to(ROOT))
        # A folder has no page: what is said of it is beside the link.
        if file.is_dir():
            return _NO_LINK
        linked[path] = None
        return f"]({_relative(place_of(path), place_of(page).parent)}{match[2] or ''})"

    text = _LABEL.sub(r"\1", _LINK.sub(link, (ROOT / page).read_text(encoding="utf-8")))
    # The file that a block is, for the test that runs the page, is the block's title for a reader.
    return _FILE.sub(r'\1 title="\2"', text), list(linked)


def _relative(path: PurePosixPath, folder: PurePosixPath) -> str:
    common = 0
    for one, other in zip(path.parts, folder.parts, strict=False):
        if one != other:
            break
        common += 1
    return "/".join([*[".."] * (len(folder.parts) - common), *path.parts[common:]])
