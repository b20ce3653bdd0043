"""The one parse: rows are streamed, faults are collected with their places, and neither takes memory without end."""

import weakref
from itertools import chain, count, repeat

import pytest

from orchestrator.core.manifest import checks
from orchestrator.core.manifest.checks import MAX_ISSUES
from orchestrator.core.manifest.parse import parse

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
    manifest, issues = parse(RAW, iter(rows(250)))

    assert issues == ()
    assert [campaign.campaign for campaign in manifest.campaigns] == [f"c-{n}" for n in range(250)]


def test_rows_follow_the_inline_campaigns_and_take_the_defaults():
    raw = {**RAW, "defaults": {"account": "beta", "window": "day"}, "campaigns": [{"stream": "s", "campaign": "first"}]}
    found, _ = parse(raw, iter([{"stream": "s", "campaign": "second", "account": "acme"}]))

    assert [(c.campaign, c.account, c.window) for c in found.campaigns] == [
        ("first", "beta", "day"), ("second", "acme", "day"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "row", "path"),
    [
        ({"campaigns": {}}, {}, ("campaigns",)),
        ({"campaigns": None}, {}, ("campaigns",)),
        ({"waves": [{"name": "w", "tags": ["x"]}]}, {}, ("waves", 0, "tags")),
        ({"waves": None}, {}, ("waves",)),
        ({"host": "https://kore.example"}, {}, ("accounts", "acme", "client_id")),
        (
            {"accounts": {"acme": {"account_id": "1"}, "beta": {"account_id": "1"}}},
            {}, ("accounts", "beta", "account_id"),
        ),
        (
            {"windows": {"day": {"zones": ["UTC"], "hours": "09:00-17:00", "except_": []}}},
            {}, ("windows", "day", "except_"),
        ),
        ({"launch": "no launch"}, {}, ("launch",)),
        ({}, {"account": "gamma"}, ("campaigns", 1, "account")),
        ({}, {"account": ""}, ("campaigns", 1, "account")),
        ({}, {"window": "night"}, ("campaigns", 1, "window")),
        ({}, {"tags": 7}, ("campaigns", 1, "tags")),
        ({}, {"colour": "red"}, ("campaigns", 1, "colour")),
        (
            {"accounts": {"acme": {"account_id": "1"}}},
            {"account": "gamma", "window": "day"}, ("campaigns", 1, "account"),
        ),
    ],
)  # fmt: skip
def test_a_fault_among_rows_has_its_place(change, row, path):
    manifest, issues = parse({**RAW, **change}, iter(rows(2, **row)))

    assert manifest is None
    assert path in {issue.path for issue in issues}


def test_a_manifest_without_campaigns_is_at_fault():
    assert [issue.message for issue in parse(RAW)[1]] == ["has no campaigns"]


@pytest.mark.parametrize("apart", [1, 99, 150])
def test_a_pair_listed_twice_is_found_however_far_apart(apart):
    _, issues = parse(RAW, iter([*rows(apart), rows(1)[0]]))

    assert [(issue.path, issue.other) for issue in issues] == [(("campaigns", apart), ("campaigns", 0))]


def test_a_faulty_row_takes_part_in_the_checks():
    faulty = {**rows(1)[0], "rerun": "yes", "account": "gamma", "tags": ["x", 7]}
    _, issues = parse({**RAW, "waves": [{"name": "w", "tags": ["x"]}]}, iter([*rows(1), faulty]))

    assert {issue.path for issue in issues} == {
        ("campaigns", 1), ("campaigns", 1, "account"), ("campaigns", 1, "rerun"), ("campaigns", 1, "tags", 1),
    }  # fmt: skip


def test_different_pairs_with_one_hash_are_no_duplicates(monkeypatch):
    monkeypatch.setattr(checks, "hash", lambda _: 7, raising=False)
    manifest, issues = parse(RAW, iter(rows(150)))

    assert issues == ()
    assert len(manifest.campaigns) == 150


def test_a_file_that_repeats_one_row_is_not_read_to_its_end():
    _, issues = parse(RAW, repeat(rows(1)[0]))

    assert len(issues) == MAX_ISSUES
    assert {issue.message for issue in issues} == {"s/c-0 is listed twice"}


def test_a_file_of_faulty_rows_is_not_read_to_its_end():
    _, issues = parse(RAW, ({**rows(1)[0], "campaign": n} for n in count()))

    assert {issue.message for issue in issues} == {"must be a string"}
    assert MAX_ISSUES <= len(issues) <= MAX_ISSUES + 100


def test_a_wave_is_not_empty_where_rows_are_left_unread():
    _, issues = parse({**RAW, "waves": [{"name": "w", "tags": ["late"]}]}, repeat(rows(1)[0]))

    assert {issue.path[0] for issue in issues} == {"campaigns"}


def test_a_campaign_far_behind_may_fill_a_wave():
    waves = [{"name": "tagged", "tags": ["late"]}, {"name": "named", "campaigns": ["s/last"]}, {"name": "rest"}]
    late = [{"stream": "s", "campaign": "late", "account": "acme", "tags": ["late"]}]
    last = [{"stream": "s", "campaign": "last", "account": "acme"}]
    manifest, issues = parse({**RAW, "waves": waves}, chain(rows(300), late, last))

    assert issues == ()
    assert len(manifest.campaigns) == 302


def test_whether_rows_are_complete_is_asked_after_they_were_read():
    read = []

    def some():
        read.append("row")
        yield from ()

    assert parse(RAW, some(), is_complete=lambda: not read)[1] == ()


class Row(dict):
    """A mapping that can be watched: plain ones take no weak references."""


def test_rows_are_not_kept():
    alive = []

    def watched():
        for row in rows(1000):
            wide = Row(row)
            alive.append(weakref.ref(wide))
            yield wide
            assert sum(one() is not None for one in alive) <= 201  # two chunks at most

    manifest, _ = parse(RAW, watched())
    assert len(manifest.campaigns) == 1000


@pytest.mark.parametrize(
    "defaults", [{"account": "acme", "type": "fax"}, {"account": 7}, ["acme"], {"acount": "acme"}, {"account": "acne"}]
)
def test_one_mistake_in_the_defaults_is_one_issue(defaults):
    rows = [{"stream": "s", "campaign": f"c{n}"} for n in range(200)]
    raw = {"version": 1, "launch": "x", "host": "sandbox", "accounts": {"acme": {"account_id": "1"}}}
    _, issues = parse({**raw, "defaults": defaults, "campaigns": rows})
    assert [issue.path[0] for issue in issues] == ["defaults"]


def test_rows_without_an_account_are_one_issue_with_their_number():
    rows = [{"stream": "s", "campaign": f"c{n}"} for n in range(200)]
    raw = {"version": 1, "launch": "x", "host": "sandbox", "accounts": {"acme": {"account_id": "1"}}}
    _, [issue] = parse({**raw, "campaigns": rows})
    assert (issue.path, issue.message) == (("campaigns", 0), "has no account; the same goes for 199 other campaigns")
