import time
from dataclasses import replace

import pytest

from orchestrator.core.attempt.verdict import (
    ReadKind,
    Verdict,
    VerdictKind,
    backoff,
    classify,
    classify_lists,
    classify_read,
    is_hourly,
    is_limited,
    is_not_found,
    may_refuse_order,
    message_of,
    wait_of,
    words_of,
)
from orchestrator.model import Fault, Progress
from tests.core.builders import reply

K = VerdictKind
PER_MINUTE = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."
HOURLY = "You've exceeded the hourly rate limit. Please wait for sometime before retrying."
OLDER = "Rate limit for this API has been reached. Please try again after some time."
NOON = "Wed, 04 Mar 2026 12:00:00 GMT"
NOON_SECONDS = 1772625600.0


def fault(progress, http_status=None):
    return Fault(progress, "what happened", 1000.0, 0.5, http_status)


def errors(text):
    return {"errors": [{"msg": text, "code": 4002}]}


FAULTS = [
    (fault(Progress.UNSENT), K.NOT_SENT),
    (fault(Progress.SENDING), K.INDETERMINATE),
    (fault(Progress.ANSWERED), K.INDETERMINATE),
    (fault(Progress.ANSWERED, 200), K.INDETERMINATE),
    (fault(Progress.ANSWERED, 408), K.INDETERMINATE),
    (fault(Progress.ANSWERED, 409), K.INDETERMINATE),
    (fault(Progress.ANSWERED, 500), K.INDETERMINATE),
    (fault(Progress.ANSWERED, 401), K.UNAUTHORIZED),
    (fault(Progress.ANSWERED, 429), K.LIMITED),
    *((fault(Progress.ANSWERED, status), K.REJECTED) for status in (400, 403, 404, 405, 412, 422)),
]
LIMITED = [(reply(429), K.LIMITED), (reply(429, text="<html>slow down</html>"), K.LIMITED)] + [
    (reply(status, errors(text)), K.LIMITED)
    for status in (400, 401, 403, 408, 412, 499)
    for text in (PER_MINUTE, HOURLY, OLDER, PER_MINUTE.upper())
]
UNAUTHORIZED = [(reply(401, errors("Invalid JWT token")), K.UNAUTHORIZED), (reply(401), K.UNAUTHORIZED)]
REJECTED = [
    (reply(status, errors("no")), K.REJECTED)
    for status in (400, 403, 404, 405, 412, 422, 300, 301, 302, 303, 304, 307, 308, 399)
]
ACCEPTED = [
    (reply(status, {"status": word}), K.ACCEPTED)
    for status, word in ((200, "Active"), (200, "active"), (201, "ACTIVE"), (202, "Active"), (299, "Active"))
]
INDETERMINATE = [
    *((reply(status), K.INDETERMINATE) for status in (100, 199, 408, 409, 410, 418, 500, 502, 503, 504, 599, 600)),
    (reply(500, {"status": "Active"}), K.INDETERMINATE),
    (reply(503, errors(PER_MINUTE), retry_after="5"), K.INDETERMINATE),
    (reply(200, {"status": "failure", "message": "no"}), K.INDETERMINATE),
    (reply(200, {"status": "success", "data": {"status": "Active"}}), K.INDETERMINATE),
    (reply(200, {"status": "Preparing"}), K.INDETERMINATE),
    (reply(200, {"status": "Inactive"}), K.INDETERMINATE),
    (reply(200, {"status": ["Active"]}), K.INDETERMINATE),
    (reply(200, {"status": True}), K.INDETERMINATE),
    (reply(200, {}), K.INDETERMINATE),
    (reply(200, [{"status": "Active"}]), K.INDETERMINATE),
    (reply(200, "Active"), K.INDETERMINATE),
    (reply(200, None, "<html>Active</html>"), K.INDETERMINATE),
    (reply(200, None, '{"status": "Act'), K.INDETERMINATE),
    (reply(200, errors(PER_MINUTE)), K.INDETERMINATE),
    (reply(204), K.INDETERMINATE),
]


def name(value):
    return str(value) if isinstance(value, VerdictKind | ReadKind) else f"{value.http_status} {value.text[:30]}"


@pytest.mark.parametrize(
    ("answer", "kind"), FAULTS + LIMITED + UNAUTHORIZED + REJECTED + ACCEPTED + INDETERMINATE, ids=name
)
def test_every_row_of_the_design_has_its_verdict(answer, kind):
    assert classify(answer).kind is kind


def test_an_accepted_start_keeps_when_the_campaign_was_updated():
    answer = reply(200, {"status": "Active", "updatedAt": "2026-03-01T00:00:00Z", "message": "fine"})
    assert classify(answer) == Verdict(K.ACCEPTED, "fine", updated_at="2026-03-01T00:00:00Z")
    assert classify(reply(200, {"status": "Active", "updatedAt": 17})).updated_at is None


def test_a_refusal_repeats_the_servers_words():
    assert classify(reply(412, errors("Validation errors"))).message == "HTTP 412: Validation errors"


def test_a_redirect_says_that_it_was_not_followed():
    assert classify(reply(302)).message == "HTTP 302: redirects are never followed"


def test_a_false_success_is_shown_as_it_was_received():
    answer = reply(200, {"status": "failure", "message": "list empty"})
    assert classify(answer).message == "HTTP 200 without status Active: list empty"


def test_a_fault_says_what_happened():
    assert classify(fault(Progress.SENDING)).message == "what happened"
    assert classify(fault(Progress.ANSWERED, 404)).message == "HTTP 404; what happened"


def test_only_the_hourly_limit_is_hourly():
    assert is_hourly(reply(429, errors(HOURLY)))
    assert not is_hourly(reply(429, errors(PER_MINUTE)))
    assert not is_hourly(reply(429))


@pytest.mark.parametrize("status", [200, 399, 500, 503])
def test_the_limiters_words_count_in_a_4xx_only(status):
    assert not is_limited(reply(status, errors(PER_MINUTE)))


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("9" * 400, 1e9),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("١٢", None),  # Arabic-Indic digits
        ("Wed, 99 Mar 2026 12:00:30 GMT", None),
        ("Wed, 04 Mar 2026 12:00:30 GMT", 30.0),
        ("Wed, 04 Mar 2026 12:00:30 -0000", 30.0),
        ("Wed, 04 Mar 2026 13:00:30 +0100", 30.0),
        ("Wed, 04 Mar 2026 11:59:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_on_the_servers_clock(asked, seconds):
    assert wait_of(reply(429, retry_after=asked, date=NOON)) == seconds


@pytest.fixture
def far_east(monkeypatch):
    """A machine whose own zone is not UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_date_without_a_zone_is_utc_wherever_this_machine_is(far_east):
    assert wait_of(reply(429, retry_after="Wed, 04 Mar 2026 12:00:30 -0000", date=NOON)) == 30.0


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_a_retry_after_date_alone_is_read_against_our_clock(date):
    answer = reply(429, retry_after="Wed, 04 Mar 2026 12:00:30 GMT", date=date, sent_at=NOON_SECONDS, elapsed=10.0)
    assert wait_of(answer) == 20.0


@pytest.mark.parametrize(
    ("payload", "text", "message"),
    [
        ({"errors": [{"msg": "first"}, {"msg": "second"}], "message": "third"}, "raw", "first"),
        ({"errors": [None, "x", {"code": 1}, {"msg": " "}, {"msg": "second"}]}, "raw", "second"),
        ({"errors": "odd", "message": "third", "error": "fourth"}, "raw", "third"),
        ({"message": 7, "error": "fourth"}, "raw", "fourth"),
        ({"error": {"deep": 1}}, "raw", "raw"),
        ([{"message": "third"}], "raw", "raw"),
        ("third", "raw", "raw"),
        (None, "<html>", "<html>"),
        (None, "  ", "(no text)"),
        ({}, "", "(no text)"),
        ({"message": "x" * 900}, "raw", "x" * 500),
    ],
)
def test_the_servers_own_words_are_found(payload, text, message):
    assert message_of(reply(400, payload, text)) == message


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fault(Progress.UNSENT), ReadKind.RETRY),
        (fault(Progress.SENDING), ReadKind.RETRY),
        (fault(Progress.ANSWERED, 401), ReadKind.RETRY),
        (reply(200, {"status": "success"}), ReadKind.OK),
        (reply(200, {"status": "failure"}), ReadKind.REFUSED),
        (reply(200, {}), ReadKind.REFUSED),
        (reply(200, [], "[]"), ReadKind.RETRY),
        (reply(200, None, "<html>"), ReadKind.RETRY),
        (reply(401), ReadKind.UNAUTHORIZED),
        (reply(429), ReadKind.LIMITED),
        (reply(401, errors(PER_MINUTE)), ReadKind.LIMITED),
        (reply(408), ReadKind.RETRY),
        (reply(500), ReadKind.RETRY),
        (reply(503), ReadKind.RETRY),
        (reply(302), ReadKind.REFUSED),
        (reply(400), ReadKind.REFUSED),
        (reply(403), ReadKind.REFUSED),
        (reply(404), ReadKind.REFUSED),
    ],
    ids=name,
)
def test_a_reads_answer_has_its_kind(answer, kind):
    assert classify_read(answer) is kind


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (50, 60.0)])
def test_the_back_off_is_jittered_below_a_ceiling_that_doubles(attempt, ceiling):
    assert backoff(attempt, 1.0, 60.0, lambda: 0.0) == 0.0
    assert backoff(attempt, 1.0, 60.0, lambda: 0.5) == ceiling / 2


@pytest.mark.parametrize("attempt", [1000, 1001, 10**6])
def test_the_back_off_bears_very_many_attempts(attempt):
    assert backoff(attempt, 1.0, 60.0, lambda: 0.5) == 30.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [(299, K.INDETERMINATE), (300, K.REJECTED), (399, K.REJECTED), (402, K.INDETERMINATE), (418, K.INDETERMINATE)],
)
def test_without_a_body_the_status_line_alone_proves_a_redirect(status, kind):
    assert classify(fault(Progress.ANSWERED, status)).kind is kind


def test_unsent_gives_its_cause_and_a_limited_reply_the_servers():
    assert classify(fault(Progress.UNSENT)).message == "what happened"
    assert classify(reply(429, errors(PER_MINUTE))).message == PER_MINUTE


def test_a_refusal_of_400_is_no_redirect():
    assert classify(reply(400, errors("no"))).message == "HTTP 400: no"


def test_a_retry_after_of_many_digits_is_a_long_wait():
    assert wait_of(reply(429, retry_after="1" * 5000)) == 1e9
    assert wait_of(reply(429, retry_after="999999999")) == 999_999_999.0


def test_the_highest_attempts_keep_to_even_a_high_ceiling():
    assert backoff(1000, 1e-300, 1e300, lambda: 1.0) == 1e-300 * 2.0**999
    assert backoff(1001, 1e-300, 1e300, lambda: 1.0) == 1e300


def test_a_read_whose_429_was_cut_off_is_limited_all_the_same():
    assert classify_read(fault(Progress.ANSWERED, 429)) is ReadKind.LIMITED
    assert classify_read(fault(Progress.ANSWERED, 503)) is ReadKind.RETRY


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(400, errors("Campaign not found")), True),
        (reply(404, errors("Campaign not found")), True),
        (reply(404, errors("Not Found")), True),
        (reply(404, {"message": "campaign cd-1 NOT FOUND"}), True),
        (reply(400, errors("Validation errors/ Invalid arguments")), False),
        (reply(400, errors("App not found")), False),
        (reply(404, {"message": "no Route matched with those values"}), False),
        (reply(404, None, "<html>Campaign not found</html>"), False),
        (reply(401, errors("Campaign not found")), False),
        (reply(500, errors("Campaign not found")), False),
        (reply(200, errors("Campaign not found")), False),
        (reply(400, errors(f"Campaign not found. {OLDER}")), False),
        (fault(Progress.ANSWERED, 404), False),
    ],
)
def test_only_the_platforms_own_words_say_not_found(answer, expected):
    assert is_not_found(answer) is expected


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(200, []), "ok"),
        (reply(200, {"contactLists": []}), "ok"),
        (reply(200, {"status": "success"}), "ok"),
        (reply(200, {"status": "failed"}), "refused"),
        (reply(200, {"errors": [{"msg": "no"}]}), "refused"),
        (reply(200, text="<html>"), "retry"),
        (reply(500, []), "retry"),
        (reply(201, []), "refused"),
        (reply(429, []), "limited"),
        (Fault(Progress.SENDING, "no answer", None, 1.0), "retry"),
    ],
)
def test_contact_lists_may_come_without_a_status(answer, kind):
    assert classify_lists(answer) == kind


@pytest.mark.parametrize(
    ("answer", "may"),
    [
        (reply(400), True),
        (reply(412), True),
        (reply(404), False),
        (reply(200), False),
        (reply(400, text="You have exceeded the hourly rate limit"), False),
        (Fault(Progress.ANSWERED, "cut off", 1.0, 1.0, 400), False),
    ],
)
def test_only_a_refusal_may_be_about_the_order_of_a_list(answer, may):
    assert may_refuse_order(answer) is may


def test_what_was_not_sent_says_what_to_do_where_that_is_known():
    plain = Fault(Progress.UNSENT, "TLS failed", None, 0.1)

    assert classify(plain).message == "TLS failed"
    assert classify(replace(plain, fix="give its CA")).message == "TLS failed; give its CA"


def test_only_a_refused_token_is_told_with_the_clock():
    off = {"date": "Wed, 04 Mar 2026 12:00:00 GMT", "sent_at": 1772625600.0 + 601, "elapsed": 0.1}
    said = "; this machine's clock is 10 min ahead of the host's"

    assert words_of(reply(401, text="no", **off)) == f"HTTP 401: no{said}"
    assert words_of(reply(403, text="no", **off)) == "HTTP 403: no"
    assert words_of(reply(401, text="no", **{**off, "sent_at": 1772625661.0})) == "HTTP 401: no"  # a minute is no fault
