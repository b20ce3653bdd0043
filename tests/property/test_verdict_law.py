import math
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from email.utils import format_datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.attempt.verdict import (
    ReadKind,
    Verdict,
    VerdictKind,
    backoff,
    classify,
    classify_read,
    message_of,
    wait_of,
)
from orchestrator.model import Fault, Progress, Reply

words = st.sampled_from(["Active", "active", "failure", "Ready", "exceeded the hourly rate limit", "<html>"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | words
keys = st.sampled_from(["status", "errors", "msg", "message", "error", "updatedAt", "data"]) | st.text(max_size=5)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
dates = st.datetimes(timezones=zones | st.just(UTC)).map(format_datetime)
headers = st.none() | st.text(max_size=40) | st.integers().map(str) | dates
statuses = st.integers(100, 599) | st.sampled_from([200, 401, 408, 429, 500])


replies = st.builds(
    Reply,
    statuses,
    json_values,
    st.text(max_size=40) | words,
    st.floats(0, 4e9),
    st.floats(0, 100),
    headers,
    headers,
)
faults = st.builds(
    Fault, st.sampled_from(Progress), st.text(max_size=20), st.none() | st.floats(0, 4e9), st.just(0.1), st.none()
) | st.builds(Fault, st.just(Progress.ANSWERED), st.text(max_size=20), st.just(0.0), st.just(0.1), statuses)


def says_active(payload):
    said = payload.get("status") if isinstance(payload, dict) else None
    return isinstance(said, str) and said.casefold() == "active"


@settings(max_examples=100)
@given(replies | faults)
def test_every_answer_has_a_verdict_and_never_a_guess(answer):
    verdict = classify(answer)
    assert isinstance(verdict, Verdict)
    assert isinstance(verdict.kind, VerdictKind)
    status = answer.http_status
    accepted = isinstance(answer, Reply) and 200 <= status < 300 and says_active(answer.payload)
    assert (verdict.kind is VerdictKind.ACCEPTED) is accepted
    unsent = isinstance(answer, Fault) and answer.progress is Progress.UNSENT
    assert (verdict.kind is VerdictKind.NOT_SENT) is unsent
    if verdict.kind in {VerdictKind.REJECTED, VerdictKind.LIMITED, VerdictKind.UNAUTHORIZED}:
        assert status is not None
        assert 300 <= status < 500


@settings(max_examples=100)
@given(replies)
def test_a_wait_is_a_number_of_seconds(answer):
    seconds = wait_of(answer)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@settings(max_examples=100)
@given(replies | faults)
def test_every_answer_to_a_read_has_a_kind(answer):
    assert classify_read(answer) in ReadKind


@settings(max_examples=100)
@given(st.integers(1, 10**9), st.floats(0.001, 100), st.floats(0.001, 1e5), st.floats(0, 1, exclude_max=True))
def test_a_back_off_lies_between_zero_and_its_highest_value(attempt, low, high, drawn):
    assert 0 <= backoff(attempt, low, high, lambda: drawn) <= high


REFUSED = {400, 403, 404, 405, 412, 422, *range(300, 400)}
LIMIT_TEXTS = ("exceeded the per-minute rate limit", "exceeded the hourly rate limit", "rate limit for this api has")


def by_the_design(answer):
    """The verdict by the rows of the design's table, read from the top."""
    status = answer.http_status
    if isinstance(answer, Fault) and answer.progress is Progress.UNSENT:
        return VerdictKind.NOT_SENT
    said = f"{answer.text} {message_of(answer)}".lower() if isinstance(answer, Reply) else ""
    if status == 429 or (status and 400 <= status < 500 and any(text in said for text in LIMIT_TEXTS)):
        return VerdictKind.LIMITED
    if status == 401:
        return VerdictKind.UNAUTHORIZED
    if status in REFUSED:
        return VerdictKind.REJECTED
    success = isinstance(answer, Reply) and 200 <= status < 300
    return VerdictKind.ACCEPTED if success and says_active(answer.payload) else VerdictKind.INDETERMINATE


@settings(max_examples=200)
@given(replies | faults)
def test_every_answer_has_the_verdict_of_the_designs_table(answer):
    assert classify(answer).kind is by_the_design(answer)


@settings(max_examples=100)
@given(replies)
def test_the_servers_words_are_never_empty_nor_endless(answer):
    message = message_of(answer)
    assert 0 < len(message) <= 500
    assert message.strip()


@settings(max_examples=100)
@given(replies, st.floats(0, 4e9), headers)
def test_a_whole_answer_means_the_same_whenever_it_came(answer, sent_at, date):
    again = replace(answer, sent_at=sent_at, date=date)
    assert classify(again).kind is classify(answer).kind
    assert classify_read(again) is classify_read(answer)
