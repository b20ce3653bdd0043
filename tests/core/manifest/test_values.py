from datetime import time
from typing import Annotated

import pytest
from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError

from orchestrator.core.manifest.values import (
    BACKOFF,
    DATE,
    HOST,
    HOURS,
    LEDGER,
    RATE,
    SHARE,
    THRESHOLD,
    WINDOW,
    ZONE,
    Threshold,
    did_you_mean,
    duration,
    seconds,
)
from orchestrator.model import Window

DURATION = ("must be a duration", "write a number and a unit: 500ms, 60s, 10m or 1h")
BACKOFF_FORM = ("must be the first and the longest wait", "write it as 1s..60s")
BACKOFF_ORDER = ("must begin with the shorter wait, and end at 3600s at most", "write it as 1s..60s")
WINDOW_FORM = ("must be calls per time", "write it as 50/60s: at most 50 calls in any 60 seconds")
WINDOW_SIZE = ("must allow at least one call, in 100ms to 24h", "")
RATE_FORM = ("must be a list of one to eight windows", "write it as [50/60s, 10/10s], or unlimited")
SHARE_FORM = ("must be a share", "write a percentage above 0%, such as 100%")
THRESHOLD_FORM = ("must be a number of campaigns or a share of them", "write a whole number from 1, or 20%")
HOURS_FORM = ("must be opening hours", 'write them as "09:00-20:00"')
HOURS_ORDER = ("must open before they close, on the same day", 'write them as "09:00-20:00"')
HOST_FORM = (
    "must be sandbox or the address of a Kore host, without path, user name or query",
    "write it as https://platform.kore.ai",
)
HOST_PLAIN = ("must be https: plain http is for this machine only", "write it as https://…")
LEDGER_FORM = (
    "must be the address of an SQLite or PostgreSQL database",
    "write it as sqlite:///.orchestrator/ledger.db or postgresql://user@host/database",
)
LEDGER_SECRET = ("must not contain a password", "leave it out, and use PGPASSWORD or ~/.pgpass")
DAY = ("must be a date", "write it as 2026-12-25")
TEN = "50/60s"


@pytest.mark.parametrize(
    ("parse", "written", "expected"),
    [
        *((seconds, written, DURATION) for written in ("10", "s", "1d", "", None, True, [], 10**9, -(10**9))),
        *((duration(2, 9).parse, written, ("must be between 2s and 9s", "")) for written in ("1.9s", 1, "10s", 9.001)),
        (duration(0.01, 300).parse, "9ms", ("must be between 0.01s and 300s", "")),
        (duration(60, 30 * 86400).parse, "20s", ("must be between 60s and 720h", "")),
        (duration(2, 9).parse, "2", DURATION),
        *((DATE.parse, written, DAY) for written in ("20261225", "2026-W52-5", "2026-02-30", "", 20261225, None, [])),
        *(
            (BACKOFF.parse, written, BACKOFF_FORM)
            for written in ("1s", "1s..2s..3s", ["1s", "60s"], (1.0,), 5, None, {"1s": 0, "60s": 0})
        ),
        *((BACKOFF.parse, written, BACKOFF_ORDER) for written in ("2s..1s", "1s..3601s", "1s..61m", (-1.0, 2.0))),
        (BACKOFF.parse, "1..2", DURATION),
        *((WINDOW.parse, written, WINDOW_FORM) for written in ("50", "50/60", "/60s", "5.5/60s", 50, None, ["50/60s"])),
        *((WINDOW.parse, written, WINDOW_SIZE) for written in ("0/60s", "1/99ms", "1/86401s", "1/25h", "0/99ms")),
        *((RATE.parse, written, RATE_FORM) for written in ([], [TEN] * 9, None, {}, 50)),
        (RATE.parse, [TEN, "fast"], WINDOW_FORM),
        *(
            (SHARE.parse, written, SHARE_FORM)
            for written in ("0%", "100.1%", "101%", "20", "x%", 0.0, 1.5, 1, None, "1" * 4 + "%")
        ),
        *((THRESHOLD.parse, written, THRESHOLD_FORM) for written in (0, -1, True, 1.5, "0%", "100.5%", "3", "x", None)),
        *(
            (HOURS.parse, written, HOURS_FORM)
            for written in ("9-20", "09:00", "09:00-25:00", "24:00-24:00", 9, None, (time(9), "20:00"), (time(9),), ())
        ),
        *(
            (HOURS.parse, written, HOURS_ORDER)
            for written in ("20:00-09:00", "09:00-09:00", (time(20), time(9)), (time(9), time(9)))
        ),
        *(
            (HOST.parse, written, HOST_FORM)
            for written in ("https://kore.example:65536", "https://kore.example:0", "https://kore.example/api", 7, None)
        ),
        *((HOST.parse, written, HOST_PLAIN) for written in ("http://kore.example", "http://10.0.0.1:8080")),
        *((LEDGER.parse, written, LEDGER_FORM) for written in ("mysql://h/d", "sqlite:///", "x.db", 7, None)),
        (LEDGER.parse, "postgresql://[::1/d", LEDGER_FORM),
        *(
            (LEDGER.parse, written, LEDGER_SECRET)
            for written in ("postgresql://u:pw@h/d", "postgresql://u:@h/d", "postgresql://h/d?password=pw",
                            "postgresql://h/d?x=1&password=")
        ),
    ],
)  # fmt: skip
def test_an_unusable_value_is_answered_with_the_expected_form(parse, written, expected):
    with pytest.raises(PydanticCustomError) as caught:
        parse(written)
    assert (caught.value.message(), caught.value.context["hint"]) == expected


@pytest.mark.parametrize(
    ("parse", "written", "value"),
    [
        (seconds, 999_999_999, 999_999_999.0),
        (seconds, "999999999s", 999_999_999.0),
        (duration(2, 9).parse, "2s", 2.0),
        (duration(2, 9).parse, "9000ms", 9.0),
        (duration(2, 9).parse, 5, 5.0),
        (BACKOFF.parse, "0s..0s", (0.0, 0.0)),
        (BACKOFF.parse, "0s..1h", (0.0, 3600.0)),
        (BACKOFF.parse, "1s..1s", (1.0, 1.0)),
        (BACKOFF.parse, (0.5, 3600.0), (0.5, 3600.0)),
        (WINDOW.parse, "1/100ms", Window(1, 0.1)),
        (WINDOW.parse, "1/24h", Window(1, 86400.0)),
        (WINDOW.parse, "2/1s", Window(2, 1.0)),
        (RATE.parse, [TEN] * 8, (Window(50, 60.0),) * 8),
        (RATE.parse, [TEN], (Window(50, 60.0),)),
        (RATE.parse, (), ()),
        (RATE.parse, "unlimited", ()),
        (SHARE.parse, 1.0, 1.0),
        (SHARE.parse, "100%", 1.0),
        (SHARE.parse, "0.0001%", 0.000001),
        (THRESHOLD.parse, 1, Threshold(count=1)),
        (THRESHOLD.parse, "100%", Threshold(fraction=1.0)),
        (THRESHOLD.parse, Threshold(count=9), Threshold(count=9)),
        (HOURS.parse, "00:00-24:00", (time(0), time.max)),
        (HOURS.parse, "23:58-23:59", (time(23, 58), time(23, 59))),
        (ZONE.parse, "Asia/Kolkata", "Asia/Kolkata"),
        (HOST.parse, "https://kore.example:1", "https://kore.example:1"),
        (HOST.parse, "https://kore.example:65535", "https://kore.example:65535"),
        (HOST.parse, "https://kore.example:080", "https://kore.example:80"),
        (HOST.parse, "http://localhost:443", "http://localhost:443"),
        (HOST.parse, "http://LOCALHOST:80/", "http://localhost"),
        (LEDGER.parse, "sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        *((LEDGER.parse, keys, keys) for keys in ("postgresql://u@h/d?passfile=/run/pgpass&sslkey=/run/k.pem",)),
        (LEDGER.parse, "postgresql+psycopg://u@h/d?sslmode=require", "postgresql+psycopg://u@h/d?sslmode=require"),
    ],
)
def test_the_last_value_within_each_bound_is_read(parse, written, value):
    assert parse(written) == value


def test_a_written_value_fits_its_parser_and_its_schema():
    adapter = TypeAdapter(Annotated[float, duration(2, 9)])
    assert adapter.validate_python("2500ms") == 2.5
    assert adapter.json_schema() == {
        "anyOf": [
            {
                "type": "string",
                "pattern": r"^[0-9]{1,9}(?:\.[0-9]{1,6})?(?:ms|s|m|h)$",
                "examples": ["500ms", "60s", "10m", "1h"],
            },
            {"type": "number", "minimum": 2, "maximum": 9},
        ]
    }


def test_a_duration_keeps_to_its_bounds():
    bounded = duration(2, 9)
    assert (bounded.parse("2s"), bounded.parse("9s")) == (2.0, 9.0)
    for written in ("1999ms", "9001ms"):
        with pytest.raises(PydanticCustomError, match=r"^must be between 2s and 9s$"):
            bounded.parse(written)


def test_a_near_word_is_meant_and_only_the_nearest():
    assert did_you_mean("campain", ["campaign", "campaigns", "account"]) == "did you mean 'campaign'?"


def test_a_word_that_is_not_near_enough_is_not_meant():
    assert did_you_mean("abxyz", ["abcde"]) == "known here: abcde"  # two of five letters agree: less than 0.6


def test_without_a_near_match_a_short_list_of_words_is_given():
    assert did_you_mean("zzz", ["one", "two"]) == "known here: one, two"
    assert did_you_mean("zzz", ["one"]) == "known here: one"
    assert did_you_mean(7, ["one", "two"]) == "known here: one, two"
    assert did_you_mean("zzz", [f"w{n}" for n in range(20)]).startswith("known here: w0, w1")
    assert did_you_mean("zzz", [f"w{n}" for n in range(21)]) == ""
    assert did_you_mean("zzz", []) == ""


def test_among_very_many_words_none_is_looked_for():
    many = [f"word-{n}" for n in range(2000)]
    assert did_you_mean("word-77", many) == "did you mean 'word-77'?"
    assert did_you_mean("word-77", [*many, "one more"]) == ""
