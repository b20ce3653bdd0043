import pytest

from orchestrator.core.attempt.evidence import decisive
from tests.core.builders import ready

BASELINE = ready(instance_id="in-1", instance_updated_at="2026-03-01T00:00:00Z").as_json()


@pytest.mark.parametrize("status", ["Active", "ACTIVE", "active", "Preparing", "preparing"])
@pytest.mark.parametrize("baseline", [None, {}, BASELINE])
def test_a_running_campaign_is_evidence_whatever_it_was_before(status, baseline):
    assert status in decisive(baseline, ready(status=status))


def test_an_unchanged_ready_proves_nothing():
    assert decisive(BASELINE, ready(instance_id="in-1", instance_updated_at="2026-03-01T00:00:00Z")) is None


@pytest.mark.parametrize("status", ["Completed", "Stopped", "Failed", "", "Actively"])
def test_another_state_of_the_same_instance_proves_nothing(status):
    live = ready(status=status, instance_id="in-1", instance_updated_at="2026-03-01T00:00:00Z")
    assert decisive(BASELINE, live) is None


def test_a_new_instance_is_evidence():
    assert "in-2" in decisive(BASELINE, ready(instance_id="in-2"))


def test_a_first_instance_is_evidence():
    assert "in-1" in decisive(ready().as_json(), ready(instance_id="in-1"))


@pytest.mark.parametrize("instance", ["in-1", None])
def test_a_later_time_of_update_proves_nothing(instance):
    before = ready(instance_id=instance, instance_updated_at="2026-03-01T00:00:00Z")
    edited = ready(instance_id=instance, instance_updated_at="2026-03-02T00:00:00Z")
    assert decisive(before.as_json(), edited) is None


def test_an_instance_that_a_status_cannot_name_is_not_new():
    """Its run read the state by status; the next one looks with a list, which names the instance of last year."""
    before = ready(names_instance=False)
    assert decisive(before.as_json(), ready(instance_id="in-1")) is None


def test_an_instance_that_is_no_longer_told_proves_nothing():
    assert decisive(BASELINE, ready()) is None


@pytest.mark.parametrize("baseline", [None, {}, {"status": "Ready"}])
def test_without_a_baseline_an_instance_proves_nothing(baseline):
    assert decisive(baseline, ready(instance_id="in-2", instance_updated_at="2026-03-02T00:00:00Z")) is None


def test_a_campaign_that_cannot_be_read_proves_nothing():
    assert decisive(BASELINE, None) is None
