from collections import Counter

import pytest

from orchestrator.sandbox.faults import PROFILES, Fault, FaultPlan

KEYS = [f"st-1/cd-{number}" for number in range(400)]
PINNED = dict.fromkeys(KEYS[:5]) | {"st-1/cd-2": Fault.SERVER_ERROR_BEFORE}
SAFE = {Fault.REFUSE_LIMITED, Fault.SLOW, Fault.UNAUTHORIZED_ONCE}


def struck(profile, seed=0, attempt=1, keys=KEYS):
    plan = FaultPlan(profile, seed, keys=KEYS)
    return {key: plan.for_start("a", *key.split("/"), attempt) for key in keys}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_order_of_arrival_changes_nothing(profile):
    assert struck(profile) == struck(profile, keys=KEYS[::-1])


def test_another_seed_strikes_others():
    assert struck("nasty", seed=1) != struck("nasty", seed=2)


def test_a_known_draw_stays_the_same_forever():
    assert struck("nasty", seed=7, keys=KEYS[:5]) == PINNED


def test_no_faults_without_a_profile():
    assert set(struck("none").values()) == {None}


def test_calm_is_only_slow():
    assert set(struck("calm").values()) == {None, Fault.SLOW}


def test_realistic_hits_first_attempts_with_faults_safe_to_retry():
    counts = Counter(struck("realistic").values())
    assert set(counts) == SAFE | {None}
    assert counts[Fault.UNAUTHORIZED_ONCE] == 1
    assert set(struck("realistic", attempt=2).values()) == {None}


def test_nasty_strikes_with_all_that_a_client_can_notice():
    assert set(struck("nasty").values()) == set(Fault) - {Fault.ANSWER_TWICE} | {None}


def test_nasty_ends_and_withholds_a_second_401():
    assert Fault.UNAUTHORIZED_ONCE not in struck("nasty", attempt=2).values()
    assert set(struck("nasty", attempt=4).values()) == {None}


@pytest.mark.parametrize(("profile", "fails"), [("nasty", True), ("realistic", False), ("calm", False)])
def test_reads_fail_only_in_nasty(profile, fails):
    plan = FaultPlan(profile)
    assert any(plan.fails_read("a", "st", "cd", count) for count in range(1, 200)) is fails


def test_a_failing_read_says_when_to_come_back_or_does_not():
    plan = FaultPlan("nasty")
    assert {plan.is_busy("a", "st", "cd", count) for count in range(1, 20)} == {True, False}


def test_a_script_goes_before_the_profile():
    plan = FaultPlan("nasty", 0, {"st/cd": ["none", "html", None]})
    assert [plan.for_start("a", "st", "cd", attempt) for attempt in range(1, 9)] == [None, Fault.HTML, *[None] * 6]


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="none, calm, realistic, nasty"):
        FaultPlan("mean")
    with pytest.raises(ValueError, match="refuse_limited"):
        FaultPlan(scripted={"st/cd": ["sloow"]})
