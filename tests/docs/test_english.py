import shutil
import subprocess
import sys

import pytest

from docs.english.check import ROOT, RULES, broken, files, report
from docs.english.texts import Text, texts

PAGE = "How to mend it\n`mend` is a key\n"
MODULE = '''
"""It mends."""
KEY = "mend"
ADVICE = "first mend " f"the {KEY} of yours"  # do not mend this
def test_how_to_mend_it(): ...
'''
MODULE_HITS = ["2: not “mends”", "4: not “mend”", "4: not “mend”", "4: not “of yours”", "5: not “mend”"]
TEMPLATE = '<p class="mend">\n{{ mend }} <b>mend</b> it</p><script>\nmend</script>'

KINDS = {"page", "message", "docstring", "comment", "name"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.wrong)
def test_each_rule_catches_its_example_and_passes_the_other(rule):
    hits = {found.find for kind in rule.kinds for _, _, found in broken(Text(1, kind, rule.wrong))}

    assert rule.find in hits
    assert [words for kind in rule.kinds for _, words, _ in broken(Text(1, kind, rule.right))] == []
    assert rule.instead
    assert rule.why


def test_nothing_that_people_read_breaks_a_rule():
    assert [hit for file in files() for hit in report(file)] == []


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("page.md", PAGE, ["1: not “mend”"]),
        ("page.html.j2", TEMPLATE, ["2: not “mend”"]),
        ("module.py", MODULE, MODULE_HITS),
    ],
)  # fmt: skip
def test_texts_are_found_and_words_for_machines_are_not(tmp_path, name, text, lines):
    (tmp_path / name).write_text(text, encoding="utf-8")

    assert [hit.removeprefix(f"{tmp_path / name}:").partition(",")[0] for hit in report(tmp_path / name)] == lines


def test_a_hit_inside_a_long_text_has_its_own_line(tmp_path):
    (tmp_path / "module.py").write_text('HELP = """One.\n\nHow to mend it."""\n', encoding="utf-8")

    assert [hit.split(":")[1] for hit in report(tmp_path / "module.py")] == ["3"]


def test_every_kind_of_text_is_read():
    assert {file.suffix for file in files()} == {".md", ".j2", ".py"}
    assert {text.kind for file in files() for text in texts(file)} == {
        "page",
        "message",
        "docstring",
        "comment",
        "name",
    }


def test_the_command_ends_with_1_and_a_line_for_each_hit(tmp_path):
    shutil.copytree(ROOT / "docs" / "english", tmp_path / "docs" / "english")
    (tmp_path / "README.md").write_text("Mend it.\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "docs.english"],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (1, "README.md:1: not “Mend”, but fix\n")
