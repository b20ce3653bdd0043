"""`notify test`, and what `validate` says of entries; the page's own check of a signature."""

import json
import re
import time

import pytest

from orchestrator.core.notice import signature
from tests.endpoints import end_point
from tests.paths import ROOT

ENTRIES = [
    {"to": {"env": "HOOK"}, "on": ["unknown", "finished"]},
    {"to": {"env": "CHAT"}, "on": ["stalled"], "title": "Spring"},
    {"to": {"env": "NOBODY"}, "on": ["paused"]},
]


@pytest.fixture
def there(workplace):
    with end_point() as found:
        workplace.environment |= {"HOOK": f"http://{found.place}/hook", "CHAT": f"json://{found.place}/chat"}
        yield found


def test_a_test_tells_everybody_each_event(workplace, there):
    done = workplace.run("notify", "test", workplace.manifest(notify=ENTRIES[:2]))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "ok    notify 1 (webhook): sent notices of unknown, finished\n"
        "ok    notify 2 (Apprise): sent notices of stalled\n"
    )
    by_path = {line.split()[1]: [] for line, _, _ in there.requests}
    for (line, _, _), notice in zip(there.requests, there.notices, strict=True):
        by_path[line.split()[1]].append(notice)
    assert [(one["event"], one["test"], one["run_id"]) for one in by_path["/hook"]] == [
        ("unknown", True, ""), ("finished", True, ""),
    ]  # fmt: skip
    [chat] = by_path["/chat"]
    assert chat["title"] == "Test: Spring"
    assert chat["message"].startswith("This is a test: nothing happened.")
    assert not (workplace.path / ".orchestrator").exists()  # no ledger is made, and no start is sent


def test_who_is_not_told_ends_a_test_with_4(workplace, there):
    done = workplace.run("notify", "test", workplace.manifest(notify=ENTRIES), "--json")

    assert done.returncode == 4
    assert json.loads(done.stdout)["entries"][2] == {
        "entry": 3, "told": [], "not_told": {"paused": "to: environment variable NOBODY is unset or empty"},
    }  # fmt: skip


def test_a_manifest_that_names_nobody_ends_a_test_with_5(workplace):
    done = workplace.run("notify", "test", workplace.manifest())

    assert done.returncode == 5
    assert "the manifest has no notify" in done.stderr


def test_validate_warns_where_the_extra_is_missing(workplace):
    # A folder that hides the extra: Python finds no module of this name behind it.
    (workplace.path / "sitecustomize.py").write_text(
        "import importlib.util as u\nreal = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'apprise' else real(name, *rest)\n"
    )
    workplace.environment |= {
        "PYTHONPATH": f"{workplace.path}:{ROOT}",
        "HOOK": "https://h.example/x",
        "CHAT": "slack://x",
    }
    done = workplace.run("validate", workplace.manifest(notify=ENTRIES))
    warnings = [line for line in done.stdout.splitlines() if "notify" in line]

    assert done.returncode == 0
    needs = "it needs the extra notify: pip install 'campaign-orchestrator[notify]'"
    assert warnings == [
        f"warning: notify 2: {needs}",
        f"warning: notify 3: unless its address begins with https://, {needs}",
    ]


def test_the_pages_check_accepts_our_signature():
    page = (ROOT / "docs" / "how-to" / "notify.md").read_text(encoding="utf-8")
    given = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], given)  # noqa: S102 - the page's own code
    is_genuine, body, now = given["is_genuine"], b'{"event": "unknown"}', time.time()

    assert is_genuine("secret", signature("secret", body, now), body)
    assert not is_genuine("other", signature("secret", body, now), body)
    assert not is_genuine("secret", signature("secret", body, now), body + b" ")
    assert not is_genuine("secret", signature("secret", body, now - 900), body)


def test_the_page_names_every_key_of_the_json():
    page = (ROOT / "docs" / "how-to" / "notify.md").read_text(encoding="utf-8")
    shown = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])

    assert list(shown) == [
        "schema_version", "id", "event", "test", "launch", "run_id", "environment", "host", "counts", "recipients",
        "title", "message", "text", "next", "link", "at",
    ]  # fmt: skip
