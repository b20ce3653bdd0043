import copy
import json
import zlib
from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.content import digest
from orchestrator.core.plan import approval
from orchestrator.core.plan import plan_hash as identity
from orchestrator.core.plan import proposal as proposals
from orchestrator.core.plan.decision import START, Action, Decision
from orchestrator.core.plan.proposal import VALID_FOR, Proposal
from orchestrator.core.plan.selection import Choice, Selection
from orchestrator.core.text import one_line
from orchestrator.errors import PlanInvalid, Refused
from orchestrator.model import Outcome, Reason, Record
from tests.core.builders import LAUNCH, key, manifest, planned, ready, record

MADE = 1000.0
AGAIN = "python -m orchestrator plan launch.yaml"
TWO = ({"campaign": "cd-1"}, {"campaign": "cd-2"})


def plan(*campaigns, tool="0.1.0", live=None, nonce="", **changes):
    parsed = manifest(*(campaigns or TWO), **changes)
    return planned(parsed, live=live or {c.key: ready() for c in parsed.campaigns}, tool=tool, nonce=nonce)


def proposal(of=None, made_at=MADE):
    of = of or plan()
    return Proposal(of.sha256, made_at, of.identity)


def check(made, now_plan, records=(), now=MADE + 60):
    approval.check(made, now_plan, list(records), now, AGAIN)


def refusal(*args, **more):
    """What a check says; its next step is always a new plan."""
    with pytest.raises(Refused) as refused:
        check(*args, **more)
    assert refused.value.next_step == AGAIN
    return refused.value.message


def run_of(made, at=MADE + 10, run="r-9"):
    return record("run", 0, at, f"@{run}", run, plan_sha256=made.sha256)


def test_the_hash_is_that_of_the_canonical_identity():
    made = plan()
    text = identity.canonical(made.identity)
    assert json.loads(text) == made.identity
    assert " " not in text
    assert made.sha256 == identity.sha256(json.loads(text))
    assert identity.canonical({"b": "Grüße, 東京", "a": [1, None]}) == '{"a":[1,null],"b":"Grüße, 東京"}'


@given(st.dictionaries(st.text(), st.none() | st.text() | st.lists(st.integers() | st.text())))
def test_the_order_of_keys_changes_no_hash(value):
    assert identity.sha256(value) == identity.sha256(dict(reversed(value.items())))


def test_a_plan_in_the_spelling_of_earlier_versions_is_read():
    made = plan()
    text = identity.canonical({**made.identity, "note": "東京 \ud800"}).encode("utf-8", "surrogatepass")
    data = {"plan_sha256": made.sha256, "identity": b64encode(zlib.compress(text)).decode()}
    found = proposals.find([Record(LAUNCH, "@plan", 1, "planned", "r-1", MADE, "", data)], made.sha256, AGAIN)

    assert found == Proposal(made.sha256, MADE, {**made.identity, "note": "東京 \ud800"})


def test_the_plan_of_now_is_permitted_as_long_as_it_is_good():
    check(proposal(), plan(), now=MADE + VALID_FOR)
    late = refusal(proposal(), plan(), now=MADE + VALID_FOR + 1)
    assert late == "the plan is 24 h 1 s old when it is run, and good for 24 h"


def test_a_plan_that_was_made_in_the_future_is_refused():
    """It would be good for longer than a day, and a run that used it would look older than it is."""
    check(proposal(), plan(), now=MADE - 300)
    early = refusal(proposal(), plan(), now=MADE - 8 * 3600)

    assert early == "the plan was made 8 h from now: a clock was ahead, here or there"


@pytest.mark.parametrize(
    ("now_plan", "words"),
    [
        (plan(tool="0.2.0"), "tool_version: 0.1.0 -> 0.2.0"),
        (plan(*TWO, {"campaign": "cd-3"}), "starts: st-1/cd-3 is new"),
        (plan(TWO[0]), "starts: st-1/cd-2 is no longer in the plan"),
        (plan(live={key("cd-1"): ready(), key("cd-2"): ready(status="Active")}), "st-1/cd-2 is no longer in the plan"),
        (plan({**TWO[0], "iid": "st-9"}, TWO[1]), "starts: st-1/cd-1: iid: st-1 -> st-9"),
        (plan({**TWO[0], "type": "voice"}, TWO[1]), "starts: st-1/cd-1: type: sms -> voice"),
        (plan({**TWO[0], "iid": "st-9"}, TWO[1], tool="0.2.0"), "starts: st-1/cd-1: iid: st-1 -> st-9"),
        (plan(*reversed(TWO)), "starts: their order"),
        (plan(*TWO, waves=[{"name": "first", "campaigns": ["st-1/cd-1"]}]), "st-1/cd-1: wave: rest -> first"),
    ],
)
def test_drift_is_refused_and_each_field_is_named(now_plan, words):
    said = refusal(proposal(), now_plan)
    changes = identity.drift(plan().identity, now_plan.identity)
    assert said == f"the plan has changed since it was made: {'; '.join(changes)}"
    assert words in said
    assert one_line(said) == said


NONCE = "00" * 16
LISTED = {"message": "a", "contact lists": ["people"], "name": "One"}


def sealed(edit=None, **more):
    """The plan of two campaigns, of which the first says what a list named, and what was edited since."""
    live = {key("cd-1"): ready(content=digest(LISTED | (edit or {}))), key("cd-2"): ready(content=digest(LISTED))}
    return plan({"campaign": "cd-1", "name": "Renewal Concord"}, TWO[1], live=live, nonce=NONCE, **more)


def test_an_edit_of_what_is_sent_changes_the_hash_and_is_named():
    before, now = sealed(), sealed({"message": "b", "contact lists": ["others"]})
    assert before.sha256 != now.sha256
    with pytest.raises(Refused) as refused:
        approval.without_changed(proposal(before), now, AGAIN, is_binding=True)
    assert refused.value.message == (
        "not what was approved: Renewal Concord: message and contact lists changed since the plan"
    )
    assert refused.value.next_step == AGAIN


def test_without_approval_what_was_edited_is_held():
    now = sealed({"name": "Two"})
    held = approval.without_changed(proposal(sealed()), now, AGAIN, is_binding=False)
    assert [(e.decision.outcome, e.decision.reason, e.decision.message) for e in held.entries] == [
        (Outcome.HELD, Reason.CHANGED, "name changed since the plan"), (None, None, ""),
    ]  # fmt: skip
    # By its own hash, nobody could tell that the plan was used.
    assert held.sha256 == sealed().sha256 != now.sha256


def test_digests_that_were_taken_out_permit_no_text():
    """The planner's own hash over them is right: only what is read now tells that they are missing."""
    now, bare = sealed({"message": "b"}), copy.deepcopy(sealed().identity)
    for start in bare["starts"]:
        del start["content"]
    edited = Proposal(identity.sha256(bare), MADE, bare)
    with pytest.raises(Refused) as refused:
        approval.without_changed(edited, now, AGAIN, is_binding=True)

    assert refused.value.message == (
        "not what was approved: Renewal Concord: message, contact lists and name changed since the plan; "
        "st-1/cd-2: message, contact lists and name changed since the plan"
    )
    assert (edited.uncovered, proposal(sealed()).uncovered, proposal().uncovered) == (2, 0, 2)


def test_list_sizes_may_be_known_later_than_the_plan():
    """The call for contact lists may have failed when it was made."""
    sized = sealed({"list sizes": [["l-1", "people", 7]]})
    permitted = approval.without_changed(proposal(sealed()), sized, AGAIN, is_binding=True)
    used = [run_of(permitted), record("intent", 1, MADE + 11, "st-1/cd-1", "r-9")]

    assert permitted.entries is sized.entries
    assert refusal(proposal(sealed()), sized, used).startswith("the plan was used")


def test_a_plan_that_covers_nothing_is_no_approval():
    """Who takes the nonce out of a file can make its hash right again."""
    bare = plan()
    with pytest.raises(Refused) as refused:
        approval.without_changed(proposal(bare), bare, AGAIN, is_binding=True)

    assert refused.value.message == "the plan does not cover what its campaigns would send"
    assert refused.value.next_step == AGAIN
    assert approval.without_changed(proposal(bare), bare, AGAIN, is_binding=False) == bare


def test_a_file_makes_its_plan_no_younger_and_hides_no_planner():
    made = sealed()
    edited = replace(proposal(made, MADE + 90_000), planned_by=("zoe",))
    records = [
        proposals.proposal_record(made, [], "r-1", MADE, ["ann@example.com", "ann"]),
        proposals.proposal_record(sealed({"name": "Two"}), [], "r-2", MADE - 50, ["eve"]),
    ]
    known = proposals.as_journaled(edited, records)

    assert (known.made_at, known.planned_by) == (MADE, ("ann@example.com", "ann", "zoe"))
    assert proposals.as_journaled(edited, records[1:]) is edited
    assert refusal(known, made, now=MADE + 90_000) == "the plan is 25 h old when it is run, and good for 24 h"


def test_recipients_that_a_file_shows_must_be_right():
    rows = [{"stream": "st-1", "campaign": f"cd-{n}", "action": "start", "recipients": size}
            for n, size in ((1, 10), (2, None))]  # fmt: skip
    made = proposals.read({**document(sealed()), "campaigns": rows})
    now = sealed()
    now = replace(now, entries=tuple(replace(entry, recipients=3600) for entry in now.entries))
    with pytest.raises(Refused) as refused:
        approval.without_changed(made, now, AGAIN, is_binding=True)

    assert refused.value.message == (
        "not what was approved: Renewal Concord: the plan shows 10 recipients, and there are 3,600"
    )


def test_a_campaign_is_in_a_plan_once():
    """A person would be shown 5 recipients, and 3,600 be compared with the platform."""
    start, other = ({"stream": "st-1", "campaign": "cd-1", "action": action, "recipients": size}
                    for action, size in (("start", 5), ("skip", 3600)))  # fmt: skip
    twice = sealed().identity
    twice = {**twice, "starts": [*twice["starts"], twice["starts"][0]]}
    for edited in ({**document(sealed()), "campaigns": [start, other]},
                   {**document(sealed()), "identity": twice, "plan_sha256": identity.sha256(twice)}):  # fmt: skip
        with pytest.raises(PlanInvalid, match="the file is not a plan"):
            proposals.read(edited)


def test_recipients_that_a_file_shows_must_be_known():
    """Where nobody knows how many there are, a planner could write any number into the file."""
    rows = [{"stream": "st-1", "campaign": "cd-1", "action": "start", "recipients": 5}]
    made = proposals.read({**document(sealed()), "campaigns": rows})
    with pytest.raises(Refused) as refused:
        approval.without_changed(made, sealed(), AGAIN, is_binding=True)

    assert refused.value.message == (
        "not what was approved: Renewal Concord: the plan shows 5 recipients, and how many there are is unknown"
    )


def test_what_was_not_edited_is_permitted():
    for binding in (True, False):
        now = sealed()
        check(proposal(sealed()), now)
        assert approval.without_changed(proposal(sealed()), now, AGAIN, is_binding=binding) == now


def test_no_text_of_a_campaign_is_in_its_plan():
    text = identity.canonical(sealed().identity)
    assert '"content":{' in text
    assert "people" not in text
    assert digest(LISTED).hex()[:32] not in text


def test_many_edits_are_shortened():
    many = [{"campaign": f"cd-{n}"} for n in range(7)]
    plans = [plan(*many, live={key(f"cd-{n}"): ready(content=digest({"message": m})) for n in range(7)}, nonce=NONCE)
             for m in "ab"]  # fmt: skip
    with pytest.raises(Refused, match=r"cd-4: message changed since the plan; \.\.\. and 2 more like this$"):
        approval.without_changed(proposal(plans[0]), plans[1], AGAIN, is_binding=True)


def test_a_plan_with_details_says_so():
    live = {key("cd-1"): ready(content=digest({"sender": "+1"})), key("cd-2"): ready()}
    assert proposal(plan(live=live, nonce=NONCE)).has_details
    assert not proposal(sealed()).has_details
    assert (proposal(sealed()).nonce, proposal().nonce) == (NONCE, "")


def test_the_same_starts_in_another_order_are_one_change():
    assert identity.drift(plan().identity, plan(*reversed(TWO)).identity) == ["starts: their order"]


def test_a_changed_manifest_or_selection_is_named_too():
    parsed = manifest(*TWO)
    live = {key("cd-1"): ready(), key("cd-2"): ready()}
    one = planned(parsed, live=live, manifest_sha256="1" * 64)
    two = planned(parsed, live=live, manifest_sha256="2" * 64, selection=Selection((("stream", "st-1"),)))
    changes = identity.drift(one.identity, two.identity)
    assert changes[0] == "manifest_sha256: 111111111111... -> 222222222222..."
    assert changes[1] == (
        'selection: {"exclude":[],"retry_failed":false,"select":[]} -> '
        '{"exclude":[],"retry_failed":false,"select":["stream:st-1"]}'
    )
    assert len(changes) == 2


def test_a_long_list_of_changes_is_shortened():
    many = [{"campaign": f"cd-{n}"} for n in range(20)]
    changes = identity.drift(plan(TWO[0]).identity, plan(*many).identity)
    assert changes[-1] == "starts: ... and 14 more like this"
    assert len(changes) == 5 + 1


@pytest.mark.parametrize(("new", "last"), [(5, "starts: st-1/cd-6 is new"), (6, "starts: ... and 1 more like this")])
def test_five_changes_of_a_kind_are_told_in_full(new, last):
    more = [{"campaign": f"cd-{n}"} for n in range(1, new + 2)]
    assert identity.drift(plan(TWO[0]).identity, plan(*more).identity)[-1] == last


def test_an_older_plan_differs_in_every_field_it_lacks():
    now = plan().identity
    changes = identity.drift({"launch": LAUNCH}, now)
    assert f"host: null -> {now['host']}" in changes
    assert "starts: st-1/cd-1 is new" in changes


def test_a_plan_is_used_up_by_a_first_start_not_by_an_empty_run():
    made = proposal()
    check(made, plan(), [run_of(made)])
    used = refusal(made, plan(), [run_of(made), record("intent", run="r-9")])
    assert used == "the plan was used: a run of it got a permit; a plan is for one run"
    assert refusal(made, plan(), [run_of(made, at=MADE), record("intent", run="r-9")]) == used


def test_a_plan_that_was_made_after_the_run_is_a_new_one():
    made = proposal()
    later = proposal(made_at=MADE + 20)
    check(later, plan(), [run_of(made), record("intent", run="r-9")])


def test_a_planners_clock_cannot_make_a_plan_good_twice():
    """Five minutes ahead are forgiven: its run then looks older than the plan."""
    made = sealed()
    ahead = Proposal(made.sha256, MADE + 240, made.identity)
    with pytest.raises(Refused, match="the plan was used"):
        check(ahead, made, [run_of(made), record("intent", run="r-9")])


def test_starts_of_other_plans_use_nothing_up():
    made = proposal()
    other = record("run", 0, MADE + 10, "@r-8", "r-8", plan_sha256="f" * 64)
    check(made, plan(), [run_of(made), other, record("intent", run="r-8")])


def test_a_journaled_plan_is_found_by_the_beginning_of_its_hash():
    made, other = plan(), plan(TWO[0])
    lines = []
    for number, (one, at) in enumerate([(made, MADE), (made, MADE + 5), (made, MADE + 9), (other, MADE + 11)], start=1):
        lines.append(proposals.proposal_record(one, lines, f"r-{number}", at))
        data = lines[-1].data
        assert lines[-1] == Record(LAUNCH, "@plan", number, "planned", f"r-{number}", at, "", data)
    found = proposals.find([record("run"), *lines], made.sha256[:8].upper(), AGAIN)
    assert (found.sha256, found.made_at, found.identity) == (made.sha256, MADE + 9, made.identity)
    with pytest.raises(Refused) as refused:
        proposals.find(lines, "0" * 64, AGAIN)
    assert refused.value.message == f"no plan in this ledger has a hash that begins with {'0' * 16}"
    assert refused.value.next_step == ("python -m orchestrator plan launch.yaml")


def test_a_selection_that_is_no_text_comes_back_from_the_journal():
    """The command line hands on bytes that are no UTF-8 as lone surrogates."""
    made = planned(manifest(*TWO), selection=Selection((("stream", "\udcff*"),)))
    found = proposals.find([proposals.proposal_record(made, [], "r-1", MADE)], made.sha256, AGAIN)
    assert found.identity == made.identity


def document(of=None):
    of = of or plan()
    return {"plan_sha256": of.sha256, "made_at": MADE, "identity": copy.deepcopy(of.identity)}


def test_a_file_is_read_as_it_was_written():
    assert proposals.read(document()) == proposal()
    assert proposals.read(document()).choice == Choice()


def test_a_file_that_was_changed_by_hand_is_invalid():
    changed = document()
    changed["identity"]["starts"].pop()
    with pytest.raises(PlanInvalid) as refused:
        proposals.read(changed)
    assert refused.value.message == (
        "the plan was changed after it was made: its contents have the hash "
        f"{identity.sha256(changed['identity'])[:16]}, and the file names {plan().sha256[:16]}"
    )
    assert refused.value.next_step == "make a new one with plan and its option -o"


def signed(**changes):
    """A document whose hash is right, whatever its contents are."""
    contents = {**plan().identity, **changes}
    return {"plan_sha256": identity.sha256(contents), "made_at": MADE, "identity": contents}


FIRST = plan().identity["starts"][0]
CHOSEN = plan().identity["selection"]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, "is None, and should be a valid dictionary"),
        ([], "is [], and should be a valid dictionary"),
        ({}, "plan_sha256 is missing"),
        ("x", "is 'x', and should be a valid dictionary"),
        ({**document(), "made_at": "soon"}, "made_at is 'soon', and should be a valid number"),
        ({**document(), "made_at": 1e300}, "made_at is 1e+300, and should be less than or equal to 100000000000"),
        ({**document(), "made_at": -1e300}, "made_at is -1e+300, and should be greater than or equal to 0"),
        ({**document(), "planned_by": "ann"}, "planned_by is 'ann', and should be a valid list"),
        ({**document(), "planned_by": ["ann", 7]}, "planned_by[1] is 7, and should be a valid string"),
        ({**document(), "campaigns": 7}, "campaigns is 7, and should be a valid list"),
        ({**document(), "campaigns": [{}]}, "campaigns[0].stream is missing"),
        (signed(selection={}), "identity.selection.select is missing"),
        (signed(selection={**CHOSEN, "select": ["outcome:x"]}),
         "'outcome:x': the outcomes to select by are new, started, failed, unknown"),
        (signed(starts=None), "identity.starts is None, and should be a valid list"),
        (signed(starts=[1]), "identity.starts[0] is 1, and should be a valid dictionary"),
        (signed(starts=[{**FIRST, "iid": None}]), "identity.starts[0].iid is None, and should be a valid string"),
        (signed(starts=[FIRST, {"stream": "st-1"}]), "identity.starts[1].account_id is missing"),
        (signed(starts=[FIRST, FIRST]), "a campaign is in it twice"),
        (signed(starts=[{**FIRST, "content": "text"}]),
         "identity.starts[0].content is 'text', and should be a valid dictionary"),
        (signed(starts=[{**FIRST, "content": {"message": 5}}]),
         "identity.starts[0].content.message is 5, and should be a valid string"),
        (signed(nonce="no hexadecimal"), "non-hexadecimal number found in fromhex() arg at position 0"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_invalid(value, fault):
    with pytest.raises(PlanInvalid) as refused:
        proposals.read(value)
    assert refused.value.message == f"the file is not a plan: {fault}"
    assert refused.value.next_step == "make one with plan and its option -o"


def fleet_plan(*campaigns, **changes):
    """The plan of a fleet's order: made without the live state, and by no named version."""
    parsed = manifest(*(campaigns or TWO), preflight={"check": "off"}, **changes)
    return planned(parsed, tool="")


def test_an_order_has_at_most_the_starts_that_were_approved():
    made = proposal(plan({"campaign": "cd-1"}, {"campaign": "cd-2"}, live={key("cd-1"): ready()}))
    part = approval.approved_part(made, fleet_plan(), [], MADE + 60, AGAIN)

    assert [(one.key, one.decision) for one in part.entries] == [
        (key("cd-1"), START),
        (key("cd-2"), Decision(Action.SKIP, Outcome.SKIPPED, Reason.DESELECTED, "not in the approved plan")),
    ]
    assert part.sha256 == made.sha256


@pytest.mark.parametrize(
    ("now_plan", "now", "why"),
    [
        (fleet_plan({"campaign": "cd-2"}), MADE, "starts: st-1/cd-1 is no longer in the plan"),
        (fleet_plan({"campaign": "cd-1"}, {"campaign": "cd-2", "iid": "x"}), MADE, "starts: st-1/cd-2: iid: st-1 -> x"),
        (fleet_plan(launch="summer"), MADE, "launch: spring -> summer"),
        (fleet_plan(), MADE + VALID_FOR + 1, "the plan is 24 h 1 s old when it is run"),
    ],
)
def test_an_order_for_another_plan_is_refused(now_plan, now, why):
    with pytest.raises(Refused) as refused:
        approval.approved_part(proposal(), now_plan, [], now, AGAIN)

    assert why in refused.value.message
    assert refused.value.next_step == AGAIN


def test_a_fleets_lane_uses_up_the_plan_of_its_order():
    made = plan()
    lane = record("run", 0, MADE + 11, "@r-9-0", "r-9-0", plan_sha256="other", part_of="r-9")
    sent = record("intent", 1, MADE + 12, key("cd-1"), "r-9-0")

    assert approval.is_used(proposal(made), [run_of(made), lane, sent])
    assert not approval.is_used(proposal(made), [run_of(made), lane])


def test_a_field_that_a_start_lost_is_named():
    before = {"starts": [{"stream": "s", "campaign": "c", "rerun": True}]}
    after = {"starts": [{"stream": "s", "campaign": "c"}]}

    assert identity.drift(before, after) == ["starts: s/c: rerun: true -> null"]


@pytest.mark.parametrize("shown", [[], ["cd-1"], ["cd-1", "cd-2", "cd-3"]])
def test_a_plan_that_shows_other_starts_is_not_shown(shown):
    rows = [{"stream": "st-1", "campaign": one, "action": "start"} for one in shown]
    with pytest.raises(PlanInvalid) as changed:
        proposals.check_shown({"campaigns": rows}, proposal())
    starts = f"{len(shown)} start{'s' * (len(shown) != 1)}"
    assert changed.value.message == (
        f"the plan was changed after it was made: it shows {starts}, and not the 2 that its hash covers"
    )
    assert changed.value.next_step == "make a new one with plan and its option -o"
    with pytest.raises(PlanInvalid) as odd:
        proposals.check_shown({"campaigns": [7]}, proposal())
    assert (odd.value.message, odd.value.next_step) == (
        "the file is not a plan", "make one with plan and its option -o",
    )  # fmt: skip


def test_an_order_of_a_plan_that_was_used_is_refused():
    made = proposal()
    sent = record("intent", 1, MADE + 12, key("cd-1"), "r-9")
    with pytest.raises(Refused) as refused:
        approval.approved_part(made, fleet_plan(), [run_of(made), sent], MADE + 60, AGAIN)

    assert refused.value.message == "the plan was used: a run of it got a permit; a plan is for one run"
    assert refused.value.next_step == AGAIN


def test_a_plan_that_shows_its_own_starts_is_shown():
    rows = [{"stream": "st-1", "campaign": f"cd-{n}", "action": "start" if n < 3 else "skip"} for n in (1, 2, 3)]
    proposals.check_shown({"campaigns": rows}, proposal())


@pytest.mark.parametrize("part", [{"warnings": 5}, {"notes": None}, {"campaigns": None}])
def test_a_plan_that_cannot_be_shown_is_invalid(part):
    with pytest.raises(PlanInvalid, match="the file is not a plan"):
        proposals.check_shown({"campaigns": [], **part}, proposal(plan(live={key("cd-9"): ready()})))


def test_a_fleets_lane_repeats_nothing_approved_as_a_first_time():
    """Somebody started it by hand after the approval, and its `rerun` allows a start all the same."""
    again = {"campaign": "cd-1", "rerun": True}
    ran = {key("cd-1"): ready(status="Completed"), key("cd-2"): ready()}
    approved, now = plan(again, TWO[1]), plan(again, TWO[1], live=ran)
    lane = approval.held_unlike(proposal(approved), now)

    assert [(one.decision.outcome, one.decision.message) for one in lane.entries] == [
        (Outcome.HELD, "its start is not the approved one: rerun: null -> true"),
        (None, ""),
    ]
    assert approval.held_unlike(proposal(now), now) is now


def test_what_the_live_state_decided_comes_from_the_approved():
    again = {"campaign": "cd-1", "rerun": True}
    made = proposal(plan(again, live={key("cd-1"): ready()}))
    part = approval.approved_part(made, fleet_plan(again), [], MADE + 60, AGAIN)

    assert [one.decision.action for one in part.entries] == [Action.START]
