import pytest

from orchestrator.core.manifest.models import Pass, Wave
from orchestrator.core.rules.waves import REST, assign, order, sentences, shortfall, verdict
from orchestrator.model import Outcome, WaveVerdict
from tests.core.builders import manifest, one

CANARY = Wave(name="canary", tags=("canary",))


def passing(share):
    return Wave(name="canary", tags=("canary",), pass_=Pass(started=share))


def outcomes(started, failed):
    return [Outcome.STARTED] * started + [Outcome.FAILED] * failed


def held(number):
    return [Outcome.HELD] * number


def test_without_waves_everybody_is_in_the_rest():
    assert order(()) == (REST,)
    assert assign(one(), ()) == REST


def test_the_rest_comes_last():
    assert order((CANARY, Wave(name="east", tags=("east",)))) == ("canary", "east", REST)


def test_the_rest_stays_where_the_manifest_places_it():
    assert order((Wave(name="rest", tags=("x",)), CANARY)) == ("rest", "canary")


def test_a_campaign_is_in_the_first_wave_that_names_it():
    waves = (Wave(name="a", campaigns=("st-1/cd-1",)), Wave(name="b", tags=("canary",)))
    assert assign(one(tags=["canary"]), waves) == "a"
    assert assign(one(campaign="cd-2", tags=["canary"]), waves) == "b"
    assert assign(one(campaign="cd-3"), waves) == REST


def test_a_wave_names_campaigns_by_tag_or_by_key():
    both = (Wave(name="a", tags=("canary",), campaigns=("st-1/cd-2",)),)
    assert assign(one(tags=["other", "canary"]), both) == "a"
    assert assign(one(campaign="cd-2"), both) == "a"
    assert assign(one(), both) == REST


def test_a_wave_without_tags_or_campaigns_takes_all_that_is_left():
    waves = (CANARY, Wave(name="everybody"), Wave(name="late", tags=("x",)))
    assert assign(one(tags=["x"]), waves) == "everybody"
    assert assign(one(tags=["canary"]), waves) == "canary"


def test_a_wave_without_a_rule_always_passes():
    assert shortfall(CANARY, outcomes(0, 5)) is None


@pytest.mark.parametrize(("share", "started", "failed"), [("100%", 3, 0), ("50%", 1, 1), ("50%", 2, 1), (0.9, 9, 1)])
def test_a_wave_that_reaches_its_share_passes(share, started, failed):
    assert shortfall(passing(share), outcomes(started, failed)) is None


@pytest.mark.parametrize(("share", "started", "failed"), [("100%", 2, 1), ("50%", 1, 2), ("0.1%", 0, 1)])
def test_a_wave_below_its_share_does_not_pass(share, started, failed):
    assert f"{started} of {started + failed} started" in shortfall(passing(share), outcomes(started, failed))


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN, Outcome.HELD])
def test_whatever_is_not_started_counts_against_the_wave(outcome):
    text = shortfall(passing("100%"), [Outcome.STARTED, outcome])
    assert text == "wave canary: 1 of 2 started, 100% are needed before the next wave"


def test_campaigns_already_started_count_as_started():
    assert shortfall(passing("100%"), [Outcome.ALREADY_STARTED, Outcome.STARTED]) is None


def test_skipped_campaigns_are_not_counted():
    assert shortfall(passing("100%"), [Outcome.STARTED, Outcome.SKIPPED]) is None
    assert shortfall(passing("100%"), [Outcome.SKIPPED]) is None
    assert shortfall(passing("100%"), []) is None


def test_every_whole_percentage_passes_when_exactly_reached():
    missed = [
        (percent, size)
        for size in range(1, 201)
        for percent in range(1, 101)
        if percent * size % 100 == 0
        and shortfall(passing(f"{percent}%"), outcomes(percent * size // 100, size - percent * size // 100))
    ]
    assert missed == []


def test_a_share_is_said_as_it_was_written():
    assert "99.9% are needed" in shortfall(passing("99.9%"), outcomes(0, 1))


def test_waves_of_a_parsed_manifest_keep_their_order():
    parsed = manifest({"campaign": "cd-1", "tags": ["canary"]}, waves=[{"name": "canary", "tags": ["canary"]}])
    assert order(parsed.waves) == ("canary", REST)


def test_a_wave_states_its_conditions_and_none_wait_for_the_last():
    asking = Wave(name="canary", tags=("canary",), bake=600.0, pass_=Pass(started=0.9, command=("./look.sh", "--all")))
    said = sentences((asking, Wave(name="plain", tags=("x",)), Wave(name="all", bake=5.0)))
    needs = "when 90% are started and 10 min after the last of them and after ./look.sh exits with 0"
    assert list(said) == [
        f"wave canary: the next one opens {needs}",
        "wave all is the last: nothing waits for its bake, and its check is not run",
    ]
    assert "is the last" in sentences((Wave(name="rest", tags=("x",), bake=5.0),))[0]


def test_a_pass_without_a_share_asks_for_none():
    assert shortfall(Wave(name="canary", pass_=Pass(command=("true",))), outcomes(0, 5)) is None


PASSED, NOT_PASSED, CUT_SHORT, NO_RULE = WaveVerdict
CHECKED = Wave(name="canary", pass_=Pass(command=("true",)))


@pytest.mark.parametrize(
    ("rule", "found", "is_stopped", "judged"),
    [
        (None, outcomes(5, 5), False, (NO_RULE, "")),
        (None, outcomes(5, 5), True, (NO_RULE, "")),  # all of it was attempted before the stop
        (CANARY, outcomes(5, 0), False, (NO_RULE, "")),
        (CHECKED, outcomes(5, 0), False, (NO_RULE, "")),  # until its check has run
        (passing("50%"), outcomes(5, 5), False, (PASSED, "")),
        (passing("100%"), outcomes(2, 1), False, (NOT_PASSED, "wave canary: 2 of 3 started, 100% are needed")),
        (None, [*outcomes(1, 0), *held(19)], False, (CUT_SHORT, "19 of 20 campaigns were held")),
        (CHECKED, [*outcomes(1, 0), *held(1)], False, (CUT_SHORT, "1 of 2 campaigns was held")),
        (None, [*held(1), Outcome.SKIPPED], True, (CUT_SHORT, "1 of 1 campaign was held")),
        (passing("5%"), [*outcomes(1, 0), *held(19)], True, (CUT_SHORT, "19 of 20 campaigns were held")),
        (passing("5%"), [*outcomes(1, 0), *held(19)], False, (PASSED, "")),  # its share is what it asks for
        (
            passing("90%"),
            [*outcomes(8, 1), *held(1)],
            False,
            (CUT_SHORT, "wave canary: 8 of 10 started, 90% are needed"),
        ),
        (
            passing("90%"),
            [*outcomes(5, 1), *held(4)],
            False,
            (CUT_SHORT, "wave canary: 5 of 10 started, 90% are needed"),
        ),
        (
            passing("100%"),
            [*outcomes(8, 1), *held(1)],
            True,
            (NOT_PASSED, "wave canary: 8 of 10 started, 100% are needed"),
        ),
    ],
)
def test_a_wave_is_judged_by_what_became_of_all_of_it(rule, found, is_stopped, judged):
    missing = shortfall(rule, found) if rule else None
    verdict_, message = verdict(rule, found, missing, is_stopped=is_stopped)
    assert (verdict_, message.removesuffix(" before the next wave")) == judged
