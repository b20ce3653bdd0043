"""What a lane's next holder must know, and what becomes of it when a run fails before its first call."""

import pytest

from orchestrator.core.journal.lease import AcquiredLease
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.selection import Choice
from orchestrator.engine.run import Run, inherited_calls, lanes_in_use
from tests.fakes import BASE


async def test_a_lane_taken_over_from_a_crash_is_handed_on_as_full(rig):
    """Else it would look clean to the next holder, and its window empty."""
    manifest = rig(account={"rate": ["5/10s"]}, timeouts={"total": "30s"}).manifest
    (lane,) = lanes_in_use(manifest)

    assert inherited_calls(manifest, [AcquiredLease(lane, 2, released_cleanly=False)], BASE) == {lane: [BASE + 30] * 5}


@pytest.mark.parametrize(("ago", "kept"), [(3.0, 1), (9.9, 1), (11.0, 0)])
async def test_a_clean_lane_is_handed_on_with_calls_that_still_count(rig, ago, kept):
    manifest = rig(account={"rate": ["5/10s"]}).manifest
    (lane,) = lanes_in_use(manifest)
    handed_on = inherited_calls(
        manifest, [AcquiredLease(lane, 2, released_cleanly=True, recent_calls=(BASE - ago,))], BASE
    )

    assert handed_on == {lane: [BASE - ago] * kept}


async def test_without_preflight_nothing_is_asked_and_no_target_made(rig, monkeypatch):
    """A list of a million call targets would be the peak of a run's memory."""
    made = []
    monkeypatch.setattr("orchestrator.core.plan.plan.CallTarget", lambda *_: made.append(1))
    own = rig(3, preflight={"check": "off"})
    plan = await Run(own.deps, [AcquiredLease(lane, 1, released_cleanly=True) for lane in own.lanes]).plan(Choice())

    assert plan.count(Action.START) == 3
    assert (own.api.calls, made) == ([], [])
