import asyncio
import io

import aiohttp
import pytest
import yaml

from orchestrator.sandbox.platform import Limit
from orchestrator.sandbox.serve import manifest_of, serve
from orchestrator.sandbox.world import WorldError, demo_world


async def test_it_introduces_itself_and_serves_until_ended(eventually):
    out, err, ended = io.StringIO(), io.StringIO(), asyncio.Event()
    task = asyncio.create_task(serve(port=0, world_path=None, faults="none", seed=0, ended=ended, out=out, err=err))
    await eventually(out.getvalue)
    text = out.getvalue()
    manifest = yaml.safe_load(text.partition("# A manifest")[2].partition("\n")[2])
    exports = [line.split("=")[0] for line in text.splitlines() if line.startswith("export ")]
    account = manifest["accounts"]["account1"]
    assert f"export {account['client_secret']['env']}" in exports
    assert len(manifest["campaigns"]) == 20
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{manifest['host']}/agentassist/api/v1/public/x/campaign/getAllCampaignDetails") as reply,
    ):
        assert reply.status == 401
    ended.set()
    await task
    assert out.getvalue().endswith("# 0 starts accepted, 0 hazards, 0 calls, 0 over the limit\n")
    assert '"op": "list"' in err.getvalue()


def test_a_manifest_keeps_to_a_smaller_limit():
    manifest = manifest_of("http://127.0.0.1:1", demo_world(1, 1, Limit(5, 1.0)))
    assert manifest["accounts"]["account1"]["rate"] == "5/1s"


async def test_a_missing_world_is_explained(tmp_path):
    out = io.StringIO()
    with pytest.raises(WorldError):
        await serve(
            port=0, world_path=tmp_path / "none.yaml", faults="none", seed=0, ended=asyncio.Event(), out=out, err=out
        )
