import pytest

from orchestrator.sandbox import people
from tests.sandbox.test_platform import NOW, STAMP, call, platform_of

CREATED = "2025-06-01T00:00:00.000Z"


def listed(platform, now=NOW):
    _, body = platform.act(call("list", type="sms"), now)
    return body["data"]["results"][0]


def done(platform, action, now=NOW):
    people.ACTIONS[action](platform, platform.campaign("st-1", "cd-1"), now)
    return listed(platform, now)


def test_a_campaign_that_never_ran_has_a_time_but_no_instance():
    item = listed(platform_of())
    assert (item["updatedAt"], item["campaignInstanceUpdatedAt"]) == (CREATED, CREATED)
    assert "campaignInstanceId" not in item


@pytest.mark.parametrize(
    ("action", "changed"),
    [
        ("edit", {"message": {"message": "SGVsbG8uIFJlcGx5IFNUT1AgdG8gZW5kLg=="}}),
        ("save", {}),
        ("rename", {"name": "One (new)"}),
        ("reschedule", {"schedule": {"isSchedulingEnabled": True}}),
        ("stop", {"status": "Stopped"}),
        ("rerun", {"status": "Active", "campaignInstanceId": "cid-00000001"}),
    ],
)
def test_what_people_do_moves_the_time_and_is_listed(action, changed):
    before, after = listed(platform_of()), done(platform_of(), action)
    assert after == before | {"updatedAt": STAMP, "campaignInstanceUpdatedAt": STAMP} | changed


def test_a_rerun_by_hand_is_no_start_of_ours():
    platform = platform_of()
    done(platform, "rerun")
    assert (platform.starts, platform.start_counts["st-1/cd-1"]) == ([], 0)


def test_messages_are_sent_until_all_are_and_it_is_completed():
    platform = platform_of(recipients=100)
    platform.act(call("start"), NOW)
    items = [listed(platform, NOW + seconds) for seconds in (0, 40, 99, 100)]
    assert [item["totalMessagesSent"] for item in items] == [0, 40, 99, 100]
    assert [item["status"] for item in items] == ["Active", "Active", "Active", "Completed"]


def test_a_stopped_campaign_forgets_what_it_has_sent():
    platform = platform_of(recipients=100)
    platform.act(call("start"), NOW)
    platform.act(call("stop"), NOW + 30)
    item = listed(platform, NOW + 90)
    assert (item["status"], item["totalMessagesSent"]) == ("Stopped", 0)


def test_a_rerun_begins_at_no_message():
    platform = platform_of(recipients=100)
    platform.act(call("start"), NOW)
    item = done(platform, "rerun", NOW + 1000)
    assert (item["status"], item["totalMessagesSent"], item["campaignInstanceId"]) == ("Active", 0, "cid-00000002")
