"""Names that differ in case alone: a person is warned, once for each kind."""

import pytest

from orchestrator.core.plan.spelling import warnings
from tests.core.builders import key, manifest, planned, ready

ALONE = "differ only in upper and lower case"

THREE = ", ".join(f"st-1/cd-{name} and st-1/cd-ab" for name in ("aB", "Ab", "AB"))


def test_names_that_differ_in_more_than_case_are_no_warning():
    parsed = manifest({"campaign": "cd-1"}, {"campaign": "cd-2"}, {"stream": "st-2", "campaign": "cd-1"})

    assert warnings(parsed, [key("cd-1"), key("cd-3")], ["spring", "spring-2"]) == ()


@pytest.mark.parametrize(
    ("campaigns", "sentence"),
    [
        (
            [{"campaign": "cd-a"}, {"campaign": "cd-A"}],
            f"campaigns {ALONE}: st-1/cd-A and st-1/cd-a; remove one if they are the same",
        ),
        (
            [{"campaign": "cd-a"}, {"stream": "ST-1", "campaign": "cd-A"}, {"stream": "ST-1", "campaign": "cd-2"}],
            f"streams {ALONE}: ST-1 and st-1; write both the same way if they are the same",
        ),
        (
            [{"campaign": "cd-ab"}, *({"campaign": f"cd-{n}"} for n in ("aB", "Ab", "AB"))],
            f"campaigns {ALONE}: {THREE}; remove one if they are the same",
        ),
        (
            [{"campaign": "cd-ab"}, *({"campaign": f"cd-{n}"} for n in ("aB", "Ab", "AB")), {"campaign": "CD-AB"}],
            f"campaigns {ALONE}: {THREE} and 1 pair more; remove one if they are the same",
        ),
    ],
)
def test_campaigns_and_streams_alike_are_named(campaigns, sentence):
    assert warnings(manifest(*campaigns)) == (sentence,)


def test_accounts_alike_are_named():
    accounts = {"acme": {"account_id": "1"}, "Acme": {"account_id": "2"}}

    assert warnings(manifest({"campaign": "cd-1"}, accounts=accounts)) == (f"accounts {ALONE}: Acme and acme",)


def test_a_launch_like_another_of_the_ledger_is_named():
    expected = f"launches {ALONE}: spring and Spring; the journal of the second does not count for the first"

    assert warnings(manifest({"campaign": "cd-1"}), launches=["spring", "Spring", "autumn"]) == (expected,)


def test_a_campaign_that_the_journal_spells_otherwise_is_named():
    parsed = manifest({"campaign": "cd-A"})

    advice = "the second of each pair is in the launch's journal, and the first would be started as new"
    assert warnings(parsed, [key("cd-a")]) == (f"campaigns {ALONE}: st-1/cd-A and st-1/cd-a; {advice}",)
    assert warnings(parsed, [key("cd-a"), key("cd-A")]) == ()


def test_a_plan_has_these_warnings():
    parsed = manifest({"campaign": "cd-a"}, {"campaign": "cd-A"})
    plan = planned(parsed, live={key("cd-a"): ready(), key("cd-A"): ready()}, launches=["SPRING"])

    assert [text.partition(":")[0] for text in plan.warnings] == [f"launches {ALONE}", f"campaigns {ALONE}"]
