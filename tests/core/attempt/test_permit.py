import pytest

from orchestrator.core.attempt.permit import Permit, PermitError, ended_by, grant
from orchestrator.model import CampaignKey
from tests.core.builders import key, record


def permit(deadline=130.0):
    return grant(record("intent", 3, deadline=deadline, baseline=None))


def test_only_a_ledger_makes_permits():
    with pytest.raises(PermitError, match=r"^a permit is granted by a ledger that has committed an intent$"):
        Permit()


def test_a_permit_carries_its_campaign_attempt_and_deadline():
    granted = permit()
    assert (granted.campaign, granted.attempt, granted.deadline) == (key(), 3, 130.0)


def test_an_intent_without_a_deadline_gives_no_permit():
    with pytest.raises(KeyError):
        grant(record("intent"))


def test_a_permit_is_good_for_one_send():
    granted = permit()
    granted.use(key(), 100.0)
    with pytest.raises(PermitError, match=r"^this permit has been used$"):
        granted.use(key(), 100.0)


def test_a_permit_is_good_until_its_deadline_and_not_longer():
    permit().use(key(), 130.0)
    with pytest.raises(PermitError, match=r"^this permit's deadline has passed$"):
        permit().use(key(), 130.001)


def test_a_permit_is_for_its_own_campaign_only():
    with pytest.raises(PermitError, match=r"^this permit is for st-1/cd-1, not for st-1/cd-2$"):
        permit().use(CampaignKey("st-1/cd-2"), 100.0)


def test_a_refused_use_does_not_spend_the_permit():
    granted = permit()
    with pytest.raises(PermitError):
        granted.use(CampaignKey("st-1/cd-2"), 100.0)
    granted.use(key(), 100.0)


def test_a_permit_past_its_deadline_stays_useless():
    granted = permit()
    for _ in range(2):
        with pytest.raises(PermitError, match="deadline"):
            granted.use(key(), 131.0)


def test_a_permit_takes_no_further_attributes():
    with pytest.raises(AttributeError):
        permit().note = "x"


HOURS = 8 * 3600.0


@pytest.mark.parametrize(
    ("intent_at", "deadline", "now", "end"),
    [
        (100.0, 130.0, 101.0, 130.0),
        (100.0, 130.0, 500.0, 130.0),
        (100.0 + HOURS, 130.0 + HOURS, 101.0, 131.0),  # granted under a clock that was 8 h ahead
        (100.0 - HOURS, 130.0 - HOURS, 101.0, 130.0 - HOURS),
        (100.0, 90.0, 50.0, 50.0),  # no permit lasts for less than nothing
    ],
)
def test_a_clock_that_was_ahead_makes_no_permit_last_longer(intent_at, deadline, now, end):
    assert ended_by(intent_at, deadline, now) == end
