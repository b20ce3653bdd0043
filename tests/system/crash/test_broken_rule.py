"""A copy of the permit rule that is broken on purpose: the crash tests must notice."""

import dataclasses

import pytest

from tests.system.crash.conftest import KILLED, Scene, Zygote


async def crash_while_the_platform_still_queues(directory, **how):
    """The start is carried out, the process dies, and a look at the platform reports Ready: the request is queued."""
    async with Scene.opened(directory, count=1) as scene, Zygote.started() as zygote:
        assert await zygote.run(scene.directory, "run", "m.yaml", point="headers_in", nth=3, **how) == KILLED
        assert scene.starts == {"st-1/cd-0": 1}
        found = scene.server.platform.campaign("st-1", "cd-0")
        scene.server.platform.put(dataclasses.replace(found, status="Ready", instance_id=None, updated_at=None))
        code = await zygote.run(scene.directory, "run", "m.yaml")
        scene.check_never_twice()
        return code


async def test_with_the_real_rule_nothing_is_sent_again(tmp_path):
    assert await crash_while_the_platform_still_queues(tmp_path / "scene") == 11


async def test_sending_before_the_commit_is_caught(tmp_path):
    with pytest.raises(AssertionError, match="'st-1/cd-0': 2"):
        await crash_while_the_platform_still_queues(tmp_path / "scene", mutant="send before commit")
