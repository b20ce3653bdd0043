import ast

from orchestrator.core.events import EVENTS, as_table
from tests.paths import ROOT

KNOWN = {kind.name: set(kind.fields) for kind in EVENTS}


def told():
    """Every call of an observer's `event` in the code, with its arguments."""
    for file in (ROOT / "orchestrator").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "event":
                yield file, node


def test_the_code_tells_the_listed_events_with_the_listed_fields():
    found = {}
    for file, call in told():
        name = call.args[0]
        if isinstance(name, ast.Constant):
            found.setdefault(name.value, []).append((file, {keyword.arg for keyword in call.keywords}))

    assert KNOWN.keys() == found.keys()
    assert [(n, str(file), fields) for n, all_ in found.items() for file, fields in all_ if fields != KNOWN[n]] == []


def test_nobody_makes_up_a_name_at_run_time():
    dynamic = {file.name for file, call in told() if not isinstance(call.args[0], ast.Constant)}

    assert dynamic <= {"run_options.py", "callbacks.py", "notifier.py"}  # they hand on what they were told


def test_the_documented_table_is_the_lists():
    assert as_table() in (ROOT / "docs" / "reference" / "events.md").read_text(encoding="utf-8")


def test_no_event_is_listed_twice():
    assert len(EVENTS) == len(KNOWN)
    assert all(len(kind.fields) == len(set(kind.fields)) for kind in EVENTS)
