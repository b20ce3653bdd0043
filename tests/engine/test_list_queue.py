import asyncio
from dataclasses import replace

import pytest

from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.selection import Choice
from orchestrator.engine.run import Run
from orchestrator.model import ContactList, LiveState, Outcome, Progress, Reason, Record, Stop, StopReason
from tests.fakes import ACCEPTED, BASE, STOPPED, loses, says

LANE = "sandbox a1"
EAST = ("east",)
ACTIVE = LiveState("Active", instance_id="i1", contact_lists=EAST)
COMPLETED = replace(ACTIVE, status="Completed")
REJECTED = says(422, "no such sender")
LOST = loses(Progress.SENDING)


def on_one_list(rig, campaigns=2, **changes):
    """A rig whose campaigns all use the list `east`; one that starts stays Active."""
    run = rig(campaigns, **{"same_list": "sequence", **changes})
    for key in run.api.live:
        run.api.live[key] = LiveState("Ready", instance_id="i0", contact_lists=EAST)
        run.api.script(key, replace(ACCEPTED, then=ACTIVE))
    return run


def at(seconds, run, key, live):
    asyncio.get_running_loop().call_later(seconds, run.api.live.__setitem__, key, live)


async def carried_out(run):
    whole = Run(run.deps, [])
    whole.lanes = run.lanes
    plan = await whole.plan(Choice())
    await whole.execute(plan)
    return plan


async def test_the_second_waits_until_the_first_is_completed(rig):
    run = on_one_list(rig)
    at(1000.0, run, "s/c0", COMPLETED)
    await carried_out(run)

    # It looks every minute: at 1,020 s for the first time after that.
    (second,) = run.api.started("s/c1")
    assert 1000.0 <= second <= 1062.0
    assert run.deps.states.held == {}


@pytest.mark.parametrize("gone", [False, True], ids=["stopped", "gone"])
async def test_a_list_is_free_when_its_user_is_stopped_or_gone(rig, gone):
    run = on_one_list(rig)
    loop = asyncio.get_running_loop()
    if gone:
        loop.call_later(200.0, run.api.live.pop, "s/c0")
    else:
        at(200.0, run, "s/c0", replace(STOPPED.then, contact_lists=EAST))
    await carried_out(run)

    assert 200.0 <= run.api.started("s/c1")[0] <= 262.0


async def test_a_user_that_moves_between_two_pages_is_not_gone(rig):
    run = on_one_list(rig)
    run.api.page_size, run.api.counts_pages = 2, False
    first = run.api.live.pop("s/c0")
    run.api.live |= {f"s/old{n}": LiveState("Completed", instance_id="i0") for n in range(3)} | {"s/c0": first}
    at(1000.0, run, "s/c0", COMPLETED)
    listed = run.api.list

    async def deletes_after_page_2(target, page, **options):
        read = await listed(target, page, **options)
        if page == 2 and asyncio.get_running_loop().time() > 100.0:
            run.api.live.pop("s/old1", None)
        return read

    run.api.list = deletes_after_page_2
    await carried_out(run)

    assert 1000.0 <= run.api.started("s/c1")[0] <= 1062.0


async def test_the_wait_is_shown_and_its_end_too(rig):
    run = on_one_list(rig, 3)
    at(100.0, run, "s/c0", COMPLETED)
    at(200.0, run, "s/c1", COMPLETED)
    await carried_out(run)

    shown = [(one["campaigns"], one["message"]) for one in run.observer.named("list_waiting")]
    assert shown[:2] == [
        (1, "contact list 'east' is in use: s/c0 was started by this run"),
        (2, "contact list 'east' is in use: s/c0 was started by this run"),
    ]
    assert shown[-1] == (0, "")


async def test_what_waits_too_long_is_held_and_the_run_ends(rig):
    run = on_one_list(rig, 2, same_list_wait="620s")
    await carried_out(run)

    message = (
        "contact list 'east' is in use: s/c0 was started by this run; a run waits 10 min 20 s at most (same_list_wait)"
    )
    assert run.deps.states.held == {"s/c1": (Reason.SHARED_LIST, message)}
    assert 620.0 <= asyncio.get_running_loop().time() <= 622.0


async def test_with_no_wait_the_second_is_held_at_once(rig):
    run = on_one_list(rig, no_wait=True)
    await carried_out(run)

    assert list(run.deps.states.held) == ["s/c1"]
    assert asyncio.get_running_loop().time() < 5.0


async def test_a_first_that_fails_frees_its_list(rig):
    run = on_one_list(rig)
    run.api.scripts["s/c0"].clear()
    run.api.script("s/c0", REJECTED)
    await carried_out(run)

    assert run.api.started("s/c1")
    assert run.deps.states.held == {}


async def test_an_unknown_first_keeps_its_list(rig):
    run = on_one_list(rig, probe={"settle": "30s"})
    run.api.scripts["s/c0"].clear()
    run.api.script("s/c0", LOST)
    await carried_out(run)

    assert run.api.started("s/c1") == []
    reason, message = run.deps.states.held["s/c1"]
    assert reason is Reason.SHARED_LIST
    assert "resolve that one, and run again" in message


async def test_a_first_in_an_earlier_wave_is_waited_for(rig):
    waves = [{"name": "canary", "campaigns": ["s/c0"]}, {"name": "rest"}]
    run = on_one_list(rig, waves=waves)
    at(400.0, run, "s/c0", COMPLETED)
    await carried_out(run)

    assert 400.0 <= run.api.started("s/c1")[0] <= 465.0


async def test_a_running_campaign_outside_the_manifest_is_waited_for(rig):
    run = on_one_list(rig, 1)
    run.api.live["s/outside"] = replace(ACTIVE, name="Winter")
    at(300.0, run, "s/outside", COMPLETED)
    await carried_out(run)

    assert 300.0 <= run.api.started("s/c0")[0] <= 365.0


async def test_one_that_starts_elsewhere_during_the_wait_holds_on(rig):
    run = on_one_list(rig)
    run.api.live["s/outside"] = replace(COMPLETED, status="Ready")
    at(100.0, run, "s/outside", ACTIVE)
    at(200.0, run, "s/c0", COMPLETED)
    at(900.0, run, "s/outside", COMPLETED)
    await carried_out(run)

    assert 900.0 <= run.api.started("s/c1")[0] <= 965.0


async def test_a_campaign_that_runs_again_is_over_after_its_new_run(rig):
    first = {"stream": "s", "campaign": "c0", "rerun": True}
    run = on_one_list(rig, [first, "c1"])
    run.api.live["s/c0"] = replace(COMPLETED, instance_id="i0")
    run.api.scripts["s/c0"].clear()
    run.api.script("s/c0", replace(ACCEPTED, then=ACTIVE, takes=100.0))
    at(800.0, run, "s/c0", COMPLETED)
    await carried_out(run)

    assert 800.0 <= run.api.started("s/c1")[0] <= 865.0


async def test_a_campaign_that_was_edited_while_it_waited_is_held(rig):
    run = on_one_list(rig)
    at(100.0, run, "s/c1", LiveState("Active", instance_id="i9", contact_lists=EAST))
    at(200.0, run, "s/c0", COMPLETED)
    at(5000.0, run, "s/c1", COMPLETED)
    await carried_out(run)

    assert run.api.started("s/c1") == []
    assert run.deps.states.held["s/c1"][0] is Reason.CHANGED


async def test_others_go_on_while_one_waits(rig):
    run = on_one_list(rig, ["c0", "c1", "c2"], account={"in_flight": 1})
    run.api.live["s/c2"] = LiveState("Ready", instance_id="i0", contact_lists=("west",))
    at(300.0, run, "s/c0", COMPLETED)
    await carried_out(run)

    assert run.api.started("s/c2")[0] < 2.0


async def test_a_stop_ends_the_wait_at_once(rig):
    run = on_one_list(rig)
    stop = Stop(StopReason.SIGINT, "SIGINT received")
    asyncio.get_running_loop().call_later(90.0, run.stop_signal.set, stop)
    await carried_out(run)

    assert run.api.started("s/c1") == []
    assert asyncio.get_running_loop().time() < 95.0


async def test_a_read_that_fails_leaves_the_list_in_use(rig):
    run = on_one_list(rig, retry={"attempts": 1})
    at(70.0, run, "s/c0", COMPLETED)
    asyncio.get_running_loop().call_later(50.0, run.api.read_steps.append, says(422, "no"))
    await carried_out(run)

    assert 120.0 <= run.api.started("s/c1")[0] <= 190.0


async def test_with_hold_a_plan_says_it_and_the_run_does_not_wait(rig):
    run = on_one_list(rig, same_list="hold")
    plan = await carried_out(run)

    assert [(one.decision.action, one.decision.outcome) for one in plan.entries] == [
        (Action.START, None), (Action.SKIP, Outcome.HELD),
    ]  # fmt: skip
    assert run.api.started("s/c1") == []
    assert asyncio.get_running_loop().time() < 5.0


async def test_with_hold_a_first_that_did_not_start_is_told(rig):
    run = on_one_list(rig, 3, same_list="hold")
    run.api.scripts["s/c0"].clear()
    run.api.script("s/c0", REJECTED)
    await carried_out(run)

    free = "contact list 'east' is free: s/c0 did not start; run again at any time (same_list: hold)"
    assert run.deps.states.held == {"s/c1": (Reason.SHARED_LIST, free), "s/c2": (Reason.SHARED_LIST, free)}
    assert run.api.started("s/c1") == run.api.started("s/c2") == []


@pytest.mark.parametrize("lost", [True, False], ids=["unknown", "user elsewhere"])
async def test_with_hold_a_list_that_may_be_in_use_is_not_called_free(rig, lost):
    run = on_one_list(rig, same_list="hold")
    run.api.scripts["s/c0"].clear()
    run.api.script("s/c0", LOST if lost else REJECTED)
    if not lost:
        run.api.live["s/outside"] = ACTIVE
    await carried_out(run)

    assert run.deps.states.held.get("s/c1") is None


@pytest.mark.parametrize(("instance", "starts"), [(None, 0), ("i1", 1)], ids=["begins", "ran and was edited"])
async def test_what_an_earlier_run_started_may_still_be_ready(rig, instance, starts):
    intent = {"deadline": BASE, "baseline": {"status": "Ready"}}
    journal = (
        Record("spring", "s/c0", 1, "intent", "r-1", BASE - 9, LANE, intent),
        Record("spring", "s/c0", 1, "verdict", "r-1", BASE - 8, LANE, {"event": "accepted"}),
    )
    run = on_one_list(rig, same_list="hold", earlier=journal)
    run.api.live["s/c0"] = LiveState("Ready", instance_id=instance, contact_lists=EAST)
    plan = await carried_out(run)

    assert len(run.api.started("s/c1")) == starts
    message = "in use: s/c0 was started by this launch, and is still Ready; run again when"
    assert (message in plan.entries[1].decision.message) == (not starts)


async def test_with_hold_what_starts_elsewhere_meanwhile_is_seen(rig):
    waves = [{"name": "canary", "campaigns": ["s/other"], "bake": "10m"}, {"name": "rest"}]
    run = on_one_list(rig, ["other", "c0"], same_list="hold", waves=waves)
    run.api.live["s/other"] = LiveState("Ready", instance_id="i0")
    at(60.0, run, "s/outside", ACTIVE)
    await carried_out(run)

    assert run.api.started("s/c0") == []
    assert run.deps.states.held["s/c0"][0] is Reason.SHARED_LIST


async def test_with_warn_both_start(rig):
    run = on_one_list(rig, same_list="warn")
    await carried_out(run)

    assert len(run.api.started()) == 2


async def test_what_still_waits_at_not_after_is_held_with_that_reason(rig):
    run = on_one_list(rig, not_after="2023-11-14T23:00:00+00:00")
    await carried_out(run)

    assert run.deps.states.held["s/c1"][0] is Reason.WINDOW
    assert asyncio.get_running_loop().time() < 2900.0


def unread(run, **outside):
    """Campaigns that contact list `east` names, on pages after the one that preflight reads. By id, their states."""
    run.api.page_size = len(run.api.live)
    for name, live in outside.items():
        run.api.live[f"s/{name}"] = live
    run.api.lists["s"] = (ContactList("cl-1", "east", 100, "Ready", in_use=True, used_by=("c0", *outside)),)


async def test_one_that_runs_on_an_unread_page_is_waited_for(rig):
    run = on_one_list(rig, 1)
    unread(run, outside=replace(ACTIVE, name="Winter"))
    at(300.0, run, "s/outside", COMPLETED)
    plan = await carried_out(run)

    message = "waits: contact list 'east' is in use: Winter (s/outside) is Active (same_list: sequence)"
    assert plan.entries[0].decision.message == message
    assert 300.0 <= run.api.started("s/c0")[0] <= 365.0
    assert len(run.api.reads("get")) == 1


@pytest.mark.parametrize("status", ["Ready", "Completed"])
async def test_an_unread_one_that_only_names_the_list_is_no_user(rig, status):
    run = on_one_list(rig, 1, same_list="hold")
    unread(run, outside=replace(ACTIVE, status=status))
    await carried_out(run)

    assert len(run.api.started("s/c0")) == 1
    assert len(run.api.reads("get")) == 1


async def test_an_unread_one_that_is_gone_is_no_user(rig):
    run = on_one_list(rig, 1, same_list="hold")
    unread(run, outside=ACTIVE)
    del run.api.live["s/outside"]
    await carried_out(run)

    assert len(run.api.started("s/c0")) == 1


async def test_nobody_is_read_for_a_list_that_is_not_in_use(rig):
    run = on_one_list(rig, 1)
    unread(run, outside=ACTIVE)
    run.api.lists["s"] = (replace(run.api.lists["s"][0], in_use=False),)
    await carried_out(run)

    assert run.api.reads("get") == []
    assert run.api.started("s/c0")[0] < 5.0


async def test_an_unread_one_that_cannot_be_read_counts_as_a_user(rig):
    run = on_one_list(rig, 1, same_list="hold")
    unread(run, outside=COMPLETED)
    run.api.read_steps.extend([None, None, says(422, "no")])  # a page and the lists come before it
    await carried_out(run)

    assert run.api.started("s/c0") == []
    assert run.outcomes()["c0"] == ("held", "shared_list")
    assert "s/outside may be running: its state could not be read" in run.messages()["c0"]


async def test_a_hundred_unread_ones_cost_pages_and_not_calls(rig):
    run = on_one_list(rig, 1, same_list="hold")
    unread(run, **{f"old{n}": COMPLETED for n in range(100)}, outside=ACTIVE)
    run.api.live = {f"s/first{n}": LiveState("Ready") for n in range(49)} | run.api.live
    run.api.page_size = 50
    await carried_out(run)

    assert run.outcomes()["c0"] == ("held", "shared_list")
    # One page for the preflight; 20 are read by id, and all four pages for the other 81.
    assert (len(run.api.reads("get")), len(run.api.reads("list"))) == (20, 5)


async def test_what_waits_meets_one_that_nobody_has_seen(rig):
    run = on_one_list(rig)
    run.api.page_size = 2
    asyncio.get_running_loop().call_later(100.0, lambda: unread(run, outside=ACTIVE))
    at(200.0, run, "s/c0", COMPLETED)
    at(900.0, run, "s/outside", COMPLETED)
    await carried_out(run)

    assert 900.0 <= run.api.started("s/c1")[0] <= 965.0


async def test_lists_that_cannot_be_asked_for_end_no_wait(rig):
    run = on_one_list(rig, retry={"attempts": 1})
    run.api.lists["s"] = None
    at(200.0, run, "s/c0", COMPLETED)
    await carried_out(run)

    assert 200.0 <= run.api.started("s/c1")[0] <= 265.0
    assert len(run.api.reads("lists")) == 2


async def test_one_that_is_started_by_hand_as_its_turn_comes_is_a_user(rig):
    run = on_one_list(rig, 3)
    run.api.live, run.api.page_size = {f"s/c{n}": run.api.live[f"s/c{n}"] for n in (2, 0, 1)}, 1  # c2 is read alone
    at(1000.0, run, "s/c0", COMPLETED)
    at(5000.0, run, "s/c1", COMPLETED)
    asked = run.api.contact_lists

    async def starts_by_hand(target, **options):
        read = await asked(target, **options)
        if 1000.0 < asyncio.get_running_loop().time() < 1100.0:
            run.api.live["s/c1"] = ACTIVE
        return read

    run.api.contact_lists = starts_by_hand
    await carried_out(run)

    assert run.deps.states.held["s/c1"][0] is Reason.CHANGED
    assert 5000.0 <= run.api.started("s/c2")[0] <= 5062.0


async def test_one_whose_window_has_closed_keeps_no_list(rig):
    shut = {"zones": ["UTC"], "hours": "22:00-22:20"}
    campaigns = ["c0", {"stream": "s", "campaign": "c1", "window": "shut"}, "c2"]
    run = on_one_list(rig, campaigns, windows={"shut": shut}, windows_wait="1h")
    at(1000.0, run, "s/c0", COMPLETED)
    await carried_out(run)

    assert run.deps.states.held["s/c1"][0] is Reason.WINDOW
    assert 1000.0 <= run.api.started("s/c2")[0] <= 1130.0
