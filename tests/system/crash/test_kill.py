"""kill -9 at named points of the real program, then run again until done: nothing is ever started twice."""

import asyncio

import pytest

from tests.system.crash.conftest import KILLED, Scene, Zygote

POINTS = (
    "ledger_draft_empty", "ledger_draft_made", "ledger_linked", "before_launch", "after_launch", "before_lease",
    "after_lease", "before_preflight", "after_preflight", "run_handed_over", "run_acknowledged", "plan_acknowledged",
    "before_lane", "intent_handed_over", "intent_queued", "in_transaction", "intent_committed", "intent_acknowledged",
    "permit_granted", "before_start", "token", "connect", "connected", "before_first_byte", "first_byte", "last_byte",
    "headers_in", "body_in", "after_start", "verdict_handed_over", "verdict_queued", "verdict_committed",
    "verdict_acknowledged", "before_probe", "after_probe", "evidence_queued", "evidence_committed",
    "evidence_acknowledged", "after_lane", "before_end", "end_committed", "after_end", "before_report", "report_temp",
    "report_renamed", "after_report", "before_release", "after_release",
)  # fmt: skip
ONCE = {"ledger_draft_empty", "ledger_draft_made", "ledger_linked", "before_launch", "after_launch", "before_lease",
        "after_lease", "before_preflight", "after_preflight", "run_handed_over", "run_acknowledged",
        "plan_acknowledged", "before_lane", "after_lane", "before_end", "end_committed", "after_end",
        "before_release", "after_release"}  # fmt: skip
SEEDS, SOAK_SEEDS = 5, 25
RECOVERY = ("before_lease", "after_lease", "before_probe", "after_probe", "evidence_queued", "evidence_committed",
            "in_transaction", "intent_committed", "first_byte", "last_byte", "verdict_queued", "before_end",
            "report_temp")  # fmt: skip


def nth(point, seed):
    """Which time the point is reached: another one for each seed, where it is reached more than once."""
    if point in ONCE:
        return 1
    twice = any(word in point for word in ("evidence", "probe", "report"))  # two suspects, two formats
    return 1 + seed % (2 if twice else 3)


async def until_done(scene, zygote):
    for _ in range(4):
        code = await zygote.run(scene.directory, "run", "m.yaml")
        if code in {0, 11}:
            break
    scene.check_the_end(code)


async def crash_and_recover(directory, zygote, points, seed):
    """Crash at each of the points in turn, then run until done. Says whether the first was reached."""
    scripted = {"st-1/cd-1": ["reset_after"], "st-1/cd-3": ["truncate"], "st-1/cd-4": ["refuse_limited"][: seed % 2]}
    async with Scene.opened(directory, scripted=scripted) as scene:
        codes = [
            await zygote.run(scene.directory, "run", "m.yaml", point=point, nth=nth(point, seed)) for point in points
        ]
        scene.check_never_twice()
        await until_done(scene, zygote)
    return codes[0] == KILLED


async def spread(jobs, lanes):
    """Run the jobs, each on a zygote of its own, as many at once as there are lanes. Results in the jobs' order."""
    queue, results = list(enumerate(jobs)), {}

    async def work():
        async with Zygote.started() as zygote:
            while queue:
                number, job = queue.pop(0)
                results[number] = await job(zygote)

    async with asyncio.TaskGroup() as group:
        for _ in range(lanes):
            group.create_task(work())
    return [results[number] for number in range(len(results))]


def job(directory, points, seed):
    return lambda zygote: crash_and_recover(directory, zygote, points, seed)


@pytest.mark.parametrize(
    "seed", [*range(SEEDS), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(SEEDS, SOAK_SEEDS))]
)
async def test_a_crash_at_any_point_never_starts_anything_twice(tmp_path, seed):
    reached = await spread([job(tmp_path / point, [point], seed) for point in POINTS], lanes=8)

    assert [point for point, was in zip(POINTS, reached, strict=True) if not was] == []


@pytest.mark.parametrize("first", ["intent_committed", "last_byte", "verdict_queued"])
async def test_a_crash_during_crash_recovery_changes_nothing(tmp_path, first):
    reached = await spread([job(tmp_path / second, [first, second], 0) for second in RECOVERY], lanes=8)

    assert all(reached)
