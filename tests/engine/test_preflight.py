"""The look before the first start, and reads that are repeated."""

import asyncio

import pytest

from orchestrator.core.plan.recipients import ReadLists
from orchestrator.engine.preflight import contact_lists, live_states
from orchestrator.engine.reader import ReadFailed
from orchestrator.engine.stop_signal import StopRequested
from orchestrator.errors import CredentialError, Refused
from orchestrator.model import ContactList, LiveState, Progress
from tests.fakes import UNSENT, loses, says

VIP = ContactList("cl-1", "VIP", 1200, "Ready")


def looked(run, check="list"):
    return live_states(run.readers, run.targets, check)


async def test_a_list_finds_every_campaign_in_a_call_a_page(rig):
    run = rig(120)
    found = await looked(run)
    assert found == run.api.live
    assert [call.page for call in run.api.calls] == [1, 2, 3]


async def test_a_list_ends_as_soon_as_all_are_found(rig):
    run = rig(10)
    run.api.live |= {f"s/x{i}": LiveState("Ready") for i in range(500)}
    found = await looked(run)
    assert set(found) == {f"s/c{i}" for i in range(10)}
    assert len(run.api.reads("list")) == 1


async def test_each_stream_is_listed(rig):
    run = rig([{"stream": s, "campaign": f"{s}c{i}"} for s in ("s", "t") for i in range(3)])
    found = await looked(run)
    assert len(found) == 6
    assert len(run.api.reads("list")) == 2


async def test_who_is_not_listed_is_not_found(rig):
    run = rig(3)
    del run.api.live["s/c1"]
    found = await looked(run)
    assert set(found) == {"s/c0", "s/c2"}


async def test_a_list_that_says_more_forever_ends(rig):
    run = rig(3)
    run.api.endless = True
    del run.api.live["s/c1"]
    found = await looked(run)
    assert set(found) == {"s/c0", "s/c2"}
    assert [call.page for call in run.api.calls] == [1, 2]


async def test_status_asks_for_each_campaign(rig):
    run = rig(3)
    found = await looked(run, "status")
    assert found == {key: LiveState("Ready", names_instance=False) for key in run.api.live}
    assert len(run.api.reads("status")) == 3
    assert run.api.reads("list") == []


async def test_a_credential_refused_twice_is_a_credential_error(rig):
    run = rig(3)
    run.api.read_steps.extend([says(401, "bad token")] * 2)
    with pytest.raises(CredentialError, match=r"a1.*bad token"):
        await looked(run)
    assert len(run.api.calls) == 2


async def test_a_credential_refused_once_is_tried_again(rig):
    run = rig(3)
    run.api.read_steps.append(says(401))
    assert await looked(run) == run.api.live


@pytest.mark.parametrize(("check", "step"), [("list", says(500)), ("status", says(500)), ("list", says(403)),
                                             ("list", says(200, payload={"status": "failure"}))])  # fmt: skip
async def test_a_preflight_that_fails_refuses_the_run(rig, check, step):
    run = rig(3, retry={"attempts": 2})
    run.api.read_steps.extend([step] * 2)
    with pytest.raises(Refused, match="preflight of account a1 failed"):
        await looked(run, check)


GATEWAY = "check `host`: what answers is not a Kore platform, or is a gateway that needs a sign-in"
FIXES = {
    "a fault with a fix": (loses(Progress.UNSENT, "TLS failed", fix="set SSL_CERT_FILE to a file with its CA"), Refused,
                           "TLS failed", "set SSL_CERT_FILE to a file with its CA"),
    "a fault without one": (loses(Progress.SENDING, "timeout"), Refused,
                            "timeout", "run again when the platform answers"),
    "a token under a wrong clock": (says(401, "no", date="Tue, 14 Nov 2023 22:23:20 GMT"), CredentialError,
                                    "this machine's clock is 9 min 59 s behind the host's",
                                    "set this machine's clock (NTP)"),
    "a refused token": (says(401, "no", date="Tue, 14 Nov 2023 22:13:20 GMT"), CredentialError, "HTTP 401: no",
                        "check client_id, client_secret and algorithm, and the app's Campaign Management scope"),
    "a redirect": (says(302, "<html>"), Refused, "HTTP 302", GATEWAY),
}  # fmt: skip


@pytest.mark.parametrize(("step", "kind", "message", "fix"), FIXES.values(), ids=FIXES)
async def test_a_preflight_that_fails_says_what_to_do(rig, step, kind, message, fix):
    run = rig(3, retry={"attempts": 2})
    run.api.read_steps.extend([step] * 2)
    with pytest.raises(kind) as refused:
        await looked(run)
    assert message in refused.value.message
    assert refused.value.next_step == fix


async def test_one_lane_that_fails_ends_the_look_of_the_others(rig, elapsed):
    accounts = {
        "acme": {"account_id": "a1", "rate": "unlimited"},
        "bell": {"account_id": "a2", "rate": ["1/1000s"]},
    }
    campaigns = [{"stream": "s", "campaign": "a0"}]
    campaigns += [{"stream": f"t{i}", "campaign": "b0", "account": "bell"} for i in range(9)]
    run = rig(campaigns, accounts=accounts)
    run.api.read_steps.append(says(403))
    with pytest.raises(Refused):
        await looked(run)
    assert elapsed() < 1


async def test_a_stop_ends_the_look_at_once(rig, stop_at, elapsed):
    run = rig(120, account={"rate": ["1/60s"]})
    stop_at(run, 10)
    with pytest.raises(StopRequested):
        await looked(run)
    assert elapsed() == pytest.approx(10)


@pytest.mark.parametrize("step", [says(500), says(503), says(408), says(200, "<html>"), UNSENT,
                                  loses(Progress.SENDING), loses(Progress.ANSWERED, http_status=200)])  # fmt: skip
async def test_reads_are_repeated_with_back_off(rig, elapsed, step):
    run = rig(1, retry={"attempts": 3, "backoff": "1s..60s"})
    run.api.read_steps.extend([step, step])
    state = await run.lane.reader.status(run.targets[0])
    assert state == LiveState("Ready", names_instance=False)
    assert 3 <= elapsed() < 4


@pytest.mark.parametrize(
    ("asked", "date", "seconds"),
    [
        ("20", None, 20),
        ("Tue, 14 Nov 2023 22:13:50 GMT", "Tue, 14 Nov 2023 22:13:20 GMT", 30),
        ("Tue, 14 Nov 2023 22:13:50 GMT", "Tue, 14 Nov 2023 22:03:20 GMT", 630),  # by the server's clock alone
        ("0", None, 1), ("soon", None, 1), ("-5", None, 1), ("Wed, 21 Oct 2015 07:28:00 GMT", None, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [500, 503, 408])
async def test_a_failed_read_waits_as_long_as_it_is_asked_to(rig, status, asked, date, seconds):
    run = rig(1, retry={"attempts": 2, "backoff": "1s..1s", "max_elapsed": "15m"})
    run.api.read_steps.append(says(status, retry_after=asked, date=date))
    await run.lane.reader.status(run.targets[0])
    assert run.api.reads("status") == pytest.approx([0, 0.1 + seconds])


@pytest.mark.parametrize("asked", ["60", "3600", "99999999999999999999"])
async def test_a_read_is_not_repeated_before_it_may_be(rig, elapsed, asked):
    """The wait would outlast the budget: to ask earlier would break it, to wait forever would hang."""
    run = rig(1, retry={"attempts": 3, "max_elapsed": "60s"})
    run.api.read_steps.append(says(503, "busy", retry_after=asked))
    with pytest.raises(ReadFailed, match="HTTP 503: busy"):
        await run.lane.reader.status(run.targets[0])
    assert (len(run.api.calls), elapsed()) == (1, pytest.approx(0.1))


@pytest.mark.parametrize("status", [400, 412])
async def test_a_refused_list_is_asked_once_more_without_an_order(rig, status):
    run = rig(120)
    run.api.read_steps.extend([None, says(status, "sortBy.name is required")])
    assert await looked(run) == run.api.live
    assert [(call.what, call.page) for call in run.api.calls] == [
        ("list", 1), ("list", 2), ("unordered list", 2), ("unordered list", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "calls"),
    [
        ([says(403, "no")], ["list"]),
        ([says(404, "no")], ["list"]),
        ([says(400, "no")] * 2, ["list", "unordered list"]),
    ],
)
async def test_a_list_refused_for_another_reason_is_refused(rig, steps, calls):
    run = rig(3)
    run.api.read_steps.extend(steps)
    with pytest.raises(Refused, match="no"):
        await looked(run)
    assert [call.what for call in run.api.calls] == calls


async def test_one_list_call_is_two_where_the_platform_does_not_sort(rig):
    run = rig(3)
    run.api.read_steps.append(says(412, "Validation errors/ Invalid arguments"))
    read = await run.lane.reader.list_once(run.targets[0])
    assert len(read.live) == 3
    assert [call.what for call in run.api.calls] == ["list", "unordered list"]


async def test_reads_are_repeated_no_more_often_than_the_manifest_says(rig):
    run = rig(1, retry={"attempts": 3})
    run.api.read_steps.extend([says(502)] * 9)
    with pytest.raises(ReadFailed, match="502") as failure:
        await run.lane.reader.status(run.targets[0])
    assert not failure.value.unauthorized
    assert len(run.api.calls) == 3


async def test_a_limited_read_pauses_the_lane(rig):
    run = rig(1, retry={"attempts": 1, "backoff": "1s..1s"})
    run.api.read_steps.append(says(429, retry_after="20"))
    await run.lane.reader.status(run.targets[0])
    assert run.api.reads("status") == pytest.approx([0, 20.1])


async def test_reads_and_starts_share_one_budget(rig):
    run = rig(4, account={"rate": ["3/10s"]})
    await asyncio.gather(*(run.lane.reader.status(target) for target in run.targets))
    await run.run()
    times = sorted(call.at for call in run.api.calls)
    assert len(times) == 8
    assert all(b - a >= 10 for a, b in zip(times, times[3:], strict=False))


def started_by(run):
    """The streams whose lists are read for the plan, in order."""
    return [call.key.partition("/")[0] for call in run.api.calls if call.what == "lists"]


TWO_STREAMS = [{"stream": stream, "campaign": f"c{n}"} for n in range(3) for stream in ("s", "t")]


async def test_a_stream_with_starts_costs_one_call_for_lists(rig):
    run = rig(TWO_STREAMS)
    run.api.lists = {"s": (VIP,), "t": ()}
    read = await contact_lists(run.readers, run.plan())
    assert started_by(run) == ["s", "t"]
    assert read == ReadLists({(run.lane.lane, "s"): (VIP,), (run.lane.lane, "t"): ()}, {})


async def test_a_stream_without_a_start_costs_no_call_for_lists(rig):
    run = rig(TWO_STREAMS)
    run.api.live = {key: LiveState("Active") if key.startswith("s/") else live for key, live in run.api.live.items()}
    await contact_lists(run.readers, run.plan())
    assert started_by(run) == ["t"]


async def test_the_first_failure_ends_a_lanes_reading_of_lists(rig):
    run = rig(TWO_STREAMS)
    run.api.read_steps.append(says(404, "no such call"))
    read = await contact_lists(run.readers, run.plan())
    assert (started_by(run), read.streams) == (["s"], {})
    assert list(read.failures) == ["acme"]
    assert "404" in read.failures["acme"]
