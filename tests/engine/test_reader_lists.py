"""Contact lists of a stream: read in one call, paced and retried as every read."""

import pytest

from orchestrator.engine.reader import ReadFailed
from orchestrator.model import ContactList
from tests.fakes import says

VIP = ContactList("cl-1", "VIP", 1200, "Ready")


async def test_a_streams_lists_take_one_call(rig):
    run = rig(3)
    run.api.lists["s"] = (VIP,)
    assert await run.lane.reader.contact_lists(run.targets[0]) == (VIP,)
    assert [call.what for call in run.api.calls] == ["lists"]


async def test_a_call_for_lists_waits_for_the_rate(rig):
    run = rig(1, account={"rate": "1/60s"})
    run.api.lists["s"] = (VIP,)
    await run.lane.reader.status(run.targets[0])
    await run.lane.reader.contact_lists(run.targets[0])
    assert run.api.reads("lists") == [pytest.approx(60.1, abs=0.1)]


async def test_a_broken_answer_is_asked_for_again(rig):
    run = rig(1)
    run.api.lists["s"] = (VIP,)
    run.api.read_steps.extend([says(500, "broken"), says(429, retry_after="3")])
    assert await run.lane.reader.contact_lists(run.targets[0]) == (VIP,)
    assert len(run.api.reads("lists")) == 3


@pytest.mark.parametrize("status", [404, 405, 403])
async def test_a_host_without_lists_is_asked_once(rig, status):
    run = rig(1)
    run.api.read_steps.append(says(status, "no"))
    with pytest.raises(ReadFailed):
        await run.lane.reader.contact_lists(run.targets[0])
    assert len(run.api.calls) == 1


@pytest.mark.parametrize("payload", [[], {}, {"data": []}, {"status": "success"}])
async def test_an_answer_without_a_status_word_is_good(rig, payload):
    run = rig(1)
    run.api.lists["s"] = (VIP,)
    run.api.read_steps.append(says(200, payload=payload))
    assert await run.lane.reader.contact_lists(run.targets[0]) == (VIP,)


@pytest.mark.parametrize("payload", [{"status": "failure"}, {"errors": [{"msg": "no scope"}]}])
async def test_a_failure_in_a_200_is_no_list(rig, payload):
    run = rig(1)
    run.api.lists["s"] = (VIP,)
    run.api.read_steps.append(says(200, payload=payload))
    with pytest.raises(ReadFailed):
        await run.lane.reader.contact_lists(run.targets[0])


async def test_what_cannot_be_understood_is_not_no_lists(rig):
    run = rig(1)
    run.api.lists["s"] = None
    with pytest.raises(ReadFailed, match="names no contact lists"):
        await run.lane.reader.contact_lists(run.targets[0])
