import pytest

from orchestrator.core.manifest import StopWhen, Threshold
from orchestrator.core.stop_rules import sentence, tripped


def trips(rules, *, failed=0, unknown=0, attempted=10):
    return tripped(rules, failed=failed, unknown=unknown, attempted=attempted)


def test_without_rules_nothing_stops_a_run():
    assert trips(None, failed=10) is None
    assert trips(StopWhen(), failed=10, unknown=10) is None


@pytest.mark.parametrize("word", ["failed", "unknown"])
def test_a_count_stops_when_it_is_reached_whatever_the_sample(word):
    rules = StopWhen(**{word: 3})
    assert trips(rules, **{word: 2}) is None
    assert trips(rules, **{word: 3}, attempted=3) == f"3 of 3 attempted are {word}: stops when 3 are {word}"
    assert trips(rules, **{word: 4}) is not None


@pytest.mark.parametrize("word", ["failed", "unknown"])
def test_a_share_stops_when_it_is_reached(word):
    rules = StopWhen(**{word: "20%"})
    assert trips(rules, **{word: 1}) is None
    assert trips(rules, **{word: 2}) == (
        f"2 of 10 attempted are {word}: stops when 20% of at least 10 attempted are {word}"
    )


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
    assert "are failed" in trips(StopWhen(failed=1, unknown=1), failed=1, unknown=1)
    assert "are unknown" in trips(StopWhen(failed=2, unknown=1), failed=1, unknown=1)


def test_a_rule_says_what_it_means():
    assert sentence("failed", Threshold(fraction=0.2), 10) == "stops when 20% of at least 10 attempted are failed"
    assert sentence("unknown", Threshold(count=3), 10) == "stops when 3 are unknown"


def test_every_whole_percentage_stops_when_exactly_reached():
    missed = [
        (percent, size)
        for size in range(1, 201)
        for percent in range(1, 101)
        if percent * size % 100 == 0
        and trips(StopWhen(failed=f"{percent}%", min_sample=1), failed=percent * size // 100, attempted=size) is None
    ]
    assert missed == []


def test_a_share_is_said_as_it_was_written():
    assert "stops when 0.5% of" in sentence("failed", Threshold(fraction=0.005), 10)


def test_a_rule_that_is_broken_by_nobody_stops_nothing_even_where_its_share_rounds_to_nothing():
    tiny = StopWhen(failed=Threshold(fraction=1e-12), min_sample=1)
    assert trips(tiny, failed=0, attempted=5) is None
    assert trips(tiny, failed=1, attempted=5) is not None
