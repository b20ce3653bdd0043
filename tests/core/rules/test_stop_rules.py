import pytest

from orchestrator.core.manifest.models import AccountRules, StopWhen, Threshold
from orchestrator.core.rules.stop_rules import meaning, sentences, tripped


def trips(rules, *, failed=0, unknown=0, attempted=10):
    return tripped(rules, {"started": attempted - failed - unknown, "failed": failed, "unknown": unknown})


def test_without_rules_nothing_stops_a_run():
    assert trips(None, failed=10) is None
    assert trips(StopWhen(), failed=10) is None
    assert trips(StopWhen(), unknown=10) is None
    assert sentences(None) == sentences(StopWhen()) == ()


@pytest.mark.parametrize(("word", "said"), [("failed", "failed"), ("unknown", "are unknown")])
def test_a_count_stops_when_it_is_reached_whatever_the_sample(word, said):
    rules = StopWhen(**{word: 3})
    assert trips(rules, **{word: 2}) is None
    assert trips(rules, **{word: 3}, attempted=3) == f"3 of 3 attempted {said}: stops when 3 {said}"
    assert trips(rules, **{word: 4}) is not None


@pytest.mark.parametrize(("word", "said"), [("failed", "failed"), ("unknown", "are unknown")])
def test_a_share_stops_when_it_is_reached(word, said):
    rules = StopWhen(**{word: "20%"})
    assert trips(rules, **{word: 1}) is None
    assert trips(rules, **{word: 2}) == f"2 of 10 attempted {said}: stops when 20% of at least 10 attempted {said}"


def test_a_share_waits_for_its_sample():
    rules = StopWhen(failed="20%", min_sample=5)
    assert trips(rules, failed=4, attempted=4) is None
    assert trips(rules, failed=4, attempted=5) is not None


def test_a_share_of_nothing_stops_nothing():
    assert trips(StopWhen(failed="0.01%", min_sample=1), attempted=0) is None
    assert trips(StopWhen(failed="0.01%", min_sample=1), attempted=50) is None


def test_one_rule_does_not_count_the_others_campaigns():
    assert trips(StopWhen(failed=3), unknown=9) is None
    assert trips(StopWhen(unknown=3), failed=9) is None


def test_the_first_broken_rule_is_named():
    assert "1 failed" in trips(StopWhen(failed=1, unknown=1), failed=1, unknown=1)
    assert "1 are unknown" in trips(StopWhen(failed=2, unknown=1), failed=1, unknown=1)


def test_the_rules_of_an_account_are_not_the_runs():
    rules = StopWhen(failed=5, per_account=AccountRules(failed=2))
    assert trips(rules, failed=4) is None
    assert trips(rules.per_account, failed=2) is not None


def test_every_rule_says_what_it_means():
    rules = StopWhen(failed="20%", unknown=3, per_account=AccountRules(unknown="0.5%", min_sample=4))
    assert sentences(rules) == (
        "the run stops when 20% of at least 10 attempted failed",
        "the run stops when 3 are unknown",
        "an account stops when 0.5% of at least 4 attempted are unknown there",
    )


def test_a_share_is_said_as_it_was_written():
    assert meaning("failed", Threshold(fraction=0.005), 10) == "0.5% of at least 10 attempted failed"
