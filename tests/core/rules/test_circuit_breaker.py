import pytest

from orchestrator.core.attempt.verdict import VerdictKind
from orchestrator.core.manifest.models import BreakerRules
from orchestrator.core.rules.circuit_breaker import LOST, Breaker, BreakerState, sentence

RULES = BreakerRules(opens_after=2, looks_every=30, gives_up_after=600)
OK, GONE = VerdictKind.ACCEPTED, VerdictKind.INDETERMINATE


def after(*kinds, breaker=None, now=100.0):
    breaker = breaker or Breaker(RULES)
    for kind in kinds:
        breaker = breaker.after_start(kind, now)
    return breaker


def trial():
    return after(GONE, GONE).after_read(worked=True)


@pytest.mark.parametrize("kind", list(VerdictKind))
def test_only_starts_that_got_lost_or_could_not_be_sent_open_it(kind):
    assert (after(kind, kind).state is BreakerState.OPEN) is (kind in LOST)


def test_it_opens_at_the_limit_and_an_answer_resets_the_count():
    assert after(GONE).state is BreakerState.CLOSED
    assert after(GONE, OK, GONE).state is BreakerState.CLOSED
    assert after(GONE, OK, GONE, GONE) == Breaker(RULES, BreakerState.OPEN, lost=2, trips=1, opened_at=100.0)


def test_all_starts_may_leave_none_or_one_alone():
    assert [after().admits(out) for out in (0, 1, 7)] == [True, True, True]
    assert [after(GONE, GONE).admits(out) for out in (0, 1)] == [False, False]
    assert [trial().admits(out) for out in (0, 1, 2)] == [True, False, False]


def test_a_working_read_lets_one_go_and_is_silent_otherwise():
    assert trial().state is BreakerState.TRIAL
    assert after(GONE, GONE).after_read(worked=False) == after(GONE, GONE)
    assert after(GONE).after_read(worked=True) == after(GONE)
    assert trial().after_read(worked=False) == trial()


def test_answers_to_starts_sent_before_it_opened_do_not_close_it():
    late = after(OK, breaker=after(GONE, GONE))
    assert (late.state, late.lost, late.trips) == (BreakerState.OPEN, 0, 1)


def test_more_earlier_losses_count_but_do_not_open_it_again():
    late = after(GONE, breaker=after(GONE, GONE), now=130.0)
    assert (late.state, late.lost, late.trips, late.opened_at) == (BreakerState.OPEN, 3, 1, 100.0)


def test_the_trials_answer_closes_it_and_its_loss_reopens_it():
    assert after(OK, breaker=trial()) == Breaker(RULES, opened_at=100.0)
    again = after(GONE, breaker=trial(), now=130.0)
    assert (again.state, again.lost, again.trips, again.opened_at) == (BreakerState.OPEN, 3, 2, 130.0)


def test_three_openings_in_a_row_end_the_lane():
    breaker = after(GONE, GONE)
    for _ in range(2):
        assert breaker.verdict(100.0) is None
        breaker = after(GONE, breaker=breaker.after_read(worked=True))
    assert breaker.verdict(100.0) == "starts got lost 3 times in a row, although reads work"
    assert breaker.after_read(worked=True).verdict(100.0) is None


def test_ten_minutes_without_a_read_that_works_end_it_too():
    breaker = after(GONE, GONE)
    assert breaker.verdict(699.9) is None
    assert breaker.verdict(700.0) == "starts got lost, and no read has worked for 10 min"
    assert trial().verdict(700.0) is None
    assert after(GONE).verdict(9999.0) is None


def test_the_rules_say_what_they_mean():
    assert sentence(RULES) == (
        "circuit breaker: after 2 lost starts in a row an account pauses, tries a read every 30 s, "
        "and gives up after 10 min"
    )
