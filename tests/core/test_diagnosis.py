from email.utils import formatdate

import pytest

from orchestrator.core.attempt.verdict import words_of
from orchestrator.core.diagnosis import Finding, Grade, of_answer, of_clock, of_disk
from orchestrator.model import Fault, LiveState, Progress, Read
from tests.core.builders import reply

NOW = 1_700_000_000.0
MIB = 2**20
PLENTY = 2**34
OK, WARN, BAD = Grade.OK, Grade.WARN, Grade.BAD


def answer(status=200, payload=None, date_off=0.0, **more):
    payload = {"status": "success"} if payload is None else payload
    return reply(status, payload, sent_at=NOW, elapsed=0.25, date=formatdate(NOW + date_off, usegmt=True), **more)


def refused(status, message):
    return Read(answer(status, {"errors": [{"msg": message}]}))


def of_account(read):
    """What is found of the account itself, without the clock."""
    *found, clock = of_answer("acme", read)
    assert clock.subject == "clock"
    assert {one.subject for one in found} == {"account acme"}
    return [(one.grade, one.message, one.fix) for one in found]


def test_an_account_in_order_is_ok_and_says_what_it_saw():
    seen = {"cd-1": LiveState("Ready")}
    ok = "token and scope are accepted; the list answers (1 campaign"
    assert of_account(Read(answer(), seen)) == [(OK, f"{ok})", "")]
    assert of_account(Read(answer(), seen, more=True)) == [(OK, f"{ok}, and more pages)", "")]


@pytest.mark.parametrize(("number", "counted"), [(0, "0 campaigns"), (1, "1 campaign"), (2, "2 campaigns")])
def test_the_campaigns_of_a_list_are_counted_in_plain_words(number, counted):
    read = Read(answer(), {f"cd-{i}": LiveState("Ready") for i in range(number)})

    assert of_account(read) == [(OK, f"token and scope are accepted; the list answers ({counted})", "")]


NO_SCOPE = "Permission denied. Scope is incorrect!"


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (refused(401, "Invalid SDK credentials"),
         [(BAD, "HTTP 401: Invalid SDK credentials",
           "check client_id, client_secret, algorithm and the stream's app")]),
        (refused(401, NO_SCOPE),
         [(OK, "the token is accepted", ""),
          (BAD, f"HTTP 401: {NO_SCOPE}", "give the app the scope Campaign Management, and publish it")]),
        (refused(500, "Internal Server Error"),
         [(BAD, "HTTP 500: Internal Server Error", "run doctor again when the platform answers")]),
        (refused(403, "the scope is none of ours"),
         [(BAD, "HTTP 403: the scope is none of ours", "run doctor again when the platform answers")]),
        (refused(429, "slow down"),
         [(WARN, "HTTP 429: slow down", "another client is using this account's rate limit: wait, or lower `rate`")]),
    ],
)  # fmt: skip
def test_a_fault_of_an_account_is_reported_with_its_fix(read, found):
    assert of_account(read) == found


def test_a_host_out_of_reach_says_nothing_of_the_clock():
    read = Read(Fault(Progress.UNSENT, "no connection", None, 0.1))
    assert of_answer("acme", read) == [
        Finding(BAD, "account acme", "the host was not reached (no connection)", "check host and network")
    ]


NTP = "set this machine's clock (NTP)"


def test_a_fault_that_knows_its_fix_tells_it():
    fault = Fault(Progress.UNSENT, "TLS failed", None, 0.1, fix="set SSL_CERT_FILE to a file with its CA")
    assert of_answer("acme", Read(fault)) == [
        Finding(BAD, "account acme", "the host was not reached (TLS failed)", "set SSL_CERT_FILE to a file with its CA")
    ]


OFF = "this machine's clock is"
CREDENTIALS = "check client_id, client_secret, algorithm and the stream's app"


@pytest.mark.parametrize(
    ("off", "message", "fix"),
    [
        (60, "HTTP 401: Invalid SDK credentials", CREDENTIALS),
        (600, f"HTTP 401: Invalid SDK credentials; {OFF} 10 min behind the host's", NTP),
        (-602, f"HTTP 401: Invalid SDK credentials; {OFF} 10 min 1 s ahead of the host's", NTP),
    ],
)
def test_a_token_refused_under_a_wrong_clock_is_the_clocks_fault(off, message, fix):
    """Its times are checked by the platform's clock; the secret is right."""
    read = Read(answer(401, {"errors": [{"msg": "Invalid SDK credentials"}]}, off))
    account, clock = of_answer("acme", read)

    assert account == Finding(BAD, "account acme", message, fix)
    assert (clock.grade, clock.fix) == ((WARN, NTP) if off == 60 else (BAD, NTP))
    assert words_of(read.answer) == message


GATEWAY = "check `host`: what answers is not a Kore platform, or is a gateway that needs a sign-in"


@pytest.mark.parametrize(
    ("status", "text", "fix"),
    [
        (300, "", GATEWAY),
        (302, "", GATEWAY),
        (399, "", GATEWAY),
        (200, "<!doctype html><HTML><body>Sign in</body>", GATEWAY),
        (
            400,
            "<html>400 No required SSL certificate was sent</html>",
            "connect to the host without a client certificate: these are not supported",
        ),
        (400, "", "run doctor again when the platform answers"),
        (503, "<html>busy</html>", "run doctor again when the platform answers"),
    ],
)
def test_a_page_instead_of_an_answer_has_a_fix_of_its_own(status, text, fix):
    (account, _) = of_answer("acme", Read(reply(status, None, text=text, sent_at=NOW)))

    assert account.fix == fix


@pytest.mark.parametrize(
    ("off", "found"),
    [
        (0, (OK, "within 5 s of the host's", "")),
        (5, (OK, "within 5 s of the host's", "")),
        (-6, (OK, "within 5 s of the host's", "")),
        (7, (WARN, "7 s behind the host's", NTP)),
        (-8, (WARN, "7 s ahead of the host's", NTP)),
        (60, (WARN, "1 min behind the host's", NTP)),
        (-61, (WARN, "1 min ahead of the host's", NTP)),
        (120, (BAD, "2 min behind the host's", NTP)),
        (-120, (BAD, "1 min 59 s ahead of the host's", NTP)),
    ],
)
def test_the_clock_is_compared_with_the_hosts(off, found):
    assert of_clock(answer(date_off=off)) == Finding(found[0], "clock", *found[1:])


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_a_host_without_a_date_is_no_judge_of_the_clock(date):
    assert of_clock(reply(200, {}, date=date)) == Finding(
        WARN, "clock", "the host sends no usable Date: not compared", "compare it by hand"
    )


OUTLIVES = "keep the ledger on a disk that outlives this machine: without it, the next run knows nothing of this one"
GOES = "tmpfs may be gone with this container or reboot"
IN_CI = "this is a CI job, whose disk (ext4) may be gone after it"


@pytest.mark.parametrize(
    ("kind", "environment", "free", "found"),
    [
        ("ext4", {}, PLENTY, [(OK, "ext4, 16384 MiB free", "")]),
        ("", {"CI": ""}, PLENTY, [(OK, "unknown, 16384 MiB free", "")]),
        ("tmpfs", {}, PLENTY, [(WARN, GOES, OUTLIVES)]),
        ("tmpfs", {"CI": "true"}, PLENTY, [(WARN, GOES, OUTLIVES)]),
        ("ext4", {"CI": "true"}, PLENTY, [(WARN, IN_CI, OUTLIVES)]),
        ("ext4", {"GITLAB_CI": "true"}, PLENTY, [(WARN, IN_CI, OUTLIVES)]),
        ("ext4", {}, 100 * MIB, [(OK, "ext4, 100 MiB free", "")]),
        ("ext4", {}, 100 * MIB - 1, [(BAD, "ext4, 99 MiB are free", "free up space for the ledger")]),
        (
            "tmpfs",
            {},
            2 * MIB,
            [(BAD, "tmpfs, 2 MiB are free", "free up space for the ledger"), (WARN, GOES, OUTLIVES)],
        ),
    ],
)
def test_a_disk_that_may_be_gone_or_is_full_is_told(kind, environment, free, found):
    assert of_disk(kind, environment, free) == [Finding(grade, "disk", *words) for grade, *words in found]
