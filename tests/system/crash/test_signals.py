"""Each signal at 12 phases of a run: no new start, what was in flight is recorded, and the next run finishes."""

import asyncio
import contextlib
import signal

import pytest

from tests.system.crash.conftest import Scene, Zygote

# Two of each phase: the signal is sent by the program to itself, at the n-th time it reaches the point.
PHASES = (
    ("after_lease", 1), ("before_preflight", 1), ("after_preflight", 1), ("plan_acknowledged", 1),
    ("intent_queued", 2), ("intent_committed", 3), ("before_first_byte", 2), ("last_byte", 3), ("headers_in", 2),
    ("verdict_committed", 2), ("before_probe", 1), ("before_end", 1),
)  # fmt: skip
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


async def signalled(directory, zygote, number, point, nth):
    scripted = {"st-1/cd-1": ["reset_after"], "st-1/cd-6": ["slow"]}
    async with Scene.opened(directory, count=8, scripted=scripted) as scene:
        code = await zygote.run(scene.directory, "run", "m.yaml", point=point, nth=nth, signal=int(number))
        sent = scene.starts
        last = await zygote.run(scene.directory, "run", "m.yaml")
        scene.check_the_end(last)
        assert code in {CODES[number], 11, 0 if point == "before_end" else 11}, (point, code, scene.log)
        assert all(count == 1 for count in sent.values())
        return code


@pytest.mark.parametrize("number", CODES, ids=lambda n: n.name)
async def test_a_signal_in_any_phase_stops_new_starts_and_loses_none(tmp_path, number):
    async with contextlib.AsyncExitStack() as stack:
        pool = [await stack.enter_async_context(Zygote.started()) for _ in range(4)]

        async def some(zygote, phases):
            return [await signalled(tmp_path / point, zygote, number, point, nth) for point, nth in phases]

        codes = await asyncio.gather(*(some(zygote, PHASES[i::4]) for i, zygote in enumerate(pool)))

    assert CODES[number] in [code for part in codes for code in part]
