import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core import approval, identity
from orchestrator.core.approval import VALID_FOR, Proposal
from orchestrator.core.selection import Selection
from orchestrator.errors import PlanInvalid, Refused
from tests.core.builders import LAUNCH, key, manifest, planned, ready, record

MADE = 1000.0
TWO = ({"campaign": "cd-1"}, {"campaign": "cd-2"})


def plan(*campaigns, tool="0.1.0", live=None, **changes):
    parsed = manifest(*(campaigns or TWO), **changes)
    return planned(parsed, live=live or {c.key: ready() for c in parsed.campaigns}, tool=tool)


def proposal(of=None, made_at=MADE):
    of = of or plan()
    return Proposal(of.sha256, made_at, of.identity)


def check(made, now_plan, records=(), now=MADE + 60):
    approval.check(made, now_plan, list(records), now, "launch.yaml")


def run_of(made, at=MADE + 10, run="r-9"):
    return record("run", 0, at, f"@{run}", run, plan_sha256=made.sha256)


def test_the_hash_is_that_of_the_canonical_identity():
    made = plan()
    text = identity.canonical(made.identity)
    assert json.loads(text) == made.identity
    assert " " not in text
    assert made.sha256 == identity.sha256(json.loads(text))


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists)))
def test_the_order_of_keys_changes_no_hash(value):
    assert identity.sha256(value) == identity.sha256(dict(reversed(value.items())))


def test_the_plan_of_now_is_permitted_as_long_as_it_is_good():
    check(proposal(), plan(), now=MADE + VALID_FOR)
    with pytest.raises(Refused, match="made 24 h 1 s ago, and is good for 24 h"):
        check(proposal(), plan(), now=MADE + VALID_FOR + 1)


@pytest.mark.parametrize(
    ("now_plan", "words"),
    [
        (plan(tool="0.2.0"), "tool_version: 0.1.0 -> 0.2.0"),
        (plan(*TWO, {"campaign": "cd-3"}), "starts: st-1/cd-3 is new"),
        (plan(TWO[0]), "starts: st-1/cd-2 is started no more"),
        (plan(live={key("cd-1"): ready(), key("cd-2"): ready(status="Active")}), "st-1/cd-2 is started no more"),
        (plan({**TWO[0], "iid": "st-9"}, TWO[1]), "starts: st-1/cd-1: iid: st-1 -> st-9"),
        (plan({**TWO[0], "type": "voice"}, TWO[1]), "starts: st-1/cd-1: type: sms -> voice"),
        (plan(*reversed(TWO)), "starts: their order"),
        (plan(*TWO, waves=[{"name": "first", "campaigns": ["st-1/cd-1"]}]), "st-1/cd-1: wave: rest -> first"),
    ],
)
def test_drift_is_refused_and_each_field_is_named(now_plan, words):
    with pytest.raises(Refused) as refused:
        check(proposal(), now_plan)
    assert words in refused.value.message
    assert refused.value.next_step == "python -m orchestrator plan launch.yaml"


def test_a_changed_manifest_and_a_changed_selection_are_named_too():
    parsed = manifest(*TWO)
    live = {key("cd-1"): ready(), key("cd-2"): ready()}
    one = planned(parsed, live=live, manifest_sha256="1" * 64)
    two = planned(parsed, live=live, manifest_sha256="2" * 64, selection=Selection((("stream", "st-1"),)))
    changes = identity.drift(one.identity, two.identity)
    assert changes[0] == "manifest_sha256: 111111111111... -> 222222222222..."
    assert changes[1].startswith("selection: ")
    assert len(changes) == 2


def test_a_long_list_of_changes_is_shortened():
    many = [{"campaign": f"cd-{n}"} for n in range(20)]
    changes = identity.drift(plan(TWO[0]).identity, plan(*many).identity)
    assert changes[-1] == "starts: ... and 14 more like this"
    assert len(changes) == 5 + 1


def test_the_first_start_uses_a_plan_up_and_a_run_without_one_does_not():
    made = proposal()
    check(made, plan(), [run_of(made)])
    with pytest.raises(Refused, match="a plan is for one run"):
        check(made, plan(), [run_of(made), record("intent", run="r-9")])


def test_a_plan_that_was_made_after_the_run_is_a_new_one():
    made = proposal()
    later = proposal(made_at=MADE + 20)
    check(later, plan(), [run_of(made), record("intent", run="r-9")])


def test_starts_of_other_plans_use_nothing_up():
    made = proposal()
    other = record("run", 0, MADE + 10, "@r-8", "r-8", plan_sha256="f" * 64)
    check(made, plan(), [run_of(made), other, record("intent", run="r-8")])


def test_a_journaled_plan_is_found_by_the_beginning_of_its_hash():
    made = plan()
    first = approval.proposal_record(made, [], "r-1", MADE)
    second = approval.proposal_record(made, [first], "r-2", MADE + 5)
    found = approval.find([first, second], made.sha256[:8].upper())
    assert (first.launch, first.campaign, first.attempt, second.attempt) == (LAUNCH, "@plan", 1, 2)
    assert (found.sha256, found.made_at, found.identity) == (made.sha256, MADE + 5, made.identity)
    with pytest.raises(Refused, match="no plan in this ledger"):
        approval.find([first], "0" * 64)


def document(of=None):
    of = of or plan()
    return {"plan_sha256": of.sha256, "made_at": MADE, "identity": copy.deepcopy(of.identity)}


def test_a_file_is_read_as_it_was_written():
    assert approval.read(document()) == proposal()
    assert approval.read(document()).selection == ((), (), False)


def test_a_file_that_was_changed_by_hand_is_invalid():
    changed = document()
    changed["identity"]["starts"].pop()
    with pytest.raises(PlanInvalid, match="was changed after it was made"):
        approval.read(changed)


NO_STARTS = {"plan_sha256": "a", "made_at": 1, "identity": {"starts": [1], "selection": {}}}


@pytest.mark.parametrize("value", [None, [], {}, "x", {**document(), "made_at": "soon"}, NO_STARTS])
def test_what_is_no_plan_is_invalid(value):
    with pytest.raises(PlanInvalid):
        approval.read(value)
