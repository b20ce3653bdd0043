"""`make site`: the documentation as a site."""

import json
import re
import subprocess
import sys

import pytest

from docs.site.__main__ import navigation
from docs.site.check import broken_links
from docs.site.stage import ROOT, place_of, stage

PAGES = [file.relative_to(ROOT) for file in (ROOT / "docs").rglob("*.md")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "built"
    subprocess.run([sys.executable, "-m", "docs.site", folder], check=True, cwd=ROOT, capture_output=True)
    return folder


def test_every_page_is_in_the_site_and_its_links_lead_somewhere(site):
    for page in PAGES:
        place = place_of(page)
        name = "index" if place.stem in {"README", "index"} else place.stem
        assert (site / place.with_name(f"{name}.html")).is_file()
    assert broken_links(site) == []


def test_every_page_is_in_the_navigation():
    """A page that nobody is led to is not read."""
    listed = {link for section in navigation() for pages in section.values() if isinstance(pages, list)
              for page in pages for link in page.values()}  # fmt: skip
    assert {str(place_of(page)) for page in PAGES} - {"index.md", "examples/bad-day/rehearsal/result.md"} <= listed


def test_no_block_of_code_is_left_as_text(site):
    pages = [page for page in site.rglob("*.html") if "bad-day" not in str(page)]
    assert [str(page) for page in pages if "```" in page.read_text(encoding="utf-8")] == []


def test_the_site_can_be_searched(site):
    found = json.dumps(json.loads((site / "search.json").read_text(encoding="utf-8")))
    assert "Never twice" in found or "never twice" in found


def test_code_that_a_page_names_can_be_read(site):
    shown = site / "source/tests/property/test_verdict_law.py.txt"
    assert shown.read_bytes() == (ROOT / "tests/property/test_verdict_law.py").read_bytes()


@pytest.mark.parametrize(
    ("link", "is_broken"),
    [
        ("b.html", False), ("b.html#here", False), ("#top", False), ("", False), ("/b.html", False), ("folder/", False),
        ("https://example.com/none", False), ("c.html", True), ("b.html#there", True), ("#there", True),
        ("folder/none.txt", True),
    ],
)  # fmt: skip
def test_a_link_that_leads_nowhere_is_found(tmp_path, link, is_broken):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "index.html").write_text("", encoding="utf-8")
    (tmp_path / "b.html").write_text('<h2 id="here">', encoding="utf-8")
    (tmp_path / "a.html").write_text(f'<h1 id="top"></h1><a href="{link}">', encoding="utf-8")
    assert broken_links(tmp_path) == ([f"a.html: {link}"] if is_broken else [])


def test_a_link_to_a_file_that_is_gone_stops_it(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("[gone](gone.md)", encoding="utf-8")
    monkeypatch.setattr("docs.site.stage.ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"docs/README\.md links to gone\.md, which is not there"):
        stage(tmp_path / "staged")


def test_a_link_to_a_folder_is_the_folders_name(site):
    page = (site / "project.html").read_text(encoding="utf-8")

    assert "systemd units in deploy/." in page


def test_a_terminal_is_copied_without_what_it_prints(site):
    page = (site / "tutorial.html").read_text(encoding="utf-8")
    scripts = "".join(file.read_text(encoding="utf-8") for file in (site / "assets" / "javascripts").glob("*.js"))
    hidden = re.findall(r"\[data-md-copying\] \.(\w+)", (site / "site.css").read_text(encoding="utf-8"))

    assert 'href="./site.css"' in page
    assert "data-md-copying" in scripts
    assert hidden == ["gp", "go"]
    assert '<span class="gp">$ </span>' in page
    assert '<span class="go">first.yaml:10:5: ' in page
