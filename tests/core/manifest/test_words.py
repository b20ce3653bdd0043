import re

import jsonschema
import pytest

from orchestrator.app.schema import manifest_schema
from orchestrator.core.manifest import words
from orchestrator.core.manifest.parse import parse
from orchestrator.core.manifest.words import DAYS
from orchestrator.model import CampaignType, Window

SCHEMA = jsonschema.Draft202012Validator(manifest_schema())


def read(*, account=None, window=None, wave=None, **campaign):
    """The manifest with these values, which the schema accepts too."""
    raw = {
        "version": 1, "launch": "spring", "host": "sandbox",
        "accounts": {"acme": {"account_id": "67777c", **(account or {})}},
        "windows": {"day": {"zones": ["UTC"], "hours": "09:00-20:00", **(window or {})}},
        "campaigns": [{"stream": "s", "campaign": "c", "account": "acme", **campaign}],
        "waves": [wave] if wave else [],
    }  # fmt: skip
    manifest, issues = parse(raw)
    assert issues == ()
    SCHEMA.validate(raw)
    return manifest


@pytest.mark.parametrize("written", ["SMS", "sms", "Sms"])
def test_a_type_may_be_written_in_any_case(written):
    assert read(type=written).campaigns[0].type is CampaignType.SMS


@pytest.mark.parametrize(
    ("written", "days"),
    [
        (["Monday"], ("mon",)), ("MON", ("mon",)), ("mon-fri", DAYS[:5]), ("Friday-Mon", ("fri", "sat", "sun", "mon")),
        (["mon-wed", "Sunday", "tue"], ("mon", "tue", "wed", "sun")), ("mon-sun", DAYS), ("sat-sat", ("sat",)),
    ],
)  # fmt: skip
def test_days_may_be_whole_names_and_ranges(written, days):
    assert read(window={"days": written}).windows["day"].days == days


@pytest.mark.parametrize("written", ["mo", "mon-", "mon-tue-wed", "mon - fri", [], [["mon"]], "", 1])
def test_other_days_are_refused(written):
    raw = {"windows": {"day": {"zones": ["UTC"], "hours": "09:00-20:00", "days": written}}}
    issue = next(one for one in parse(raw)[1] if one.path == ("windows", "day", "days"))
    assert (issue.message, issue.hint) == ("must be days of the week", "write them as [mon, tue], or mon-fri")


@pytest.mark.parametrize(
    ("written", "tags"),
    [("canary", ("canary",)), ("canary; east", ("canary", "east")), ("a, b  c", ("a", "b", "c")), (" ", ())],
)
def test_tags_may_be_one_text(written, tags):
    manifest = read(tags=written, wave={"name": "w", "tags": written})
    assert (manifest.campaigns[0].tags, manifest.waves[0].tags) == (tags, tags)


@pytest.mark.parametrize(
    ("written", "rate"),
    [("50/60s", (50, 60)), ("60/min", (60, 60)), ("10/s", (10, 1)), ("9/sec", (9, 1)), ("100/hour", (100, 3600))],
)
def test_a_rate_may_be_one_window_of_a_whole_unit(written, rate):
    assert read(account={"rate": written}).accounts["acme"].rate == (Window(*rate),)
    assert read(account={"rate": [written]}).accounts["acme"].rate == (Window(*rate),)


def test_a_pattern_takes_its_words_in_any_case_and_no_others():
    pattern = words._any_case("mon", "tue")
    assert [bool(re.fullmatch(pattern, word)) for word in ("mon", "MON", "tUe", "montue", "mo", "monday")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
