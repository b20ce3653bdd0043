"""CONTRIBUTING.md and SECURITY.md name what is there."""

import re

import pytest

from tests.paths import ROOT

PAPERS = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "docs" / "how-to" / "embed.md"]
LINK = re.compile(r"\]\(([^)#:]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
TO_BE_ADDED = {"orchestrator/report/tsv.py"}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda p: p.name)
def test_no_link_leads_nowhere(paper):
    links = LINK.findall(paper.read_text(encoding="utf-8"))

    assert links
    assert [link for link in links if not (paper.parent / link).exists()] == []


def test_every_file_of_a_recipe_is_there():
    words = set(CODE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    paths = {word for word in words if re.fullmatch(r"(orchestrator|tests|docs|schema)/[\w./-]+", word)}

    assert len(paths) > 15
    assert {path for path in paths if not (ROOT / path).exists()} == TO_BE_ADDED


def test_every_name_of_a_recipe_is_in_its_file():
    names = {
        "orchestrator/report/files.py": ("_WRITERS",),
        "orchestrator/core/manifest/models.py": ("ReportFormat",),
        "orchestrator/cli/options.py": ("FORMATS",),
        "orchestrator/core/attempt/verdict.py": ("_STATUS", "_classify_success", "_classify_fault"),
        "orchestrator/engine/lane.py": ("_RETRIED",),
        "orchestrator/core/rules/circuit_breaker.py": ("LOST",),
        "tests/core/attempt/test_verdict.py": ("REJECTED", "FAULTS"),
        "tests/property/test_verdict_law.py": ("REFUSED",),
        "tests/system/simulation/checkers.py": ("PROVES_NOT_DELIVERED",),
        "tests/system/docs/test_examples.py": ("REPORTS",),
        "tests/system/crash/child.py": ("install", "around", "around_async"),
        "tests/system/crash/test_kill.py": ("POINTS", "ONCE", "RECOVERY"),
    }
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    for file, wanted in names.items():
        assert file in text
        for name in wanted:
            assert f"`{name}" in text
            assert re.search(rf"^(async )?(def )?{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_map_shows_every_room():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = {file.parent.name for file in (ROOT / "orchestrator").glob("*/__init__.py")}

    assert {room for room in rooms if f"`{room}/`" not in text} == set()


def test_what_a_release_leaves_is_ignored_and_cleaned():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    clean = makefile[makefile.index("\nclean:") :]

    assert {"dist/", ".release/"} <= set(ignored)
    assert "$(DIST) $(EMPTY)" in clean
