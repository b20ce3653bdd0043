"""`python -m docs.site FOLDER` builds the site there: searchable, in the order of docs/README.md."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from docs.site.check import broken_links
from docs.site.stage import ROOT, stage

_ITEM = re.compile(r"^- \[([^\]]+)\]\(([^)]+)\)", re.MULTILINE)


def navigation() -> list[dict[str, str | list[dict[str, str]]]]:
    """The sections of docs/README.md, with their pages."""
    text = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    sections = re.split(r"^\*\*(.+?)\*\*$", text, flags=re.MULTILINE)[1:]
    names, bodies = sections[::2], sections[1::2]
    pages = [[{title: link} for title, link in _ITEM.findall(body)] for body in bodies]
    start = [{"Start here": "index.md"}, {"What it is, and how to install it": "project.md"}]
    return [*start, *({name: listed} for name, listed in zip(names, pages, strict=True))]


def build(to: Path) -> int:
    """Build the site, check its links, and put it there. Returns the number of its pages; exits with what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder)
        count = stage(staged / "docs")
        shutil.copy(ROOT / "docs" / "site" / "site.css", staged / "docs")
        # The navigation as YAML, of which JSON is a part.
        settings = (ROOT / "docs" / "site" / "mkdocs.yml").read_text(encoding="utf-8")
        nav = f"nav: {json.dumps(navigation(), ensure_ascii=False)}\n"
        (staged / "mkdocs.yml").write_text(settings + nav, encoding="utf-8")
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(staged / "mkdocs.yml")]
        if subprocess.run(command, check=False, cwd=staged).returncode:  # noqa: S603 - our own words
            sys.exit("the site was not built")
        if broken := broken_links(staged / "site"):
            sys.exit("links that lead nowhere:\n  " + "\n  ".join(broken))
        # Only a site that is whole takes the place of an earlier one.
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(staged / "site", to)
    return count


if __name__ == "__main__":
    where = Path(sys.argv[1])
    sys.stdout.write(f"{build(where)} pages in {where}; every link leads somewhere\n")
