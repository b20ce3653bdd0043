"""What one reply or fault means (design section 2), and how long to wait before attempt n."""

from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from orchestrator.core.text import duration
from orchestrator.model import Fault, Progress, Reply, value


class VerdictKind(StrEnum):
    """The result of one start attempt."""

    NOT_SENT = "not_sent"  # no byte left: safe to try again
    LIMITED = "limited"  # refused at the rate limiter: the whole lane waits, then again
    UNAUTHORIZED = "unauthorized"  # refused at the token check: a new token, once
    REJECTED = "rejected"  # refused for good: failed
    ACCEPTED = "accepted"  # the platform reports Active: started
    INDETERMINATE = "indeterminate"  # it may have started: probe, never send again


@value
class Verdict:
    """A decision as a value."""

    kind: VerdictKind
    message: str
    updated_at: str | None = None


_STATUS: Final[Mapping[int, VerdictKind]] = MappingProxyType(
    dict.fromkeys((400, 403, 404, 405, 412, 422), VerdictKind.REJECTED)
    | {401: VerdictKind.UNAUTHORIZED, 429: VerdictKind.LIMITED}
)

# kore-api.md section 4: the documented texts, in the wordings of three generations of the documentation.
_LIMIT_TEXTS: Final = (
    "exceeded the per-minute rate limit",
    "exceeded the hourly rate limit",
    "rate limit for this api has been reached",
)


BAD_SKEW: Final = 60.0
"""Seconds that a clock may be off. A token's times are checked by the platform's clock, and it lives for minutes."""


def classify(answer: Reply | Fault) -> Verdict:
    """The verdict on one start attempt. Everything that no row names is INDETERMINATE."""
    if isinstance(answer, Fault):
        return _classify_fault(answer)
    if 200 <= answer.http_status < 300:
        return _classify_success(answer)
    return _classify_refusal(answer)


def _classify_fault(fault: Fault) -> Verdict:
    if fault.progress is Progress.UNSENT:
        return Verdict(VerdictKind.NOT_SENT, f"{fault.text}; {fault.fix}" if fault.fix else fault.text)
    status = fault.http_status
    if status is not None and (status in _STATUS or 300 <= status < 400):
        # The status line alone proves these; only the body was lost.
        return Verdict(_STATUS.get(status, VerdictKind.REJECTED), f"HTTP {status}; {fault.text}")
    return Verdict(VerdictKind.INDETERMINATE, fault.text)


def _classify_success(reply: Reply) -> Verdict:
    state = reply.payload.get("status") if isinstance(reply.payload, dict) else None
    # A 2xx may carry a failure in its body. Only the word Active confirms a start.
    if isinstance(state, str) and state.casefold() == "active":
        updated_at = reply.payload.get("updatedAt")
        return Verdict(VerdictKind.ACCEPTED, message_of(reply), updated_at=_text_or_none(updated_at))
    return Verdict(VerdictKind.INDETERMINATE, f"HTTP {reply.http_status} without status Active: {message_of(reply)}")


def _classify_refusal(reply: Reply) -> Verdict:
    if is_limited(reply):
        return Verdict(VerdictKind.LIMITED, message_of(reply))
    if 300 <= reply.http_status < 400:
        return Verdict(VerdictKind.REJECTED, f"HTTP {reply.http_status}: redirects are never followed")
    return Verdict(_STATUS.get(reply.http_status, VerdictKind.INDETERMINATE), words_of(reply))


def is_limited(reply: Reply) -> bool:
    """Whether the reply is the rate limiter's: 429, or a 4xx with a documented text (kore-api.md section 4)."""
    folded = f"{reply.text} {message_of(reply)}".casefold()
    return reply.http_status == 429 or (400 <= reply.http_status < 500 and any(text in folded for text in _LIMIT_TEXTS))


def is_hourly(reply: Reply) -> bool:
    """Whether a limiter's reply is about the hour: waiting for a minute will not help."""
    return "hourly" in f"{reply.text} {message_of(reply)}".casefold()


def wait_of(reply: Reply) -> float | None:
    """Seconds that the reply's `Retry-After` asks for (RFC 9110 section 10.2.3); None: missing or unusable."""
    if reply.retry_after is None:
        return None
    asked = reply.retry_after.strip()
    # `isdigit` alone is true for "²", which int() refuses; it also refuses a text of more than 4,300 digits.
    if asked.isascii() and asked.isdigit():
        return float(min(int(asked[:12]), 10**9))
    due = _http_date(asked)
    if due is None:
        return None
    # Both times are from the server's clock, so ours need not be right.
    said = _http_date(reply.date or "")
    return max(0.0, due - (said if said is not None else reply.sent_at + reply.elapsed))


def clock_offset(reply: Reply) -> float | None:
    """Seconds by which this machine's clock is ahead of the server's `Date`, or behind it (negative); None: no Date.

    The server wrote it, in whole seconds, between our first byte and its answer: a difference within that time counts
    as none.
    """
    said = _http_date(reply.date or "")
    if said is None:
        return None
    return max(reply.sent_at - (said + 1.0), 0.0) or min(reply.sent_at + reply.elapsed - said, 0.0)


def words_of(reply: Reply) -> str:
    """The status and the server's own words; for a refused token also a clock that is far off."""
    offset = clock_offset(reply) if reply.http_status == 401 else None
    words = f"HTTP {reply.http_status}: {message_of(reply)}"
    return words if offset is None or abs(offset) <= BAD_SKEW else f"{words}; this machine's clock is {skew(offset)}"


def skew(offset: float) -> str:
    """A clock's offset in words: `10 min behind the host's`."""
    return f"{duration(abs(offset))} {'behind' if offset < 0 else 'ahead of'} the host's"


def _http_date(text: str) -> float | None:
    try:
        stamp = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    # RFC 9110 knows GMT only; "-0000" parses as naive and means UTC.
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()


def message_of(reply: Reply) -> str:
    """The server's own words: `errors[].msg`, `message`, `error`, else the raw text (kore-api.md section 5)."""
    payload = reply.payload if isinstance(reply.payload, dict) else {}
    errors = payload.get("errors")
    said: list[Any] = [e.get("msg") for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    for words in (*said, payload.get("message"), payload.get("error"), reply.text):
        if isinstance(words, str) and words.strip():
            # Cut, as it goes into the journal and every report: a proxy may answer with a whole page.
            return words[:500]
    return "(no text)"


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


class ReadKind(StrEnum):
    """What a reply to a read means: reads may be repeated freely."""

    OK = "ok"
    RETRY = "retry"
    LIMITED = "limited"
    UNAUTHORIZED = "unauthorized"
    REFUSED = "refused"


def classify_read(answer: Reply | Fault) -> ReadKind:
    """The verdict on a list, status or get call. A 200 may carry a failure (kore-api.md section 0, fact 5)."""
    if isinstance(answer, Fault):
        # The status line alone proves a 429: to ask again at once would run into the rate limit.
        return ReadKind.LIMITED if answer.http_status == 429 else ReadKind.RETRY
    if is_limited(answer):
        return ReadKind.LIMITED
    if answer.http_status == 401:
        return ReadKind.UNAUTHORIZED
    if answer.http_status >= 500 or answer.http_status == 408:
        return ReadKind.RETRY
    if answer.http_status == 200 and isinstance(answer.payload, dict):
        return ReadKind.OK if answer.payload.get("status") == "success" else ReadKind.REFUSED
    return ReadKind.RETRY if answer.http_status == 200 else ReadKind.REFUSED


def classify_lists(answer: Reply | Fault) -> ReadKind:
    """The verdict on a call for contact lists, whose envelope is not documented: it may lack a `status`."""
    if isinstance(answer, Reply) and answer.http_status == 200:
        body = answer.payload
        if isinstance(body, list) or (isinstance(body, dict) and not body.keys() & {"status", "errors"}):
            return ReadKind.OK
    return classify_read(answer)


def is_not_found(answer: Reply | Fault) -> bool:
    """Whether a status or get call's refusal means that there is no such campaign (kore-api.md section 5).

    Only in the platform's own words: the 404 of a gateway or a wrong host says nothing about a campaign.
    """
    if not isinstance(answer, Reply) or not isinstance(answer.payload, dict) or is_limited(answer):
        return False
    words = message_of(answer).casefold()
    is_named = "campaign" in words and "not found" in words
    return (answer.http_status in {400, 404} and is_named) or (answer.http_status == 404 and "errors" in answer.payload)


def may_refuse_order(answer: Reply | Fault) -> bool:
    """Whether a list's refusal may be about its `sortBy` (kore-api.md section 1.7): then ask once more without it."""
    return isinstance(answer, Reply) and answer.http_status in {400, 412} and not is_limited(answer)


def classify_stop(answer: Reply | Fault) -> ReadKind:
    """The verdict on a stop, which may be repeated as a read may: only a 2xx that says Stopped confirms it."""
    if isinstance(answer, Reply) and 200 <= answer.http_status < 300 and isinstance(answer.payload, dict):
        said = str(answer.payload.get("status", "")).casefold()
        return ReadKind.OK if said == "stopped" else ReadKind.REFUSED
    return classify_read(answer)


def backoff(attempt: int, low: float, high: float, random: Callable[[], float]) -> float:
    """Seconds before the attempt after `attempt` (from 1): full jitter over an exponential ceiling.

    Source: Brooker, "Exponential Backoff And Jitter", 2015. `random` draws from [0, 1).
    """
    # 2.0 ** 1024 overflows. By then the ceiling was reached long ago.
    ceiling = high if attempt > 1000 else min(high, low * 2.0 ** (attempt - 1))
    return random() * ceiling
