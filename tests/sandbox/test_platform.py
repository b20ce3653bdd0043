from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.listing import list_page
from orchestrator.sandbox.platform import Call, Campaign, Limit, Platform, World
from orchestrator.sandbox.world import demo_world, world_of

NOW = 1750948670.069
STAMP = "2025-06-26T14:37:50.069Z"
ACCOUNT = "a" * 24
LIMITED = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."


THREE = Limit(3, 10.0)


def platform_of(limit=THREE, retry_after="seconds", **fields):
    accounts = [(ACCOUNT, "cs-1", "s" * 32, "HS256")]
    world = world_of(accounts, [(ACCOUNT, "st-1", "cd-1", "One", "sms")], limit)
    campaign = replace(world.campaigns[0], **fields)
    return Platform(World(world.accounts, (campaign,)), retry_after=retry_after)


def call(op, campaign="cd-1", kind="sms", **body):
    return Call(op, ACCOUNT, "st-1", campaign, kind, body)


@pytest.mark.parametrize("state", ["Ready", "Stopped", "Completed", "Paused"])
def test_play_activates_a_startable_campaign(state):
    platform = platform_of(status=state)
    assert platform.act(call("start"), NOW) == (
        200,
        {"status": "Active", "message": "Campaign Started", "updatedAt": STAMP},
    )
    now = platform.campaign("st-1", "cd-1")
    assert (now.status, now.updated_at) == ("Active", STAMP)
    assert now.instance_id.startswith("cid-")
    assert [(one.account_id, one.stream, one.campaign, one.at) for one in platform.starts] == [
        (ACCOUNT, "st-1", "cd-1", NOW)
    ]
    assert platform.hazards == []


def test_a_second_play_is_refused_counted_and_a_hazard():
    platform = platform_of()
    platform.act(call("start"), NOW)
    status, body = platform.act(call("start"), NOW + 1)
    assert (status, body["errors"][0]["code"]) == (400, 400)
    assert platform.start_counts["st-1/cd-1"] == 2
    assert len(platform.starts) == 1
    assert [one.kind for one in platform.hazards] == ["duplicate"]


def test_a_rerun_is_accepted_with_a_new_instance_and_a_hazard():
    platform = platform_of()
    platform.act(call("start"), NOW)
    first = platform.campaign("st-1", "cd-1").instance_id
    platform.act(call("stop"), NOW + 1)
    assert platform.act(call("start"), NOW + 2)[0] == 200
    assert platform.campaign("st-1", "cd-1").instance_id != first
    assert [one.kind for one in platform.hazards] == ["rerun"]
    assert platform.start_counts["st-1/cd-1"] == len(platform.starts) == 2


@pytest.mark.parametrize("fields", [{"status": "Preparing"}, {"scheduled": True}, {"status": "Scheduled"}])
def test_what_cannot_be_started_is_refused(fields):
    platform = platform_of(**fields)
    assert platform.act(call("start"), NOW)[0] == 400
    assert platform.start_counts["st-1/cd-1"] == 0
    assert [one.kind for one in platform.hazards] == ["not_startable"]


@pytest.mark.parametrize("op", ["start", "stop", "status", "get"])
def test_an_unknown_campaign_is_400(op):
    body = {"errors": [{"msg": "Campaign not found", "code": 400}]}
    assert platform_of().act(call(op, "cd-404"), NOW) == (400, body)


def test_a_campaign_of_the_other_type_is_not_found():
    assert platform_of().act(call("start", kind="voice"), NOW)[0] == 400


def test_stop_answers_as_documented():
    platform = platform_of()
    platform.act(call("start"), NOW)
    assert platform.act(call("stop"), NOW)[1] == {
        "status": "Stopped",
        "message": "Campaign Stopped",
        "updatedAt": STAMP,
        "campaignExecutionType": "NORMAL",
    }


def test_voice_replies_name_the_instance():
    platform = platform_of(type="voice")
    _, started = platform.act(call("start", kind="voice"), NOW)
    _, stopped = platform.act(call("stop", kind="voice"), NOW)
    assert started["totalCallsCompleted"] == 0
    assert started["campaignInstanceId"] == stopped["campaignInstanceId"]
    assert "campaignExecutionType" not in stopped


def test_status_and_details_envelopes():
    platform = platform_of(dnc_list="no-calls", contact_lists=("customers",))
    assert platform.act(call("status"), NOW)[1] == {
        "status": "success",
        "data": {"id": "cd-1", "status": "Ready", "name": "One"},
    }
    got = platform.act(call("get"), NOW)[1]
    assert got["message"] == "Campaign One retrieved successfully"
    assert (got["data"]["_id"], got["data"]["dncLists"]) == ("cd-1", {"name": "no-calls"})
    assert got["data"]["contactLists"] == ["customers"]


def test_a_list_item_has_an_instance_only_after_a_start():
    platform = platform_of()
    (before,) = platform.act(call("list", type="sms"), NOW)[1]["data"]["results"]
    platform.act(call("start"), NOW)
    (after,) = platform.act(call("list", type="sms"), NOW)[1]["data"]["results"]
    assert "campaignInstanceId" not in before
    assert (after["status"], after["campaignInstanceUpdatedAt"], after["id"]) == ("Active", STAMP, "cd-1")


def test_a_list_is_of_one_stream_and_type():
    platform = platform_of()
    platform.put(Campaign("st-1", "cd-2", "Two", ACCOUNT, "voice"))
    platform.put(Campaign("st-2", "cd-3", "Three", ACCOUNT))
    (item,) = platform.act(call("list", type="voice"), NOW)[1]["data"]["results"]
    assert item["_id"] == "cd-2"
    assert "id" not in item


def listed(body):
    world = demo_world(accounts=1, campaigns=120)
    first = world.campaigns[0]
    return Platform(world).act(Call("list", first.account_id, first.stream, body={"type": "sms"} | body), NOW)


@pytest.mark.parametrize(
    ("body", "first", "size", "more"),
    [
        ({}, 1, 50, True),
        ({"limit": 500}, 1, 50, True),
        ({"page": 3}, 101, 20, False),
        ({"page": 2, "skip": 50, "limit": 50}, 51, 50, True),
        ({"skip": 119, "limit": 10}, 120, 1, False),
        ({"skip": "", "page": "", "limit": ""}, 1, 50, True),
        ({"sortBy": {"name": "desc"}, "limit": 1}, 99, 1, True),
    ],
)
def test_pages_of_a_list(body, first, size, more):
    data = listed(body)[1]["data"]
    assert data["results"][0]["id"] == f"cd-1-{first:04d}"
    assert (len(data["results"]), data["hasMore"], data["totalResults"]) == (size, more, 120)
    assert data["totalPages"] == -(-120 // data["limit"])


def test_a_list_can_be_filtered_by_status():
    assert listed({"filters": {"status": ["Active"]}})[1]["data"]["totalResults"] == 0
    assert listed({"filters": {"status": ["Ready"]}})[1]["data"]["totalResults"] == 120


@pytest.mark.parametrize(
    "body", [{"type": "fax"}, {"limit": "ten"}, {"skip": -1}, {"page": True}, {"sortBy": {"x": "asc"}}, {"filters": 1}]
)
def test_a_wrong_list_body_is_412(body):
    assert listed(body)[0] == 412


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 200), ({"sortBy": {}}, 200), ({"sortBy": {"createdAt": "asc"}}, 412), ({"sortBy": {"name": "asc"}}, 200)],
)
def test_an_account_may_refuse_an_order_without_the_name(body, status):
    """The documentation asks for it, and its own sample has none."""
    world = demo_world()
    strict = replace(world, accounts=tuple(replace(one, sorts_lists=False) for one in world.accounts))
    first = world.campaigns[0]
    call = Call("list", first.account_id, first.stream, body={"type": "sms"} | body)

    assert Platform(strict).act(call, 0.0)[0] == status
    assert Platform(world).act(call, 0.0)[0] == 200


def test_the_window_slides():
    platform = platform_of()
    assert [platform.arrive(ACCOUNT, at) for at in (0.0, 4.0, 8.0)] == [None] * 3
    limited = platform.arrive(ACCOUNT, 9.0)
    assert (limited.http_status, limited.headers) == (429, {"Retry-After": "1"})
    assert limited.json == {"errors": [{"msg": LIMITED, "code": 429}]}
    assert platform.arrive(ACCOUNT, 10.0) is None
    assert platform.arrive(ACCOUNT, 13.9) is not None
    assert platform.arrive(ACCOUNT, 14.0) is None
    counts = platform.record()["accounts"][ACCOUNT]
    assert counts == {"arrivals": 7, "peak": 5, "throttled": 2, "refused": 0}


@pytest.mark.parametrize(
    ("mode", "headers"),
    [("seconds", {"Retry-After": "8"}), ("date", {"Retry-After": "Thu, 01 Jan 1970 00:00:10 GMT"}), ("none", {})],
)
def test_retry_after_has_three_forms(mode, headers):
    platform = platform_of(Limit(1, 9.5), mode)
    platform.arrive(ACCOUNT, 0.0)
    assert platform.arrive(ACCOUNT, 2.0).headers == headers


def test_another_retry_after_mode_is_refused():
    with pytest.raises(ValueError, match="seconds, date, none"):
        platform_of(retry_after="never")


def test_a_refused_arrival_uses_up_nothing():
    platform = platform_of(Limit(1, 10.0))
    platform.arrive(ACCOUNT, 0.0)
    assert platform.refuse(ACCOUNT, 0.0).http_status == 429
    assert platform.arrive(ACCOUNT, 1.0) is None


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(1, 5), st.integers(1, 50))
def test_no_window_admits_more_than_the_limit(times, calls, seconds):
    platform = platform_of(Limit(calls, float(seconds)))
    admitted = [at for at in sorted(times) if platform.arrive(ACCOUNT, float(at)) is None]
    assert all(sum(at <= other < at + seconds for other in admitted) <= calls for at in admitted)


class Counted:
    """A campaign that counts how often it is shown."""

    shown = 0

    def __init__(self, campaign):
        self._campaign = campaign

    def __getattr__(self, name):
        Counted.shown += name == "contact_lists"
        return getattr(self._campaign, name)


def test_a_page_shows_no_campaign_that_is_not_on_it():
    campaigns = [Counted(Campaign("s", f"cd-{n}", f"cd-{n}", "a")) for n in range(1000)]
    page = list_page(campaigns, {"type": "sms", "skip": 100, "limit": 50, "sortBy": {"createdAt": "asc"}})

    assert [one["id"] for one in page["results"]] == [f"cd-{n}" for n in range(100, 150)]
    assert page["totalResults"] == 1000
    assert Counted.shown == 50
