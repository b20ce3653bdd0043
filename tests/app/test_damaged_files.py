"""Files that the program reads back, a plan and a result.json, damaged in every way: each is refused in words."""

import json

import pytest

from orchestrator.app.approval import read_plan_file
from orchestrator.app.diff import read_side
from orchestrator.core import content
from orchestrator.core.diff import compare
from orchestrator.core.plan import plan_hash
from orchestrator.core.plan.proposal import check_shown
from orchestrator.core.result.build import build
from orchestrator.errors import PlanInvalid
from orchestrator.report.files import as_json
from tests.core.builders import manifest, planned, ready
from tests.damaged import BEGAN, KEYS, NAMES, NONCE, damages, journal


def plan():
    """A file of `plan -o`."""
    texts = content.digest({"message": "Your plan renews."})
    live = {key: ready(content=texts) for key in KEYS}
    made = planned(manifest(*({"campaign": name} for name in NAMES)), live=live, nonce=NONCE)
    document = {
        "plan_sha256": made.sha256, "made_at": BEGAN, "identity": made.identity, "planned_by": ["ann"],
        "campaigns": [entry.as_row()._asdict() for entry in made.entries], "warnings": ["w"], "notes": ["n"],
    }  # fmt: skip
    return json.loads(json.dumps(document))


def result():
    return json.loads("".join(as_json(build(journal(), "r-1"))))


def rehashed(document):
    """The document with the right hash for what it covers, as somebody may write it who changes a plan."""
    identity = document.get("identity") if isinstance(document, dict) else None
    return {**document, "plan_sha256": plan_hash.sha256(identity)} if isinstance(identity, dict) else document


def read(path):
    if path.name == "plan.json":
        check_shown(*read_plan_file(path))
    side, other = read_side(str(path), ""), read_side(str(path.with_name("whole.json")), "")
    compare(side, other)
    compare(other, side)


@pytest.mark.parametrize(("name", "document"), [("plan.json", plan()), ("result.json", result())])
def test_a_damaged_file_is_refused_in_words_or_harmless(tmp_path, name, document):
    path, refused = tmp_path / name, 0
    for whole in (path, tmp_path / "whole.json"):
        whole.write_text(json.dumps(document), encoding="utf-8")
    read(path)

    for what, damaged in damages(document):
        path.write_text(json.dumps(rehashed(damaged)), encoding="utf-8")
        try:
            read(path)
        except PlanInvalid:
            refused += 1
        except Exception as error:
            raise AssertionError(f"{name}{what}") from error
    assert refused
