from types import SimpleNamespace

import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses

from orchestrator.core.attempt.verdict import ReadKind, VerdictKind, classify, classify_read
from orchestrator.model import Fault, LiveState, Progress
from tests.raw_server import CAMPAIGN, STREAM, TARGET, client_of, start

HOST = "https://platform.kore.example"
AGENT = f"{HOST}/agentassist/api/v1/public/{STREAM}/campaign"
LIST = f"{AGENT}/getAllCampaignDetails"
START = f"{HOST}/campaign/api/v1/public/{STREAM}/campaign/{CAMPAIGN}?campaignType=sms&trigger=play"


class Response(ClientResponse):
    """aioresponses 0.7.9 does not know the argument that aiohttp 3.14 added."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, stream_writer=SimpleNamespace(output_size=0), **kwargs)


@pytest.fixture
def canned():
    with aioresponses() as canned:
        yield canned


@pytest.fixture
async def client():
    async with client_of(HOST) as client:
        yield client


def page(*items, more=False):
    return {"status": "success", "data": {"results": list(items), "hasMore": more}}


async def test_pages_are_read_up_to_the_last(canned, client):
    canned.post(LIST, payload=page({"id": "cd-1", "status": "Ready"}, more=True), response_class=Response)
    canned.post(LIST, payload=page({"id": "cd-2", "status": "Active"}), response_class=Response)
    first, second = await client.list(TARGET, 1), await client.list(TARGET, 2)

    assert ({"cd-1": LiveState("Ready")}, True) == (first.live, first.more)
    assert ({"cd-2": LiveState("Active")}, False) == (second.live, second.more)
    assert classify_read(first.answer) is ReadKind.OK


async def test_an_empty_page_that_promises_more_is_the_last(canned, client):
    canned.post(LIST, payload=page(more=True), response_class=Response)

    assert not (await client.list(TARGET, 1)).more


async def test_items_are_known_by_either_spelling_of_their_id(canned, client):
    items = {"id": "cd-1", "status": "Ready"}, {"_id": "cd-2", "status": "Stopped"}, {"status": "Ready"}, "junk"
    canned.post(LIST, payload=page(*items), response_class=Response)

    assert {"cd-1", "cd-2"} == set((await client.list(TARGET, 1)).live)


async def test_an_item_tells_all_that_the_vendors_sample_does(canned, client):
    item = {
        "id": "cd-1", "name": "Winter", "status": "Stopped", "priority": "5", "dncLists": {"name": "dnc"},
        "schedule": {"isSchedulingEnabled": True}, "campaignInstanceId": "cid-1", "totalMessagesSent": 0,
        "campaignInstanceUpdatedAt": "2025-12-05T12:07:54.203Z", "contactLists": ["a", {"name": "b"}],
    }  # fmt: skip
    canned.post(LIST, payload=page(item), response_class=Response)
    read = await client.list(TARGET, 1)

    assert {
        "cd-1": LiveState(
            "Stopped",
            "Winter",
            "cid-1",
            "2025-12-05T12:07:54.203Z",
            scheduled=True,
            contact_lists=("a", "b"),
            dnc_lists=("dnc",),
            messages_sent=0,
        )
    } == read.live


@pytest.mark.parametrize("call", ["status", "get"])
@pytest.mark.parametrize("spelling", ["id", "_id"])
async def test_one_campaign_is_known_by_either_spelling_of_its_id(canned, client, call, spelling):
    payload = {"status": "success", "data": {spelling: CAMPAIGN, "status": "Ready", "name": "Winter"}}
    canned.post(f"{AGENT}/{CAMPAIGN}/status?view=status", payload=payload, response_class=Response)
    canned.get(f"{AGENT}/{CAMPAIGN}", payload=payload, response_class=Response)
    read = await getattr(client, call)(TARGET)

    assert {CAMPAIGN: LiveState("Ready", "Winter", names_instance=False)} == read.live


@pytest.mark.parametrize("word", ["failure", "error"])
async def test_a_failure_envelope_in_a_200_is_no_success(canned, client, word):
    envelope = {"status": word, "message": "not today"}
    canned.post(LIST, payload=envelope, response_class=Response)
    canned.post(START, payload=envelope, response_class=Response)
    read, started = await client.list(TARGET, 1), await start(client)

    assert (read.live, read.more, classify_read(read.answer)) == ({}, False, ReadKind.REFUSED)
    assert classify(started).kind is VerdictKind.INDETERMINATE


@pytest.mark.parametrize("payload", [[], 1, {"data": []}, {"data": {"results": {}}}, {"data": {"results": [None]}}])
async def test_a_list_of_another_shape_is_empty(canned, client, payload):
    canned.post(LIST, payload=payload, response_class=Response)
    read = await client.list(TARGET, 1)

    assert (read.live, read.more) == ({}, False)


async def test_an_exception_of_aiohttp_comes_out_as_a_fault(canned, client):
    canned.post(START, timeout=True)
    answer = await start(client)

    assert isinstance(answer, Fault)
    assert answer.progress is Progress.UNSENT
