import re
from urllib.parse import unquote

import pytest

from tests.paths import ROOT
from tests.system.docs.page import pages

LINK = re.compile(r"\]\(([^)\s]+)\)")
INDEX = ROOT / "docs" / "README.md"


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text):
    """The anchors that a code host gives to a page's titles."""
    found = []
    for title in re.findall(r"^#+ (.+)$", without_code(text), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        again = found.count(anchor)
        found += [anchor, f"{anchor}-{again}"] if again else [anchor]
    return set(found)


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_to_a_file_and_to_a_title_in_it(page):
    file = ROOT / page
    for link in LINK.findall(without_code(file.read_text(encoding="utf-8"))):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / unquote(path)).resolve() if path else file
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_anchors_are_made_as_code_hosts_make_them():
    text = "# A page\n## `accounts.NAME`: its *keys*\n## The [link](x.md), again\n## a page\n```\n# not one\n```\n"

    assert anchors(text) == {"a-page", "accountsname-its-keys", "the-link-again", "a-page-1"}


def test_the_index_names_every_page_once():
    linked = [link for link in LINK.findall(INDEX.read_text(encoding="utf-8")) if "#" not in link]
    own = {str((ROOT / page).relative_to(INDEX.parent)) for page in pages() if page.startswith("docs/")} - {"README.md"}

    assert sorted(link for link in linked if not link.startswith("..")) == sorted(own)


@pytest.mark.parametrize("page", pages())
def test_every_row_of_a_table_is_one_line(page):
    lines = without_code((ROOT / page).read_text(encoding="utf-8")).splitlines()
    rows = [(line, after) for line, after in zip(lines, [*lines[1:], ""], strict=True) if line.startswith("|")]

    assert [line for line, after in rows if not line.endswith("|") or (after and not after.startswith("|"))] == []
