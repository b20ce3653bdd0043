from orchestrator.core.delivery.readings import record_of
from orchestrator.core.result.build import build
from orchestrator.core.result.followed import FollowedLaunch
from orchestrator.model import Outcome
from tests.core.builders import RUN, end, header, plan_records, record, starts
from tests.core.delivery.builders import BEGUN, reading, round_at

A, B = "st-1/cd-1", "st-1/cd-2"


def of(records, live=None):
    followed = FollowedLaunch()
    for one in records:
        followed.read(one)
        followed.result(live)
    return followed


def lost(campaign):
    return [
        record("intent", 1, 101.0, campaign, deadline=130.0, baseline=None),
        record("verdict", 1, 102.0, campaign, event="indeterminate", message="no answer"),
        record("no_evidence", 1, 103.0, campaign, message="nothing was found"),
    ]


def first():
    return [header(), *plan_records(starts("cd-1", "cd-2"))]


def test_a_launch_without_a_plan_has_no_result():
    followed = of([])

    assert (followed.result(None), followed.run_id, followed.has_ended) == (None, None, False)
    assert followed.campaigns(Outcome.UNKNOWN, 5) == []


def test_campaigns_that_need_a_person_are_found_by_themselves():
    records = [*first(), *lost(A), record("intent", 1, 104.0, B, deadline=130.0, baseline=None)]
    followed = of(records, RUN)

    assert [one.key for one in followed.campaigns(Outcome.UNKNOWN, 5)] == [A]
    assert followed.campaigns(Outcome.UNKNOWN, 5)[0].next is None  # there is nothing to type while it runs
    followed.read(end())
    assert followed.result(None) == build([*records, end()])
    found = followed.campaigns(Outcome.UNKNOWN, 5)
    assert [(one.key, "resolve" in one.next) for one in found] == [(A, True), (B, False)]


def test_an_unknown_of_an_earlier_run_stays_until_resolved():
    earlier = [*first(), *lost(A), end()]
    later = [header(run="r-2"), *plan_records(starts("cd-2"), run="r-2"), end(run="r-2")]
    resolved = record("resolve", 1, 200.0, A, "person:ann", event="resolved_started", message="ann: seen", by="ann")
    followed = of([*earlier, *later])

    assert [one.key for one in followed.campaigns(Outcome.UNKNOWN, 5)] == [A]
    followed.read(resolved)
    assert followed.result(None) == build([*earlier, *later, resolved])
    assert followed.campaigns(Outcome.UNKNOWN, 5) == []


def test_a_campaign_has_an_account_once_its_run_has_a_plan():
    followed = of(first())

    assert (followed.account_of(A), followed.account_of("st-1/cd-9")) == ("acme", None)


def test_what_was_read_is_counted_whatever_was_recorded_after_it():
    started = [record("intent", 1, 101.0, A, deadline=130.0, baseline=None),
               record("verdict", 1, 102.0, A, event="accepted", message="HTTP 200: Active", sent_at=101.5)]  # fmt: skip
    followed = of([*first(), *started, end()])
    read = record_of(round_at(0, reading(0, sent=7, key=A)), "spring", "f-1", 1, BEGUN)
    followed.read(read)
    followed.read(record("pause", 1, 950.0, "@launch", "person:ann", by="ann", reason="x"))

    assert followed.result(None).delivery["sent"] == 7
