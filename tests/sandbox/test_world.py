import json

import pytest

from orchestrator.sandbox.platform import Limit
from orchestrator.sandbox.world import WorldError, demo_world, load_world

ACCOUNT = {"account_id": "a1", "client_id": "cs-1", "secret": "s" * 32}
CAMPAIGN = {"account_id": "a1", "stream": "st-1", "campaign": "cd-1"}


def world(**changes):
    return {"accounts": [ACCOUNT], "campaigns": [CAMPAIGN]} | changes


def test_the_demonstration_has_two_accounts_of_ten():
    demo = demo_world()
    assert (len(demo.accounts), len(demo.campaigns)) == (2, 20)
    assert len({(one.stream, one.id) for one in demo.campaigns}) == 20


def test_a_json_file(tmp_path):
    path = tmp_path / "world.json"
    campaign = CAMPAIGN | {"type": "voice", "status": "Completed", "contact_lists": ["x"], "dnc_list": "d"}
    path.write_text(json.dumps(world(limit={"calls": 5, "seconds": 1}, campaigns=[campaign])))
    loaded = load_world(path)
    (one,) = loaded.campaigns
    assert (one.name, one.type, one.status, one.contact_lists, one.dnc_list) == (
        "cd-1",
        "voice",
        "Completed",
        ("x",),
        "d",
    )
    assert (loaded.accounts[0].limit, loaded.accounts[0].algorithm) == (Limit(5, 1.0), "HS256")


def test_a_campaign_that_ran_before(tmp_path):
    path = tmp_path / "world.json"
    ran = {"instance_id": "cid-7", "updated_at": "2026-03-01T00:00:00.000Z"}
    path.write_text(json.dumps(world(campaigns=[CAMPAIGN | ran])))
    (one,) = load_world(path).campaigns

    assert (one.instance_id, one.updated_at) == ("cid-7", "2026-03-01T00:00:00.000Z")


def test_a_yaml_file(tmp_path):
    path = tmp_path / "world.yaml"
    path.write_text(
        "accounts: [{account_id: a1, client_id: cs-1, secret: s}]\n"
        "campaigns: [{account_id: a1, stream: st-1, campaign: cd-1, scheduled: true}]\n"
    )
    assert load_world(path).campaigns[0].scheduled


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "the world must be a mapping"),
        (world(speed=1), "unknown field speed"),
        (world(accounts=[]), "accounts must be a list"),
        (world(campaigns={}), "campaigns must be a list"),
        (world(accounts=["a1"]), r"accounts\[0\] must be a mapping"),
        (world(accounts=[ACCOUNT, ACCOUNT]), "account a1 is there twice"),
        (world(accounts=[ACCOUNT | {"algorithm": "none"}]), "algorithm is one of"),
        (world(accounts=[ACCOUNT | {"algorithm": "RS256"}]), "the secret is not a key for RS256"),
        (world(accounts=[ACCOUNT | {"client_id": 7}]), "client_id must be a text"),
        (world(accounts=[ACCOUNT | {"sorts_lists": "no"}]), "sorts_lists must be true or false"),
        (world(campaigns=[CAMPAIGN, CAMPAIGN]), "campaign st-1/cd-1 is there twice"),
        (world(campaigns=[CAMPAIGN | {"account_id": "a2"}]), "no account a2"),
        (world(campaigns=[CAMPAIGN | {"type": "fax"}]), "type is one of sms, voice"),
        (world(campaigns=[CAMPAIGN | {"scheduled": "yes"}]), "scheduled must be true or false"),
        (world(campaigns=[CAMPAIGN | {"contact_lists": "x"}]), "contact_lists must be a list"),
        (world(limit={"calls": "many", "seconds": 1}), "calls must be a whole number"),
        (world(limit={"calls": 1, "seconds": "1"}), "seconds must be a number"),
        (world(limit={"calls": 0, "seconds": 1}), "at least 1 call"),
    ],
)
def test_a_wrong_world_is_explained(tmp_path, document, message):
    path = tmp_path / "world.json"
    path.write_text(json.dumps(document))
    with pytest.raises(WorldError, match=message):
        load_world(path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("w.json", '{"a":\n1,}', "w.json is not JSON: see line 2"),
        ("w.json", "[" * 200_000 + "]" * 200_000, "w.json cannot be read: it is nested too deep"),
        ("w.yaml", "[" * 2000 + "]" * 2000, "w.yaml cannot be read: it is nested too deep"),
    ],
)
def test_a_file_that_is_not_one_value_is_explained(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(WorldError) as caught:
        load_world(tmp_path / name)
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(("name", "text"), [("w.json", "{"), ("w.yaml", "a: [")])
def test_an_unreadable_file_is_explained(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(WorldError, match=name):
        load_world(tmp_path / name)
    with pytest.raises(WorldError, match="No such file"):
        load_world(tmp_path / "missing.yaml")


@pytest.mark.parametrize(
    ("named", "lists"),
    [({}, ("Contacts of cd-1",)), ({"contact_lists": ["vip"]}, ("vip",)), ({"contact_lists": []}, ())],
    ids=["its own", "named", "none"],
)
def test_a_campaign_has_a_contact_list_of_its_own(tmp_path, named, lists):
    account = {"account_id": "a1", "client_id": "cs-1", "secret": "s" * 40}
    campaign = {"account_id": "a1", "stream": "st-1", "campaign": "cd-1", "recipients": 40}
    file = tmp_path / "world.json"
    file.write_text(json.dumps({"accounts": [account], "campaigns": [campaign | named]}), encoding="utf-8")
    assert load_world(file).campaigns[0].contact_lists == lists
