import pytest

from orchestrator.core.journal.records import RunRecords


@pytest.mark.parametrize(
    ("attempts", "message"),
    [
        (1, "gave up after 1 attempt, which was not carried out: no connection"),
        (2, "gave up after 2 attempts, none of which was carried out: no connection"),
    ],
)
def test_a_campaign_given_up_on_says_after_how_many_attempts(attempts, message):
    record = RunRecords("demo", "r-1", lambda: 0.0).gave_up("st-1/cd-1", attempts, "lane", "no connection")

    assert record.data == {"message": message}
