import pytest

from orchestrator.core.manifest.notes import notes
from orchestrator.core.manifest.parse import parse

ID = "67777ce93e25326494e90001"
REFERENCES = {"client_id": {"env": "A"}, "client_secret": {"env": "B"}}


def noted(*, rate=None, account_id=ID, host="https://platform.kore.ai", campaigns=(("st-1", "cd-1"),), **changes):
    account = {"account_id": account_id, **REFERENCES, **({} if rate is None else {"rate": rate})}
    raw = {
        "version": 1, "launch": "x", "host": host, "accounts": {"acme": account}, "defaults": {"account": "acme"},
        "campaigns": [{"stream": stream, "campaign": campaign} for stream, campaign in campaigns], **changes,
    }  # fmt: skip
    manifest, issues = parse(raw)
    assert issues == ()
    return notes(manifest)


@pytest.mark.parametrize("rate", [None, ["60/60s"], ["50/60s", "10/1s"], ["1/1s"], ["10/10s"], ["60/1h"]])
def test_a_rate_that_the_platform_allows_is_not_noted(rate):
    assert noted(rate=rate) == ()


@pytest.mark.parametrize(
    ("rate", "calls"),
    [
        (["61/60s"], "61"),
        (["2/1s"], "120"),
        (["120/2m"], "120"),
        (["1000/1h"], "1,000"),
        ("unlimited", "any number of"),
    ],
)
def test_a_rate_above_that_of_the_platform_is_noted(rate, calls):
    said = f"account acme may make {calls} calls a minute, but the platform allows 60"
    assert noted(rate=rate) == (said,)
    assert noted(rate=rate, host="https://campaigns.example") == ()


@pytest.mark.parametrize("account_id", ["67777ce93e25326494e9000", "acme"])
def test_an_account_id_that_is_not_24_hex_digits_is_noted(account_id):
    said = f"account acme has the account_id {account_id}, but the platform's have 24 hex digits"
    assert noted(account_id=account_id) == (said,)


def test_swapped_ids_are_one_note_with_the_first_three():
    swapped = [(f"cd-{n}", "st-1") for n in range(5)]
    [note] = noted(campaigns=[("st-1", "cd-1"), *swapped])
    said = "stream and campaign look swapped in 5 campaigns: cd-0/st-1, cd-1/st-1, cd-2/st-1 and 2 more"
    assert note == f"{said}; ids of streams begin with st-, those of campaigns with cd-"


def test_a_tag_that_no_campaign_has_is_noted():
    waves = [{"name": "canary", "campaigns": ["st-1/cd-1"], "tags": ["canry"]}]
    assert noted(waves=waves) == ("wave canary: no campaign has the tag canry",)
