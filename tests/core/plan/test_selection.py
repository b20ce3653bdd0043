import pytest

from orchestrator.core.journal.states import State
from orchestrator.core.plan.selection import Selection, no_campaign, parse_terms
from tests.core.builders import history, one

CAMPAIGN = one(tags=["canary", "east"])


def selects(select="", exclude="", past=None):
    return Selection(parse_terms((select,)), parse_terms((exclude,))).matches(CAMPAIGN, past)


def test_terms_are_read_from_several_texts_and_commas():
    assert parse_terms(("tag:a, tag:b", "account:acme,")) == (("tag", "a"), ("tag", "b"), ("account", "acme"))


def test_no_text_is_no_term():
    assert parse_terms(()) == parse_terms(("",)) == parse_terms((" , ",)) == ()


def test_a_value_may_hold_colons():
    assert parse_terms(("tag:a:b",)) == (("tag", "a:b"),)


@pytest.mark.parametrize("text", ["canary", "tag:", ":canary", "colour:red", "Tag:a", "tag=a"])
def test_an_invalid_term_is_refused_with_the_valid_ones(text):
    with pytest.raises(ValueError, match="write one of tag:VALUE, account:VALUE"):
        parse_terms((text,))


def test_an_unknown_outcome_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="new, started, failed, unknown"):
        parse_terms(("outcome:held",))


def test_without_terms_every_campaign_is_selected():
    assert selects()


@pytest.mark.parametrize(
    "term", ["tag:canary", "tag:east", "account:acme", "stream:st-1", "campaign:cd-1", "campaign:st-1/cd-1"]
)
def test_a_term_matches_and_excludes_by_its_kind(term):
    assert selects(term)
    assert not selects(exclude=term)


@pytest.mark.parametrize(
    "term", ["tag:west", "tag:can", "account:umbrella", "stream:cd-1", "campaign:cd-2", "campaign:st-2/cd-1"]
)
def test_a_term_of_something_else_does_not_match(term):
    assert not selects(term)
    assert selects(exclude=term)


def test_of_several_values_of_a_kind_any_may_match():
    assert selects("tag:west,tag:east")


def test_of_several_kinds_all_must_match():
    assert selects("tag:east,account:acme")
    assert not selects("tag:east,account:umbrella")


def test_one_matching_exclusion_is_enough():
    assert not selects("tag:east", exclude="account:umbrella,tag:canary")


SELECTED_BY = {
    State.NEW: "new",
    State.CLEARED: "new",
    State.RETRYABLE: "new",
    State.STARTED: "started",
    State.FAILED: "failed",
    State.UNKNOWN: "unknown",
    State.SUSPECT: "unknown",
    State.INTENDED: "unknown",
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("outcome", ["new", "started", "failed", "unknown"])
def test_every_state_is_selected_by_exactly_its_outcome(state, outcome):
    assert selects(f"outcome:{outcome}", past=history(state)) is (SELECTED_BY[state] == outcome)


def test_a_campaign_without_a_past_is_new():
    assert selects("outcome:new")
    assert not selects("outcome:failed")


def test_an_outcome_may_be_excluded():
    assert not selects(exclude="outcome:failed", past=history(State.FAILED))
    assert selects(exclude="outcome:failed", past=history(State.STARTED))


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("tag:canry", "no campaign matches --select tag:canry; did you mean 'canary'?"),
        ("account:x", "no campaign matches --select account:x; known here: acme"),
        ("tag:east,outcome:failed", "no campaign matches --select outcome:failed --select tag:east"),
    ],
)
def test_what_matches_nothing_is_named_with_the_likely_value(select, message):
    assert no_campaign([CAMPAIGN], Selection(parse_terms((select,)))) == message


def test_of_several_values_that_nothing_has_one_is_explained():
    several = Selection(parse_terms(("stream:st-9,campaign:cd-9",)))

    assert no_campaign([CAMPAIGN], Selection()) == "no campaign matches"
    assert no_campaign([CAMPAIGN], several).count("; ") == 1
