from email.utils import formatdate

import pytest

from orchestrator.core.checkup import Grade, of_answer, of_clock, of_disk
from orchestrator.model import Fault, LiveState, Progress, Read
from tests.core.builders import reply

NOW = 1_700_000_000.0
PLENTY = 2**34


def answer(status=200, payload=None, date_off=0.0, **more):
    payload = {"status": "success"} if payload is None else payload
    return reply(status, payload, sent_at=NOW, elapsed=0.25, date=formatdate(NOW + date_off, usegmt=True), **more)


def grades(read):
    return [(one.grade, bool(one.mend)) for one in of_answer("acme", read)]


def test_an_account_in_order_is_ok_and_says_what_it_saw():
    first, clock = of_answer("acme", Read(answer(), {"cd-1": LiveState("Ready")}, more=True))
    assert (first.grade, first.subject) == (Grade.OK, "account acme")
    assert first.message.endswith("(1 campaigns, and more pages)")
    assert clock.grade is Grade.OK


@pytest.mark.parametrize(
    ("status", "message", "mend"),
    [
        (401, "Invalid SDK credentials", "client_secret"),
        (401, "Permission denied. Scope is incorrect!", "Campaign Management"),
        (500, "Internal Server Error", "again"),
        (403, "no", "again"),
    ],
)
def test_what_is_wrong_with_an_account_is_bad_and_has_its_mend(status, message, mend):
    found = of_answer("acme", Read(answer(status, {"errors": [{"msg": message}]})))
    (bad,) = [one for one in found if one.grade is Grade.BAD]
    assert message in bad.message
    assert mend in bad.mend


def test_a_scope_that_is_missing_means_that_the_token_was_accepted():
    found = of_answer("acme", Read(answer(401, {"errors": [{"msg": "Permission denied. Scope is incorrect!"}]})))
    assert found[0].message == "the token is accepted"


def test_a_limited_call_and_a_host_out_of_reach():
    assert grades(Read(answer(429)))[0] == (Grade.WARN, True)
    assert grades(Read(Fault(Progress.UNSENT, "no connection", None, 0.1))) == [(Grade.BAD, True)]


def test_a_certificate_of_an_unknown_ca_has_a_mend_of_its_own():
    texts = ("TLS failed (certificate verify failed)", "TLS failed")
    mends = [of_answer("acme", Read(Fault(Progress.UNSENT, text, None, 0.1)))[0].mend for text in texts]

    assert ["SSL_CERT_FILE" in mend for mend in mends] == [True, False]


@pytest.mark.parametrize(
    ("off", "grade", "words"),
    [
        (0, Grade.OK, "within"),
        (5, Grade.OK, "within"),
        (-6, Grade.OK, "within"),
        (7, Grade.WARN, "behind"),
        (-8, Grade.WARN, "ahead of"),
        (120, Grade.BAD, "120 s behind"),
        (-120, Grade.BAD, "119 s ahead of"),
    ],
)
def test_the_clock_is_compared_with_the_hosts(off, grade, words):
    found = of_clock(answer(date_off=off))
    assert found.grade is grade
    assert words in found.message


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_a_host_without_a_date_is_no_judge_of_the_clock(date):
    assert of_clock(reply(200, {}, date=date)).grade is Grade.WARN


@pytest.mark.parametrize(
    ("kind", "environment", "free", "grade"),
    [
        ("ext4", {}, PLENTY, [Grade.OK]),
        ("", {"CI": ""}, PLENTY, [Grade.OK]),
        ("tmpfs", {}, PLENTY, [Grade.WARN]),
        ("overlay", {"CI": "true"}, PLENTY, [Grade.WARN]),
        ("ext4", {"CI": "true"}, PLENTY, [Grade.WARN]),
        ("ext4", {}, 2**20, [Grade.BAD]),
    ],
)
def test_a_disk_that_may_be_gone_or_is_full_is_told(kind, environment, free, grade):
    assert [one.grade for one in of_disk(kind, environment, free)] == grade
