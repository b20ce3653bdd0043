"""How fast campaigns send, and what ends it."""

import pytest

from orchestrator.sandbox import people
from orchestrator.sandbox.platform import Account, Call, Campaign, Platform, World
from orchestrator.sandbox.sending import Sender

NOW = 1_000_000.0


def platform(*campaigns, per_minute=60.0):
    account = Account("a1", "cs", "x" * 32, messages_per_minute=per_minute)
    return Platform(World((account,), tuple(Campaign("s", one, one, "a1", recipients=n) for one, n in campaigns)))


def listed(platform, at):
    _, body = platform.act(Call("list", "a1", "s", body={"type": "sms"}), at)
    return {one["id"]: (one["status"], one["totalMessagesSent"]) for one in body["data"]["results"]}


def start(platform, campaign, at=NOW):
    assert platform.act(Call("start", "a1", "s", campaign), at)[0] == 200


def test_campaigns_of_an_account_share_its_rate():
    world = platform(("c0", 60), ("c1", 600))
    start(world, "c0")
    start(world, "c1")

    assert listed(world, NOW + 60) == {"c0": ("Active", 30), "c1": ("Active", 30)}
    # c0 ends after 120 s; from then on, c1 has the whole rate.
    assert listed(world, NOW + 180) == {"c0": ("Completed", 60), "c1": ("Active", 120)}
    assert listed(world, NOW + 659)["c1"] == ("Active", 599)
    assert listed(world, NOW + 660)["c1"] == ("Completed", 600)


def test_without_a_rate_each_campaign_sends_by_itself():
    world = platform(("c0", 100), ("c1", 50), per_minute=None)
    start(world, "c0")
    start(world, "c1")

    assert listed(world, NOW + 50) == {"c0": ("Active", 50), "c1": ("Completed", 50)}


def test_a_paused_campaign_goes_on_where_it_was():
    world = platform(("c0", 100))
    start(world, "c0")
    people.pause(world, world.campaign("s", "c0"), NOW + 10)

    assert listed(world, NOW + 1000)["c0"] == ("Paused", 10)
    people.resume(world, world.campaign("s", "c0"), NOW + 1000)
    assert listed(world, NOW + 1005)["c0"] == ("Active", 15)


def test_a_stopped_campaign_forgets_its_count():
    world = platform(("c0", 100))
    start(world, "c0")
    world.act(Call("stop", "a1", "s", "c0"), NOW + 10)

    assert listed(world, NOW + 10)["c0"] == ("Stopped", 0)


def test_a_stalled_campaign_stays_active():
    world = Platform(
        World((Account("a1", "cs", "x" * 32),), (Campaign("s", "c0", "c0", "a1", recipients=100, stalls_after=5),))
    )
    start(world, "c0")

    assert listed(world, NOW + 4)["c0"] == ("Active", 4)
    assert listed(world, NOW + 1000)["c0"] == ("Active", 5)


def test_a_removed_campaign_is_not_listed():
    world = platform(("c0", 100), ("c1", 100))
    start(world, "c0")
    start(world, "c1")
    people.remove(world, world.campaign("s", "c0"), NOW + 10)

    assert listed(world, NOW + 20) == {"c1": ("Active", 15)}


@pytest.mark.parametrize("number", [1, 7, 1000])
def test_a_shared_rate_is_used_up_and_not_exceeded(number):
    sender = Sender(10.0)
    for one in range(number):
        sender.begin(("s", str(one)), 10 + one, NOW)

    for seconds in (1.0, 33.3, 100.0):
        sent = sum(sender.sent(("s", str(one)), NOW + seconds) for one in range(number))
        whole = min(10.0 * seconds, sum(10 + one for one in range(number)))
        assert whole - number < sent <= whole + 1e-6
