"""The manifest that counts, value by value, with the place where each is written."""

import pytest

from orchestrator.core.manifest.effective import EffectiveValue, effective

BASE = {"version": 1, "launch": "x", "host": "sandbox", "accounts": {"acme": {"account_id": "1"}}}


def values(raw, rows=()):
    return {found.path: found for found in effective({**BASE, **raw}, rows)}


def test_a_campaign_inherits_what_it_does_not_write():
    row = {"stream": "s", "campaign": "c", "window": "night"}
    found = values({"defaults": {"account": "acme", "window": "day"}, "campaigns": [row]})
    path = ("campaigns", 0)

    assert found[*path, "account"] == EffectiveValue((*path, "account"), "acme", ("defaults", "account"))
    assert found[*path, "window"] == EffectiveValue((*path, "window"), "night", (*path, "window"))
    assert found[*path, "enabled"] == EffectiveValue((*path, "enabled"), value=True, origin=None)


def test_rows_of_files_follow_the_campaigns_of_the_manifest():
    row = {"stream": "s", "campaign": "c0", "account": "acme"}
    more = [{**row, "campaign": "c1"}]

    assert [values({"campaigns": [row]}, more)["campaigns", n, "campaign"].value for n in (0, 1)] == ["c0", "c1"]
    assert values({}, more)["campaigns", 0, "campaign"].value == "c1"
    assert values({}, more)["campaigns", 0, "window"].value is None


@pytest.mark.parametrize(("host", "is_shown"), [("sandbox", True), ("https://platform.kore.ai", False)])
def test_the_sandbox_counts_where_it_is_the_host(host, is_shown):
    found = values({"host": host})

    assert any(path[0] == "sandbox" for path in found) is is_shown
    assert found["host",].value == host


@pytest.mark.parametrize("written", [None, [], {}])
def test_what_stands_in_a_sections_place_is_a_value(written):
    assert values({"windows": written})["windows",] == EffectiveValue(("windows",), written, ("windows",))
