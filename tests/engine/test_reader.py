"""Lists are read only while that takes fewer calls than reading campaigns one by one."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from orchestrator.core.plan import plan as plans
from orchestrator.core.plan.approvers import NOT_ASKED
from orchestrator.engine.preflight import changes, details, live_states
from orchestrator.engine.waves import PlanExecution
from orchestrator.errors import CredentialError, Refused
from orchestrator.model import CallingHours, CampaignKey, LiveState
from tests.fakes import NOT_FOUND, says

OLD_RUN = LiveState("Completed", instance_id="cid-old")
BEFORE = "2023-11-01T08:00:00Z"
LATER = "2023-11-14T22:14:00Z"
WINDOWS = {"late": {"zones": ["UTC"], "hours": "22:30-23:00"}}  # it is 22:13:20


def crowded(rig, old, wanted, **changes):
    """A stream whose `old` campaigns, which no manifest wants, fill its first pages."""
    run = rig(wanted, **changes)
    crowd(run, old)
    return run


def crowd(run, old):
    run.api.live = {CampaignKey(f"s/old{n}"): OLD_RUN for n in range(old)} | run.api.live


def by_id(live):
    return replace(live, instance_id=None, instance_updated_at=None, names_instance=False)


async def looked(run, listed=frozenset()):
    return await live_states(run.readers, run.targets, "list", listed)


def counts(run):
    return Counter(call.what for call in run.api.calls)


async def test_three_of_two_thousand_are_read_in_four_calls(rig):
    run = crowded(rig, 2000, 3)
    found = await looked(run)
    assert found == {f"s/c{n}": by_id(LiveState("Ready")) for n in range(3)}
    assert counts(run) == {"list": 1, "get": 3}


@pytest.mark.parametrize(
    ("old", "wanted", "lists", "gets"),
    [
        (0, 120, 3, 0), (2000, 1, 1, 1), (2000, 60, 42, 0), (100, 2, 3, 0), (150, 2, 1, 2), (49, 2, 2, 0),
        (30, 100, 3, 0), (2000, 40, 41, 0), (2050, 40, 1, 40),
    ],
)  # fmt: skip
async def test_the_cheaper_way_is_taken(rig, old, wanted, lists, gets):
    run = crowded(rig, old, wanted)
    found = await looked(run)
    assert set(found) == {f"s/c{n}" for n in range(wanted)}
    assert (counts(run)["list"], counts(run)["get"]) == (lists, gets)
    pages = -(-(old + wanted) // 50)
    assert lists + gets <= min(pages, wanted) + 1


async def test_what_the_pages_so_far_name_is_not_read_again(rig):
    run = rig(3)
    run.api.live |= {CampaignKey(f"s/new{n}"): OLD_RUN for n in range(2000)}
    run.api.live[CampaignKey("s/c1")] = run.api.live.pop(CampaignKey("s/c1"))
    found = await looked(run)
    assert [found[f"s/c{n}"].names_instance for n in range(3)] == [True, False, True]
    assert counts(run) == {"list": 1, "get": 1}


async def test_pages_without_a_number_are_read_on(rig):
    run = crowded(rig, 400, 3)
    run.api.counts_pages = False
    assert set(await looked(run)) == {"s/c0", "s/c1", "s/c2"}
    assert counts(run) == {"list": 9}


async def test_what_needs_a_list_is_read_from_it(rig):
    run = crowded(rig, 400, 3)
    found = await looked(run, {CampaignKey("s/c0")})
    assert found["s/c0"] == LiveState("Ready", instance_id="i0")
    assert counts(run) == {"list": 9}


async def test_a_campaign_that_is_not_there_is_not_found(rig):
    run = crowded(rig, 2000, 3)
    del run.api.live[CampaignKey("s/c1")]
    assert set(await looked(run)) == {"s/c0", "s/c2"}
    assert counts(run) == {"list": 1, "get": 3}


async def test_with_check_status_it_is_not_found_either(rig):
    run = rig(3, preflight={"check": "status"})
    del run.api.live[CampaignKey("s/c1")]
    assert set(await live_states(run.readers, run.targets, "status")) == {"s/c0", "s/c2"}


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (says(400, payload={"errors": [{"msg": "Invalid stream", "code": 400}]}), Refused),
        (says(404, "<html>404 Not Found: /campaign</html>"), Refused),
        (says(404, payload={"message": "no Route matched with those values"}), Refused),
        (says(403, payload={"message": "Campaign not found"}), Refused),
        (says(500), Refused),
        (says(401), CredentialError),
    ],
)
async def test_a_read_by_id_that_fails_refuses_the_run(rig, step, kind):
    run = crowded(rig, 2000, 3, retry={"attempts": 2})
    run.api.read_steps.extend([None, step, step])
    with pytest.raises(kind):
        await looked(run)


@pytest.mark.parametrize("step", [NOT_FOUND, says(404, payload={"errors": [{"msg": "Not Found", "code": 404}]})])
async def test_both_ways_to_say_not_found_are_understood(rig, step):
    run = crowded(rig, 2000, 3)
    run.api.read_steps.extend([None, step])
    assert set(await looked(run)) == {"s/c1", "s/c2"}


async def test_reads_by_id_spend_the_lanes_budget(rig):
    run = crowded(rig, 2000, 3, account={"rate": ["2/10s"]})
    await looked(run)
    times = [call.at for call in run.api.calls]
    assert all(b - a >= 10 for a, b in zip(times, times[2:], strict=False))


async def test_hours_that_are_known_are_not_read_again(rig):
    run = crowded(rig, 2000, 3)
    hours = CallingHours("UTC", (("tue", "00:00", "24:00"),))
    run.api.live |= {CampaignKey(f"s/c{n}"): LiveState("Ready", calling_hours=hours) for n in range(3)}
    plan = plans.build(run.manifest, {}, await looked(run), run.selection, manifest_sha256="0" * 64)
    assert await details(run.readers, plan) == ({}, {})
    assert counts(run) == {"list": 1, "get": 3}


# A start whose answer was lost


async def executed(run):
    """The whole way: what preflight reads is the plan's live state."""
    live = await looked(run)
    plan = plans.build(run.manifest, run.deps.states, live, run.selection, manifest_sha256="0" * 64)
    await PlanExecution(run.deps, plan, run.lanes, NOT_ASKED).run()


@pytest.mark.parametrize("now", [LiveState("Ready", instance_id="i0"), LiveState("Completed", instance_id="i1")])
async def test_an_old_instance_is_no_evidence_after_a_read_by_id(rig, now):
    run = crowded(rig, 2000, 3)
    run.api.script("s/c1", says(500, then=now))
    await executed(run)
    (intent,) = [r for r in run.journal.of("intent") if r.campaign == "s/c1"]
    assert intent.data["baseline"] == {"status": "Ready"}
    assert run.outcomes()["c1"] == ("unknown", "no_evidence")
    assert counts(run) == {"list": 1, "get": 3, "start": 3, "status": 2}


async def test_active_is_evidence_after_a_read_by_id(rig):
    run = crowded(rig, 2000, 3)
    run.api.script("s/c1", says(500))
    asyncio.get_running_loop().call_at(30, run.api.live.__setitem__, "s/c1", LiveState("Active", instance_id="i0"))
    await executed(run)
    assert run.outcomes()["c1"] == ("started", "evidence")


async def test_a_new_instance_is_looked_for_on_all_pages(rig):
    """Preflight listed it, so the instance proves the start: read by id, it would stay unknown."""
    run = crowded(rig, 150, 60)
    run.api.script("s/c59", says(500, then=LiveState("Completed", instance_id="i1")))
    await executed(run)
    assert run.outcomes()["c59"] == ("started", "evidence")
    assert counts(run) == {"list": 5 + 5, "start": 60, "status": 1}


# Looked at again after a wait


def late(name, **more):
    return {"stream": "s", "campaign": name, "window": "late", **more}


async def test_a_second_look_takes_the_cheaper_way_too(rig):
    run = crowded(rig, 2000, [late("c0"), late("c1"), "c2"], windows=WINDOWS)
    await executed(run)
    calls = [call.what for call in run.api.calls]
    assert calls == ["list", "get", "get", "get", "start", "list", "get", "get", "start", "start"]
    assert {outcome for outcome, _ in run.outcomes().values()} == {"started"}


@pytest.mark.parametrize("grows", [True, False])
async def test_what_only_one_of_two_reads_names_is_no_change(rig, grows):
    """The stream grew, or shrank, across the length at which reading by id is cheaper."""
    run = crowded(rig, 0 if grows else 2000, [late("c0")], windows=WINDOWS)
    run.api.live[CampaignKey("s/c0")] = LiveState("Ready", "", "i0", BEFORE, updated_at=BEFORE)

    def change():
        run.api.live = {CampaignKey("s/c0"): run.api.live[CampaignKey("s/c0")]}
        crowd(run, 2000 if grows else 0)

    asyncio.get_running_loop().call_at(500, change)
    await executed(run)
    reads = ["list", "list", "get"] if grows else ["list", "get", "list"]
    assert [call.what for call in run.api.calls] == [*reads, "start"]
    assert run.outcomes() == {"c0": ("started", "accepted")}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (LiveState("Ready", instance_id="i0", updated_at=LATER), "it was edited, or ran"),
        (LiveState("Active", instance_id="i1", updated_at=LATER), "it is Active now"),
        (LiveState("Ready", instance_id="i0", scheduled=True, updated_at=BEFORE), "it is Ready now, scheduled"),
    ],
)
async def test_changes_are_seen_where_it_is_read_by_id(rig, now, said):
    run = crowded(rig, 2000, [late("c0")], windows=WINDOWS)
    run.api.live[CampaignKey("s/c0")] = LiveState("Ready", instance_id="i0", updated_at=BEFORE)
    asyncio.get_running_loop().call_at(500, run.api.live.__setitem__, "s/c0", now)
    await executed(run)
    assert run.api.started() == []
    assert run.messages()["c0"] == f"it was changed while it waited: {said}"


async def test_a_rerun_is_told_by_its_instance_after_a_wait(rig):
    """Both times are the same: only the instance says that it has run since."""
    run = crowded(rig, 400, [late("c0", rerun=True)], windows=WINDOWS)
    run.api.live[CampaignKey("s/c0")] = LiveState("Completed", instance_id="i0")
    asyncio.get_running_loop().call_at(500, run.api.live.__setitem__, "s/c0", LiveState("Completed", instance_id="i1"))
    live = await looked(run, {CampaignKey("s/c0")})
    plan = plans.build(run.manifest, run.deps.states, live, run.selection, manifest_sha256="0" * 64)
    assert await changes(run.lane.reader, plan.entries, run.manifest) == {}
    await asyncio.sleep(600)
    assert await changes(run.lane.reader, plan.entries, run.manifest) == {
        "s/c0": "it was changed while it waited: it ran"
    }


async def test_an_approved_text_is_read_from_a_list_again(rig):
    """By id, a reply names neither the message nor the template."""
    run = crowded(rig, 400, [late("c0")], windows=WINDOWS, approval="plan")
    plan = run.plan()
    run.api.calls.clear()
    assert await changes(run.lane.reader, plan.entries, run.manifest) == {}
    assert counts(run) == {"list": 9}


async def test_a_listing_takes_a_call_per_page(rig):
    run = crowded(rig, 149, 1)
    pages = []
    (target,) = run.targets
    live = await run.readers[target.lane].listing(target, lambda read, left: pages.append((read, left)))

    assert len(live) == 150
    assert pages == [(50, 2), (100, 1), (150, 0)]
    assert counts(run) == {"list": 3}


async def test_a_listing_that_promises_more_forever_ends(rig):
    run = crowded(rig, 60, 1)
    run.api.endless = True
    (target,) = run.targets

    assert len(await run.readers[target.lane].listing(target)) == 61
    assert counts(run) == {"list": 3}
