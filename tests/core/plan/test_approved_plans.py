"""What an approved plan permits: its own choice, its own texts, until its own time."""

from dataclasses import replace

import pytest

from orchestrator.core.content import digest
from orchestrator.core.plan import approval
from orchestrator.core.plan import proposal as proposals
from orchestrator.core.plan.proposal import Proposal, choice_for
from orchestrator.core.plan.selection import Choice, Selection, options
from orchestrator.errors import PlanInvalid, Refused
from orchestrator.model import Outcome, Reason
from tests.core.builders import key, manifest, planned, ready

NINE = 1_796_133_600.0  # 2026-12-01 09:00 in New York
CANARY = Choice.of(["tag:canary"], retry_failed=True)


def plan(message, choice=CANARY):
    parsed = manifest({"campaign": "cd-1", "tags": ["canary"]}, {"campaign": "cd-2", "tags": ["canary"]})
    live = {key("cd-1"): ready(content=digest({"message": message})), key("cd-2"): ready(content=digest({"name": "x"}))}
    return planned(parsed, live=live, selection=choice.selection, retry_failed=choice.retry_failed, nonce="00" * 16)


def proposal(message="a"):
    made = plan(message)
    return Proposal(made.sha256, NINE, made.identity)


def test_a_plan_brings_its_choice_where_none_was_made():
    own = Choice.of(exclude=["tag:vip"])

    assert choice_for(Choice(), proposal()) == CANARY
    assert choice_for(own, proposal()) == own
    assert choice_for(own, None) == own
    assert choice_for(Choice(), None) == Choice()


def test_nothing_is_chosen_where_nothing_is_said():
    assert Choice.of() == Choice()
    assert Choice.of(["tag:a"], ["tag:b"], details=True) == Choice(
        Selection((("tag", "a"),), (("tag", "b"),)), retry_failed=False, details=True
    )


def test_a_choice_is_written_as_the_options_that_make_it():
    chosen = Choice.of(["tag:canary", "account:acme"], ["tag:vip"]).selection
    assert options(chosen.as_json()) == ["--select", "account:acme", "--select", "tag:canary", "--exclude", "tag:vip"]


def test_a_fleets_lane_holds_what_was_edited_and_starts_the_rest():
    held = approval.held_unlike(proposal(), plan("b"))

    assert [(e.decision.outcome, e.decision.reason, e.decision.message) for e in held.entries] == [
        (Outcome.HELD, Reason.CHANGED, "message changed since the plan"), (None, None, ""),
    ]  # fmt: skip


def test_a_fleets_lane_holds_what_was_approved_without_a_text():
    """As an approved run does: a text that nobody saw was not approved."""
    bare = proposal()
    identity = {**bare.identity, "starts": [{**one, "content": {}} for one in bare.identity["starts"]]}
    held = approval.held_unlike(Proposal("", NINE, identity), plan("a"))

    assert [entry.decision.reason for entry in held.entries] == [Reason.CHANGED] * 2


def test_nothing_starts_once_not_after_has_come():
    ends = manifest({"campaign": "cd-1"}, not_after={"at": "2026-12-01T09:00", "zone": "America/New_York"})

    approval.check_not_too_late(ends, NINE - 1)
    approval.check_not_too_late(manifest({"campaign": "cd-1"}), NINE)
    with pytest.raises(Refused) as refused:
        approval.check_not_too_late(ends, NINE)
    assert refused.value.message == (
        "not_after is Tue 2026-12-01 09:00 New York time (14:00 UTC), and the run would start at "
        "Tue 2026-12-01 09:00 New York time (14:00 UTC)"
    )
    assert refused.value.next_step == "change not_after once the launch may still be sent"


@pytest.mark.parametrize("by", [(), ("ann@example.com", "ann")])
def test_a_plan_in_the_journal_names_who_made_it(by):
    made = plan("a")
    kept = proposals.proposal_record(made, [], "r-1", NINE, by)

    assert proposals.find([kept], made.sha256[:8], "") == Proposal(made.sha256, NINE, made.identity, by)


@pytest.mark.parametrize(("written", "names"), [([], ()), (["ann", "eve"], ("ann", "eve"))])
def test_a_file_names_who_made_its_plan(written, names):
    made = plan("a")
    file = {"plan_sha256": made.sha256, "made_at": NINE, "identity": made.identity, "planned_by": written}

    assert proposals.read(file).planned_by == names
    with pytest.raises(PlanInvalid):
        proposals.read({**file, "planned_by": "ann"})


def test_a_plan_in_the_journal_may_name_nobody():
    made, own = plan("a"), proposal()
    kept = proposals.proposal_record(made, [], "r-1", NINE - 60)

    assert proposals.as_journaled(own, [kept]) == replace(own, made_at=NINE - 60)
