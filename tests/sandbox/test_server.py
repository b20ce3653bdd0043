import asyncio
import io
import json
import time

import aiohttp
import pytest

from orchestrator.sandbox.faults import FaultPlan, Profile
from orchestrator.sandbox.platform import Limit
from orchestrator.sandbox.server import SandboxServer
from orchestrator.sandbox.world import demo_world, world_of

READ = "/agentassist/api/v1/public/{}/campaign/{}"


async def test_a_campaign_over_http(client):
    status, body = await client.trigger()
    assert (status, body["status"], body["message"]) == (200, "Active", "Campaign Started")
    path = READ.format(client.stream, client.campaign)
    assert (await client.call("POST", path + "/status?view=status"))[1]["data"]["status"] == "Active"
    assert (await client.call("GET", path))[1]["data"]["_id"] == client.campaign
    status, body = await client.list(limit=3)
    assert (status, len(body["data"]["results"]), body["data"]["totalPages"]) == (200, 3, 4)
    assert (await client.trigger("stop"))[1]["status"] == "Stopped"


async def test_the_record_tells_what_happened(client):
    await client.trigger()
    await client.trigger()
    record = await client.record()
    assert record["start_counts"] == {client.key: 2}
    assert [(one["stream"], one["campaign"]) for one in record["starts"]] == [(client.stream, client.campaign)]
    assert [one["kind"] for one in record["hazards"]] == ["duplicate"]
    counts = {"arrivals": 2, "peak": 2, "throttled": 0, "refused": 0}
    assert record["accounts"][client.account.account_id] == counts


async def test_the_limit_is_the_accounts_and_comes_before_the_token(open_client):
    client = await open_client(limit=Limit(2, 60.0))
    await client.trigger()
    await client.list()
    status, body, headers = await client.call("POST", "/campaign/api/v1/public/x/campaign/y", headers=client.signed())
    assert (status, body["errors"][0]["code"]) == (429, 429)
    assert 0 < int(headers["Retry-After"]) <= 60
    assert (await client.record())["accounts"][client.account.account_id]["throttled"] == 1


async def test_a_percent_encoded_id_is_decoded(open_client):
    world = world_of([("a1", "cs-1", "s" * 32, "HS256")], [("a1", "st 1", "cd/1", "One", "sms")])
    client = await open_client(world)
    client.stream = "st%201"
    status, _ = await client.trigger(campaign="cd%2F1")
    assert status == 200
    assert (await client.record())["start_counts"] == {"st 1/cd/1": 1}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_wrong_method_is_405_whatever_the_token(client, method):
    path = f"/campaign/api/v1/public/{client.stream}/campaign/{client.campaign}?campaignType=sms&trigger=play"
    status, body, _ = await client.call(method, path, headers={})
    assert (status, body) == (405, {"errors": [{"msg": "Method Not Allowed", "code": 405}]})


@pytest.mark.parametrize(
    "query", ["", "campaignType=sms", "trigger=play", "campaignType=sms&trigger=pause", "campaignType=fax&trigger=play"]
)
async def test_wrong_parameters_are_412(client, query):
    path = f"/campaign/api/v1/public/{client.stream}/campaign/{client.campaign}?{query}"
    assert (await client.call("POST", path))[0] == 412


async def test_a_body_that_is_no_object_is_412(client):
    assert (await client.trigger(body=[1]))[0] == 412


async def test_unknown_campaigns_are_400(client):
    status, body = await client.trigger(campaign="cd-404")
    assert (status, body) == (400, {"errors": [{"msg": "Campaign not found", "code": 400}]})


async def test_the_log_has_a_json_line_for_each_call(open_client):
    log = io.StringIO()
    client = await open_client(log=log)
    await client.trigger()
    await client.call("GET", READ.format(client.stream, client.campaign), headers={})
    first, second = map(json.loads, log.getvalue().splitlines())
    assert set(first) == {"at", "account", "op", "stream", "campaign", "http_status", "fault"}
    assert (first["op"], first["http_status"], first["fault"]) == ("start", 200, None)
    assert (second["op"], second["http_status"]) == ("get", 401)
    assert client.account.secret not in log.getvalue()


async def test_connections_are_refused_while_it_boots(open_client):
    client = await open_client(profile=Profile(boot_delay=2.0))
    assert not await _listening(client)
    while not await _listening(client):
        pass


async def _listening(client):
    try:
        await client.record()
    except aiohttp.ClientConnectorError:
        return False
    return True


async def test_closing_during_the_boot_is_clean():
    server = SandboxServer(demo_world(), profile="realistic")
    assert (await server.start()).startswith("http://127.0.0.1:")
    await server.close()
    await server.close()


async def test_a_taken_port_is_an_error():
    async with SandboxServer(demo_world()) as server:
        other = SandboxServer(demo_world(), port=int(server.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="in use"):
            await other.start()
        await other.close()


async def test_closing_is_fast_and_ends_what_hangs(open_client, eventually):
    client = await open_client(faults=["hang_before"])
    hanging = asyncio.create_task(client.trigger())
    await eventually(lambda: client.server.platform.arrivals[client.account.account_id].total)
    began = time.monotonic()
    await client.server.close()
    assert time.monotonic() - began < 10  # by default, the server would wait a minute for it
    with pytest.raises(aiohttp.ClientConnectionError):
        await hanging


async def test_people_work_at_the_console(client):
    path = f"/sandbox/console/{client.stream}/{client.campaign}"
    assert (await client.call("POST", f"{path}/rename"))[0] == 200
    _, body = await client.list()
    assert body["data"]["results"][0]["name"] == "Sandbox campaign 1.1 (new)"

    status, body, _ = await client.call("POST", f"{path}/paint")
    assert (status, body["errors"][0]["msg"]) == (404, f"no paint of {client.key} here")


@pytest.mark.parametrize("profile", ["nasty", "calm"])
async def test_in_nasty_people_edit_while_starts_arrive(open_client, profile):
    world = demo_world(1, 10)
    lost = {f"{one.stream}/{one.id}": ["server_error_before"] for one in world.campaigns}
    client = await open_client(world, profile=profile, seed=3, scripted=lost)
    for one in world.campaigns:
        await client.trigger(campaign=one.id)

    platform, plan = client.server.platform, FaultPlan(profile, 3)
    edited = {one.id for one in world.campaigns if platform.campaign(one.stream, one.id).updated_at is not None}
    assert edited == {one.id for one in world.campaigns if plan.is_edited(one.account_id, one.stream, one.id, 1)}
    assert bool(edited) == (profile == "nasty")
