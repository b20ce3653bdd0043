import json

import pytest

from orchestrator.core.discovery import (
    Changes,
    Choice,
    Found,
    changes,
    columns_of,
    csv_text,
    found_in,
    json_item,
    shortened,
    yaml_item,
)
from orchestrator.core.manifest.models import Defaults
from orchestrator.model import CallTarget, CampaignType, Lane, LiveState

DEFAULTS = Defaults(account="acme")
SMS = CampaignType.SMS
TARGET = CallTarget(Lane("h 1"), "1", "st-1", "st-1", SMS)


def found(campaign, **fields):
    return Found("st-1", campaign, "acme", SMS, **fields)


@pytest.mark.parametrize(
    ("choice", "matches"),
    [
        (Choice(), True),
        (Choice(("ready", "Active")), True),
        (Choice(("Active",)), False),
        (Choice(name="spring*"), True),
        (Choice(name="spring"), False),
        (Choice(("Ready",), "*ne"), True),
    ],
)
def test_a_choice_is_by_state_and_by_name_in_any_case(choice, matches):
    assert choice.matches(found("cd-1", name="Spring NE", status="Ready")) is matches


def test_an_id_that_no_manifest_can_hold_is_left_out():
    live = {"cd-1": LiveState("Ready"), "cd/2": LiveState("Ready"), "cd-3\n": LiveState("Ready"), "=1": LiveState("")}

    assert [one.campaign for one in found_in(TARGET, "acme", live)] == ["cd-1"]


def test_foreign_text_is_on_one_line_and_no_longer_than_a_name():
    live = {
        "cd-1": LiveState("Ready", " a\r\n\tb\x00\u202e\ud800 ", contact_lists=("x\ny",)),
        "cd-2": LiveState("", "n" * 600),
    }
    one, other = found_in(TARGET, "acme", live)

    assert (one.name, one.contact_lists) == ("a b\ufffd\ufffd\ufffd", ("x y",))
    assert len(other.name) == 512


def test_a_harmless_cell_is_no_longer_than_a_name_either():
    rows = [found("cd-1", name="=" * 512).cells(DEFAULTS)]

    assert csv_text(rows, ["name"]) == "'" + "=" * 511 + "\n"


def test_account_and_type_are_columns_only_where_they_are_needed():
    own = found("cd-1").cells(DEFAULTS)
    other = Found("st-1", "cd-2", "beta", CampaignType.VOICE).cells(DEFAULTS)

    assert columns_of([own])[:3] == ["stream", "campaign", "name"]
    assert columns_of([own, other])[:5] == ["stream", "campaign", "account", "type", "name"]


@pytest.mark.parametrize(
    ("campaign", "written"),
    [("cd-0e1", "cd-0e1"), ("123", '"123"'), ("1e5", '"1e5"'), ("true", '"true"'), ("2026-01-01", '"2026-01-01"')],
)
def test_an_id_in_yaml_is_a_text(campaign, written):
    assert yaml_item(found(campaign), DEFAULTS) == "{stream: st-1, campaign: " + written + "}"


def test_only_what_was_asked_for_can_be_gone():
    rows = [
        {"stream": "st-1", "campaign": "cd-1"},
        {"stream": "st-1", "campaign": "cd-2", "account": "beta"},
        {"stream": "st-1", "campaign": "cd-3", "type": "voice"},
        {"stream": "st-2", "campaign": "cd-4"},
        {"stream": "st-1", "campaign": "cd-5"},
    ]
    here = found("cd-5", status="Ready")
    new = found("cd-6")
    asked = {("st-1", "acme", SMS)}

    assert changes(rows, [here, new], [here, new], asked, DEFAULTS) == Changes((new,), (0,), {4: "Ready"})


def test_what_a_filter_leaves_out_is_not_gone():
    row = {"stream": "st-1", "campaign": "cd-1"}

    assert changes([row], [found("cd-1")], [], {("st-1", "acme", SMS)}, DEFAULTS).gone == ()


def test_three_are_named_and_the_rest_is_counted():
    assert (shortened("abc"), shortened("abcde")) == ("a, b, c", "a, b, c and 2 more")


def test_a_campaign_as_json_is_one_line_in_every_script():
    line = json_item(found("cd-1", name="Frühling\n東京"), DEFAULTS)

    assert json.loads(line) == {"stream": "st-1", "campaign": "cd-1", "name": "Frühling\n東京"}
    assert "東京" in line
    assert "\n" not in line


def test_what_a_list_says_of_a_campaign_is_kept_in_its_place():
    live = LiveState("Active", "One", contact_lists=("=a", "b"), instance_id="i1", updated_at="T")
    one, bare = found_in(TARGET, "acme", {"cd-1": live, "cd-2": LiveState("Ready")})

    assert one == Found("st-1", "cd-1", "acme", SMS, "One", "Active", ("=a", "b"), "i1", "T")
    assert (bare.instance_id, bare.updated_at) == ("", "")
    assert one.cells(Defaults(account="beta", type="voice")) == {
        "stream": "st-1", "campaign": "cd-1", "account": "acme", "type": "sms", "name": "One",
        "status": "Active", "contact_lists": "'=a; b", "instance_id": "i1", "updated_at": "T",
    }  # fmt: skip


def test_a_column_that_a_row_lacks_is_empty():
    assert csv_text([{"a": "1"}], ["a", "b"]) == "1,\n"


@pytest.mark.parametrize("name", ["no-1", "東京"])
def test_a_name_is_quoted_and_a_type_is_not(name):
    assert yaml_item(found("cd-1", name=name), Defaults(account="acme", type="voice")) == (
        f'{{stream: st-1, campaign: cd-1, type: sms, name: "{name}"}}'
    )
