"""The quick way of manifests without a fault: what it takes, and what it leaves to `parse`."""

import pytest

from orchestrator.core.manifest.models import parse
from orchestrator.core.manifest_stream import faultless

RAW = {
    "version": 1,
    "launch": "spring",
    "host": "sandbox",
    "accounts": {"acme": {"account_id": "1"}, "beta": {"account_id": "2"}},
    "windows": {"day": {"zones": ["UTC"], "hours": "09:00-17:00"}},
}


def rows(count, **more):
    return [{"stream": "s", "campaign": f"c-{n}", "account": "acme", **more} for n in range(count)]


def test_rows_alone_make_a_manifest():
    assert faultless(RAW, iter(rows(250))) == parse(RAW, rows(250))[0]


def test_rows_follow_the_inline_campaigns_and_all_have_the_defaults():
    raw = {**RAW, "defaults": {"account": "beta", "window": "day"}, "campaigns": [{"stream": "s", "campaign": "first"}]}
    found = faultless(raw, [{"stream": "s", "campaign": "second", "account": "acme"}])

    assert [(c.campaign, c.account, c.window) for c in found.campaigns] == [
        ("first", "beta", "day"), ("second", "acme", "day"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"campaigns": {}}, {}),
        ({"campaigns": None}, {}),
        ({"waves": [{"name": "w"}]}, {}),
        ({"waves": None}, {}),
        ({"host": "https://kore.example"}, {}),
        ({"accounts": {"acme": {"account_id": "1"}, "beta": {"account_id": "1"}}}, {}),
        ({"windows": {"day": {"zones": ["UTC"], "hours": "09:00-17:00", "except_": []}}}, {}),
        ({"launch": "no launch"}, {}),
        ({}, {"account": "gamma"}),
        ({}, {"account": ""}),
        ({}, {"window": "night"}),
        ({}, {"tags": "not a list"}),
        ({}, {"colour": "red"}),
        ({"accounts": {"acme": {"account_id": "1"}}}, {"account": "gamma", "window": "day"}),
    ],
)
def test_a_fault_is_left_to_parse(change, row):
    assert faultless({**RAW, **change}, rows(2, **row)) is None


def test_a_manifest_without_campaigns_is_at_fault():
    assert faultless(RAW, ()) is None


@pytest.mark.parametrize("apart", [1, 99, 150])
def test_a_pair_listed_twice_is_a_fault_however_far_apart(apart):
    assert faultless(RAW, [*rows(apart), rows(1)[0]]) is None


def test_a_table_that_repeats_a_row_is_not_read_to_its_end():
    table = iter(rows(1) * 1000)

    assert faultless(RAW, table) is None
    assert len(list(table)) == 900
