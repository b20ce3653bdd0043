"""Every link of a built site: whether it leads to a file, and to a place in it, that is there."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_ADDRESSES: Final = ("href", "src")


class _Page(HTMLParser):
    """The ids and the links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = {""}
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base's signature
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name in _ADDRESSES and value is not None:
                self.links.add(value)


def broken_links(site: Path) -> list[str]:
    """A line for each link within the site that leads nowhere: its page and its address."""
    pages = {file: _Page(file.read_text(encoding="utf-8")) for file in sorted(site.rglob("*.html"))}
    return [
        f"{file.relative_to(site)}: {link}"
        for file, page in pages.items()
        for link in sorted(page.links)
        if not _leads_somewhere(site, file, link, pages)
    ]


def _leads_somewhere(site: Path, file: Path, link: str, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True  # not ours: it may be there today and gone tomorrow
    path = unquote(parts.path)
    # 404.html is served from anywhere, so its links begin at the root.
    start = site if path.startswith("/") else file.parent
    target = (start / path.lstrip("/")).resolve() if path else file
    target = target / "index.html" if target.is_dir() else target
    if target in pages and target.suffix == ".html":
        return unquote(parts.fragment) in pages[target].ids or not parts.fragment
    return target.is_file()
