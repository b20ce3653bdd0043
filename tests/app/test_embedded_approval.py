"""A program that has a plan approved, and runs it at a time: what `run --plan --approval --at` does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator import plan_launch, run_launch
from orchestrator.console.plan import as_json
from orchestrator.core.plan.plan_hash import canonical
from orchestrator.errors import PlanInvalid, Refused
from tests.signatures import Signer

SIGNERS = {"approval": {"signers": "allowed_signers"}}


async def approved(place, **changes):
    """The manifest, and where the plan and its signature are."""
    cleo = Signer(place.directory, "cleo@example.com")
    (place.directory / "allowed_signers").write_text(cleo.line(), encoding="ascii")
    manifest = place.load(**SIGNERS, **changes)
    plan, signature = place.directory / "plan.json", place.directory / "plan.json.sig"
    made = await plan_launch(manifest, select=["campaign:cd-0,campaign:cd-1"])
    plan.write_text(canonical(as_json(made)) + "\n", encoding="utf-8")
    signature.write_bytes(cleo.sign(plan.read_bytes()))
    return manifest, plan, signature


async def test_a_program_runs_a_plan_that_was_signed(places):
    place = await places()
    manifest, plan, signature = await approved(place)
    with pytest.raises(Refused, match="has 0"):
        await run_launch(manifest, plan=plan)
    result = await run_launch(manifest, plan=str(plan), approvals=[signature])

    assert place.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1}
    assert [one["by"] for one in result.run["approvals"]] == ["cleo@example.com"]


async def test_a_programs_plan_is_compared_with_the_platform(places):
    place = await places()
    manifest, plan, signature = await approved(place)
    known = place.server.platform.campaign("st-1", "cd-1")
    place.server.platform.put(replace(known, message="Another"))
    with pytest.raises(Refused, match="message changed since the plan"):
        await run_launch(manifest, plan=plan, approvals=[signature])
    plan.write_text("{}", encoding="utf-8")
    with pytest.raises(PlanInvalid):
        await run_launch(manifest, plan=plan, approvals=[signature])
    assert place.starts == {}


async def test_a_program_starts_at_a_time(places):
    place = await places(count=1)
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    assert (await plan_launch(place.load(), at=at)).estimate.begins == at.timestamp()
    result = await run_launch(place.load(), at=at)

    assert datetime.fromisoformat(result.campaigns[0].sent_at) >= at
    for wrong in (at.replace(tzinfo=None), at - timedelta(hours=1)):
        with pytest.raises(ValueError, match=r"^at "):
            await run_launch(place.load(), at=wrong)
